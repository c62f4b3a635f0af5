"""What the throughput benchmark is to show, and whether it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.results import Summary
from benchmarks.tables import CEILING

OURS = "stream-scorer"
COLUMNS = ("target", "measured", "wanted", "")
_WORKLOAD = "mlp-30"
_LEAST_TIMES_AS_FAST = {CEILING: 0.85, "batched loop": 7, "Quix Streams": 30, "Kafka Streams": 3.5}
_MOST_CPU_OF_CEILING = 1.25
_MOST_PEAK_MB = 150
_MB_IN_A_MIB = 1.048576


@dataclass(frozen=True, slots=True)
class Finding:
    """A target, and what was measured; ``is_least`` says that more is better."""

    what: str
    measured: float
    bound: float
    is_least: bool

    @property
    def is_met(self) -> bool:
        """Return whether the bound holds, with nothing rounded."""
        if self.is_least:
            return self.measured >= self.bound
        return self.measured <= self.bound

    def cells(self) -> tuple[str, ...]:
        """Return it as a row of a table."""
        word = "at least" if self.is_least else "at most"
        met = "met" if self.is_met else "missed"
        return self.what, f"{self.measured:,.2f}", f"{word} {self.bound:g}", met


def findings(summaries: Sequence[Summary]) -> list[Finding]:
    """Return the targets for which both sides were measured, as ratios of medians."""
    medians = {each.contender: each for each in summaries if each.workload == _WORKLOAD}
    ours = medians.get(OURS)
    if ours is None:
        return []
    speeds = [
        Finding(
            f"{_WORKLOAD}: events/s, times {name}",
            ours.events_per_second.median / medians[name].events_per_second.median,
            bound,
            is_least=True,
        )
        for name, bound in _LEAST_TIMES_AS_FAST.items()
        if name in medians
    ]
    peak_mb = ours.peak_rss_mib.median * _MB_IN_A_MIB
    peak = Finding(f"{_WORKLOAD}: peak memory, MB", peak_mb, _MOST_PEAK_MB, is_least=False)
    if CEILING not in medians:
        return [*speeds, peak]
    cpu = ours.cpu_us_per_event.median / medians[CEILING].cpu_us_per_event.median
    what = f"{_WORKLOAD}: CPU an event, times {CEILING}"
    return [*speeds, Finding(what, cpu, _MOST_CPU_OF_CEILING, is_least=False), peak]
