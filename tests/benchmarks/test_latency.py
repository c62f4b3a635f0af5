"""What the latency benchmark reports of several runs, and how events are made."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.latency import findings, medians
from benchmarks.steady_producer import Schedule, produce
from benchmarks.visibility import Trial

_TRIAL = Trial(
    contender="stream-scorer",
    rate=500,
    run=1,
    events=10_000,
    p50_ms=12.0,
    p95_ms=20.0,
    p99_ms=30.0,
    most_ms=50.0,
    missing=0,
    repeated=0,
    lag_growth_per_second=0.0,
    keeps_up=True,
    cpu_share=0.2,
    late_p99_ms=0.5,
)


def test_of_several_runs_the_one_with_the_middle_p99_is_shown() -> None:
    """A whole run, so that its percentiles belong together."""
    runs = [replace(_TRIAL, run=n, p99_ms=ms) for n, ms in enumerate((40.0, 10.0, 20.0))]
    slow = replace(_TRIAL, rate=2_000)
    assert medians([*runs, slow]) == [runs[2], slow]


def test_targets_are_ratios_to_whoever_took_part() -> None:
    """Without the bare loop at that rate there is nothing to compare with."""
    bare = replace(_TRIAL, contender="bare loop", p50_ms=8.0)
    (finding,) = findings([_TRIAL, bare, replace(bare, rate=2_000)])
    assert finding.what == "p50 at 500/s, times bare loop"
    assert finding.measured == pytest.approx(1.5)
    assert not finding.is_met
    assert findings([_TRIAL]) == []


def test_at_10_000_events_a_second_the_slowest_count() -> None:
    """There the target is p99."""
    mine = replace(_TRIAL, rate=10_000)
    bare = replace(mine, contender="bare loop", p99_ms=25.0)
    (finding,) = findings([mine, bare])
    assert finding.measured == pytest.approx(1.2)
    assert finding.is_met


class _Taken:
    """A producer that keeps what it is given."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes, bytes, int]] = []

    def produce(self, topic: str, value: bytes, key: bytes, partition: int) -> None:
        self.records.append((topic, value, key, partition))

    def poll(self, _: float) -> int:
        return 0


def test_a_schedule_is_kept() -> None:
    """All its events, in order and over all partitions, and none before its time."""
    taken: Any = _Taken()
    schedule = Schedule("events", partitions=4, rate=2_000, seconds=0.1)
    late = produce(taken, schedule, [b"a", b"b", b"c"])
    made = [int(key) for _, _, key, _ in taken.records]
    assert len(taken.records) == schedule.events == 200
    assert [value for _, value, _, _ in taken.records[:4]] == [b"a", b"b", b"c", b"a"]
    assert made == sorted(made)
    assert made[-1] - made[0] >= 0.09 * 1e9
    assert min(late) >= 0
    assert set(Counter(partition for *_, partition in taken.records)) == {0, 1, 2, 3}
