"""The time without commits of a partition whose worker is killed."""

from __future__ import annotations

import signal
import statistics
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np

from stream_scorer.records import TopicPartition
from stream_scorer.verify.points import Act
from stream_scorer.verify.values import Entry

_KILLED_EXIT = -signal.SIGKILL


@dataclass(frozen=True, slots=True)
class Gap:
    """A partition whose worker was killed.

    Attributes:
        who: the worker that was killed, the last to have committed for the partition.
        killed_at: seconds since the epoch.
        partition: of the input.
        seconds: from the last commit before the kill to the first one after it, by any worker;
            ``None`` if no commit followed.
        disturbed: whether another fault was active before that commit.
    """

    who: str
    killed_at: float
    partition: TopicPartition
    seconds: float | None
    disturbed: bool


@dataclass(frozen=True, slots=True)
class RecoveryTimes:
    """All gaps as numbers.

    Attributes:
        kills: how many workers were killed.
        seconds: of the closed gaps that were not disturbed.
        worst: the longest of these, ``None`` if there is none.
        disturbed: how many closed gaps were disturbed.
        worst_disturbed: the longest of these, ``None`` if there is none.
    """

    kills: int = 0
    seconds: tuple[float, ...] = ()
    worst: Gap | None = None
    disturbed: int = 0
    worst_disturbed: Gap | None = None

    @property
    def median_seconds(self) -> float | None:
        """Return the median of the undisturbed gaps, ``None`` if there is none."""
        return statistics.median(self.seconds) if self.seconds else None


def together(times: Sequence[RecoveryTimes]) -> RecoveryTimes:
    """Return the gaps of several rounds as numbers."""
    return RecoveryTimes(
        kills=sum(each.kills for each in times),
        seconds=tuple(seconds for each in times for seconds in each.seconds),
        worst=_longest(each.worst for each in times),
        disturbed=sum(each.disturbed for each in times),
        worst_disturbed=_longest(each.worst_disturbed for each in times),
    )


def _longest(gaps: Iterable[Gap | None]) -> Gap | None:
    return max(filter(None, gaps), key=lambda gap: gap.seconds or 0.0, default=None)


class Recovery:
    """Collects commits and kills from the history; its entries may come in any order.

    A kill is an entry ``reached`` with SIGKILL, or ``ended`` by SIGKILL, whichever is earlier. A
    gap is disturbed by another worker's ``reached``, or by a fault that is ``injured`` and not yet
    ``healed`` (or ``missed``), unless that fault is a kill. Memory: twelve bytes for each commit
    and partition.
    """

    def __init__(self) -> None:
        self._commits: dict[TopicPartition, tuple[array[float], array[int]]] = {}
        self._numbers: dict[str, int] = {}
        self._sent: dict[str, Sequence[TopicPartition]] = {}
        self._killed_at: dict[str, float] = {}
        self._reached: list[tuple[float, str]] = []
        self._injured: dict[str, list[float]] = {}
        self._healed: dict[str, list[float]] = {}

    def told(self, entry: Entry) -> None:
        """Record a history entry."""
        details = entry.details
        match entry.what:
            case "sent":
                offsets = details["offsets"]
                self._sent[details["transaction"]] = [TopicPartition(t, p) for t, p, _ in offsets]
            case "committed":
                self._committed(entry)
            case "aborted":
                self._sent.pop(details["transaction"], None)
            case "reached":
                self._reached.append((entry.at, entry.who))
                if details["act"] == Act.KILL:
                    self._killed(entry.who, entry.at)
            case "ended" if details.get("exit_code") == _KILLED_EXIT:
                self._killed(details["worker"], entry.at)
            case "injured" if not details["fault"].startswith(Act.KILL):
                self._injured.setdefault(details["fault"], []).append(entry.at)
            case "healed" | "missed":
                self._healed.setdefault(details["fault"], []).append(entry.at)

    def gaps(self) -> list[Gap]:
        """Return the gaps that each kill left, in the order of the kills."""
        spans, reached = self._injuries(), sorted(self._reached)
        commits = {partition: _Commits(*columns) for partition, columns in self._commits.items()}
        found = []
        for who, at in sorted(self._killed_at.items(), key=lambda kill: kill[1]):
            number = self._numbers.get(who)
            for partition in sorted(commits):
                last, until = commits[partition].around(at)
                if last is None or last.worker != number:
                    continue
                during = reached[bisect_left(reached, (at, "")) : bisect_left(reached, (until, ""))]
                disturbed = any(by != who for _, by in during) or any(
                    start < until and end > at for start, end in spans
                )
                seconds = None if until == inf else until - last.at
                found.append(Gap(who, at, partition, seconds, disturbed))
        return found

    def times(self) -> RecoveryTimes:
        """Return the gaps as numbers."""
        closed = [gap for gap in self.gaps() if gap.seconds is not None]
        clean = [gap for gap in closed if not gap.disturbed]
        disturbed = [gap for gap in closed if gap.disturbed]
        return RecoveryTimes(
            kills=len(self._killed_at),
            seconds=tuple(gap.seconds for gap in clean if gap.seconds is not None),
            worst=_longest(clean),
            disturbed=len(disturbed),
            worst_disturbed=_longest(disturbed),
        )

    def _committed(self, entry: Entry) -> None:
        number = self._numbers.setdefault(entry.who, len(self._numbers))
        for partition in self._sent.pop(entry.details["transaction"], ()):
            times, workers = self._commits.setdefault(partition, (array("d"), array("I")))
            times.append(entry.at)
            workers.append(number)

    def _killed(self, who: str, at: float) -> None:
        self._killed_at[who] = min(at, self._killed_at.get(who, inf))

    def _injuries(self) -> list[tuple[float, float]]:
        """Return the start and the end of each period with an active fault."""
        return [
            (start, next((end for end in self._healed.get(fault, ()) if end >= start), inf))
            for fault, starts in self._injured.items()
            for start in starts
        ]


class _Commit(NamedTuple):
    at: float
    worker: int


class _Commits:
    """The commits for one partition, in time order."""

    def __init__(self, times: array[float], workers: array[int]) -> None:
        order = np.argsort(times, kind="stable")
        self._times = np.array(times)[order]
        self._workers = np.array(workers)[order]

    def around(self, at: float) -> tuple[_Commit | None, float]:
        """Return the last commit up to a time, and the time of the next one (infinity: none)."""
        after = int(np.searchsorted(self._times, at, side="right"))
        until = float(self._times[after]) if after < len(self._times) else inf
        if after == 0:
            return None, until
        return _Commit(float(self._times[after - 1]), int(self._workers[after - 1])), until
