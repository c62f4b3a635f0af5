"""I5: committed offsets never go back, and are right after the last visible result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from stream_scorer.records import TopicPartition
from stream_scorer.verify.invariants.found import Found, named, spot
from stream_scorer.verify.values import Invariant, Trace

#: Yields the events without a result between two offsets of a partition.
WithoutTrace = Callable[[TopicPartition, int, int], Iterator[int]]


class Offsets:
    """Compares samples of the committed offsets with each other and with the visible results.

    A sample must be requested after the results recorded so far were read, with stable offsets
    (KIP-447): it then never lacks the offset of a transaction whose records are visible.
    """

    def __init__(self, found: Found) -> None:
        self._found = found
        self._committed: dict[TopicPartition, int] = {}
        self._visible: dict[TopicPartition, int] = {}

    def seen(self, trace: Trace) -> None:
        """Record a result."""
        last = self._visible.get(trace.source, -1)
        self._visible[trace.source] = max(last, trace.source_offset)

    def sampled(self, committed: Mapping[TopicPartition, int], at: float | None = None) -> None:
        """Record a sample; a partition may be absent, and 0 means that nothing is committed yet."""
        when = "" if at is None else f" (sampled at {datetime.fromtimestamp(at, UTC):%H:%M:%S} UTC)"
        for partition, offset in committed.items():
            before = self._committed.get(partition, 0)
            if offset < before:
                self._found.add(
                    Invariant.OFFSETS,
                    f"The committed offset of {named(partition)} went back from {before} to "
                    f"{offset}{when}.",
                )
            self._committed[partition] = offset
            self._check_visible(partition, offset, when)

    def finish(self, committed: Mapping[TopicPartition, int], without_trace: WithoutTrace) -> None:
        """Record the last sample, of all partitions, once all events and results are recorded."""
        complete = {**dict.fromkeys(self._visible, 0), **committed}
        self.sampled(complete)
        for partition, offset in sorted(complete.items()):
            last = self._visible.get(partition, -1)
            between = next(without_trace(partition, last + 1, offset), None)
            if between is not None:
                self._found.add(
                    Invariant.OFFSETS,
                    f"{named(partition)} is committed up to {offset}, but its last result is for "
                    f"offset {last}, and event {spot(partition, between)} lies between.",
                )

    def _check_visible(self, partition: TopicPartition, offset: int, when: str) -> None:
        last = self._visible.get(partition, -1)
        if offset <= last:
            self._found.add(
                Invariant.OFFSETS,
                f"{named(partition)} is committed only up to {offset}, but the result of "
                f"{spot(partition, last)} is visible{when}.",
            )
