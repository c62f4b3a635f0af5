"""I10: memory, file descriptors and threads of a worker stay flat."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from stream_scorer.verify.invariants.found import Found
from stream_scorer.verify.values import Entry, Invariant

_MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Growth:
    """The limit for a worker's growth after its warm-up.

    The warm level is the maximum within ``warm_up_seconds`` of the first sample. After that, the
    minimum of any ``samples`` consecutive samples counts, because a rebuilt producer briefly exists
    beside the old one. It may reach the warm level times ``1 + share``, plus an absolute part.
    """

    warm_up_seconds: float = 30.0
    samples: int = 5
    share: float = 0.2
    rss_bytes: int = 64 * _MEBIBYTE
    descriptors: int = 32
    threads: int = 16


@dataclass(slots=True)
class _Worker:
    first_at: float
    warm: dict[str, float] = field(default_factory=dict)
    recent: dict[str, deque[float]] = field(default_factory=dict)
    grown: set[str] = field(default_factory=set)


class NoLeak:
    """Checks the ``resources`` entries of the workers; each ``who`` is one process."""

    def __init__(self, found: Found, growth: Growth) -> None:
        self._found = found
        self._growth = growth
        self._allowed: Mapping[str, float] = {
            "rss_bytes": growth.rss_bytes,
            "descriptors": growth.descriptors,
            "threads": growth.threads,
        }
        self._workers: dict[str, _Worker] = {}

    def told(self, entry: Entry) -> None:
        """Record a history entry of a worker."""
        if entry.what != "resources":
            return
        worker = self._workers.setdefault(entry.who, _Worker(entry.at))
        warming = entry.at - worker.first_at <= self._growth.warm_up_seconds
        for name, extra in self._allowed.items():
            value = float(entry.details[name])
            if warming:
                worker.warm[name] = max(value, worker.warm.get(name, 0.0))
            else:
                self._check(entry, worker, name, value, extra)

    def _check(self, entry: Entry, worker: _Worker, name: str, value: float, extra: float) -> None:
        recent = worker.recent.setdefault(name, deque(maxlen=self._growth.samples))
        recent.append(value)
        warm = worker.warm[name]
        least = min(recent)
        if len(recent) < self._growth.samples or name in worker.grown:
            return
        if least > warm * (1 + self._growth.share) + extra:
            worker.grown.add(name)
            self._found.add(
                Invariant.NO_LEAK,
                f"{entry.who} grew from {warm:.0f} to {least:.0f} {name} within "
                f"{entry.at - worker.first_at:.0f} s.",
            )
