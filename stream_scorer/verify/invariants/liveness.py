"""I9: the fleet reaches the end in time, and no partition stalls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stream_scorer.records import TopicPartition
from stream_scorer.verify.invariants.found import Found, named
from stream_scorer.verify.values import Entry, Invariant, Violation


@dataclass(slots=True)
class _Standing:
    committed: int
    waiting: bool
    seconds: float = 0.0
    said: bool = False


class Liveness:
    """Adds up how long each partition stalls while events wait and no fault halts the fleet.

    A worker that takes a partition over gets the whole limit for it: several workers that are
    injured in turn are not a stall. A partition that is handed over forever is found when the
    faults are over: see :meth:`end_not_reached`. Times are seconds of any one clock.

    Args:
        bound_seconds: how long one worker may leave a partition without progress.
        longest_step_seconds: the most that the time between two samples counts; a fleet that could
            not be queried for longer may have made progress meanwhile.
    """

    def __init__(self, bound_seconds: float, longest_step_seconds: float = 5.0) -> None:
        self._bound_seconds = bound_seconds
        self._longest_step_seconds = longest_step_seconds
        self._found = Found()
        self._standing: dict[TopicPartition, _Standing] = {}
        self._holders: dict[TopicPartition, str] = {}
        self._sampled_at: float | None = None

    def told(self, entry: Entry) -> None:
        """Record a history entry."""
        if entry.what != "assigned":
            return
        for topic, number in entry.details["partitions"]:
            partition = TopicPartition(topic, number)
            if self._holders.get(partition) != entry.who:
                self._holders[partition] = entry.who
                self._standing.pop(partition, None)

    def sampled(
        self,
        at: float,
        committed: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
        *,
        impaired: bool,
    ) -> None:
        """Record the fleet's progress; ``ends`` are the offsets after the last input event.

        The time since the last sample does not count while the fleet is halted (``impaired``), or
        for a partition that is absent.
        """
        known = self._sampled_at is not None and not impaired
        passed = min(at - (self._sampled_at or 0.0), self._longest_step_seconds) if known else 0.0
        self._sampled_at = at
        for partition, offset in committed.items():
            waiting = offset < ends.get(partition, 0)
            standing = self._standing.get(partition)
            if (
                standing is None
                or not (standing.waiting and waiting)
                or offset != standing.committed
            ):
                self._standing[partition] = _Standing(offset, waiting)
                continue
            standing.seconds += passed
            if standing.seconds > self._bound_seconds and not standing.said:
                standing.said = True
                self._found.add(
                    Invariant.LIVENESS,
                    f"{named(partition)} was stuck at offset {offset} of {ends[partition]} for "
                    f"more than {self._bound_seconds:.0f} s with one worker that nothing halted.",
                )

    def end_not_reached(
        self,
        within_seconds: float,
        committed: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
    ) -> None:
        """Record that the fleet did not reach the end in time after the last fault was healed."""
        for partition, end in sorted(ends.items()):
            if committed.get(partition, 0) < end:
                self._found.add(
                    Invariant.LIVENESS,
                    f"{named(partition)} is at offset {committed.get(partition, 0)} of {end}, "
                    f"{within_seconds:.0f} s after the last fault was healed.",
                )

    def violations(self) -> list[Violation]:
        """Return the violations found so far."""
        return self._found.violations()
