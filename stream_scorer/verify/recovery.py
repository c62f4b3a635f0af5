"""How long a partition stands still when the worker that has it is killed."""

from __future__ import annotations

import statistics
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from stream_scorer.records import TopicPartition
from stream_scorer.verify.points import Act
from stream_scorer.verify.values import Entry

_KILLED_EXIT = -9


@dataclass(frozen=True, slots=True)
class Gap:
    """A partition without its worker.

    Attributes:
        who: the worker that was killed, the last to have committed for the partition.
        killed_at: seconds since the epoch.
        partition: of the input.
        seconds: from the last commit before the kill to the first one after it, by whomever;
            ``None`` if there was none any more.
        disturbed: something else was injured before that commit.
    """

    who: str
    killed_at: float
    partition: TopicPartition
    seconds: float | None
    disturbed: bool


@dataclass(frozen=True, slots=True)
class RecoveryTimes:
    """All gaps in numbers.

    Attributes:
        kills: how many workers were killed.
        measured: how many gaps have closed that nothing disturbed; median and worst are of these.
        median_seconds: ``None`` if there is none.
        worst: alike.
        disturbed: how many gaps have closed that were disturbed.
        worst_disturbed: the longest of these, ``None`` if there is none.
    """

    kills: int
    measured: int
    median_seconds: float | None
    worst: Gap | None
    disturbed: int
    worst_disturbed: Gap | None


class Recovery:
    """Gathers commits and kills from the history; its lines may come in any order.

    A kill is a line ``reached`` with SIGKILL, or ``ended`` by it, whichever is earlier. Disturbed
    is a gap by another worker's ``reached``, or by what is ``injured`` and not ``healed`` (or
    ``missed``) yet, unless that is a kill. Memory: twelve bytes for each commit and partition.
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
        """Take a line of the history in."""
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
        spans = self._injuries()
        return [
            gap
            for who, at in sorted(self._killed_at.items(), key=lambda kill: kill[1])
            for partition in sorted(self._commits)
            if (gap := self._gap(who, at, partition, spans)) is not None
        ]

    def times(self) -> RecoveryTimes:
        """Return the gaps in numbers."""
        closed = {gap: gap.seconds for gap in self.gaps() if gap.seconds is not None}
        clean = [gap for gap in closed if not gap.disturbed]
        disturbed = [gap for gap in closed if gap.disturbed]
        return RecoveryTimes(
            kills=len(self._killed_at),
            measured=len(clean),
            median_seconds=statistics.median(map(closed.__getitem__, clean)) if clean else None,
            worst=max(clean, key=closed.__getitem__, default=None),
            disturbed=len(disturbed),
            worst_disturbed=max(disturbed, key=closed.__getitem__, default=None),
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
        """Return from when to when something was injured."""
        return [
            (start, next((end for end in self._healed.get(fault, ()) if end >= start), inf))
            for fault, starts in self._injured.items()
            for start in starts
        ]

    def _gap(
        self, who: str, at: float, partition: TopicPartition, spans: list[tuple[float, float]]
    ) -> Gap | None:
        """Return the gap in a partition, ``None`` if it was not the killed worker's."""
        times, workers = (np.array(column) for column in self._commits[partition])
        before, after = times <= at, times > at
        if not before.any():
            return None
        last = int(np.flatnonzero(before)[times[before].argmax()])
        if workers[last] != self._numbers.get(who):
            return None
        until = float(times[after].min()) if after.any() else inf
        disturbed = any(at <= time < until and by != who for time, by in self._reached) or any(
            start < until and end > at for start, end in spans
        )
        seconds = None if until == inf else until - float(times[last])
        return Gap(who, at, partition, seconds, disturbed)
