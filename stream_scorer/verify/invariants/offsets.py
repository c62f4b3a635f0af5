"""I5: committed offsets never go back, and lie right behind the last visible trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from stream_scorer.records import TopicPartition
from stream_scorer.verify.invariants.found import Found, named, spot
from stream_scorer.verify.values import Invariant, Trace

#: Yields the events without a trace between two offsets of a partition.
WithoutTrace = Callable[[TopicPartition, int, int], Iterator[int]]


class Offsets:
    """Holds samples of the committed offsets against each other and against what is visible.

    A sample must have been asked for after the traces given so far were read, with stable offsets
    (KIP-447): then the offset of a transaction whose records are visible is never missing in it.
    """

    def __init__(self, found: Found) -> None:
        self._found = found
        self._committed: dict[TopicPartition, int] = {}
        self._visible: dict[TopicPartition, int] = {}

    def seen(self, trace: Trace) -> None:
        """Take a trace in."""
        last = self._visible.get(trace.source, -1)
        self._visible[trace.source] = max(last, trace.source_offset)

    def sampled(self, committed: Mapping[TopicPartition, int], at: float | None = None) -> None:
        """Take a sample in; a partition may be absent, nothing committed yet is 0."""
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
        """Take the last sample in, of all partitions, once all events and traces are in."""
        complete = {**dict.fromkeys(self._visible, 0), **committed}
        self.sampled(complete)
        for partition, offset in sorted(complete.items()):
            last = self._visible.get(partition, -1)
            between = next(without_trace(partition, last + 1, offset), None)
            if between is not None:
                self._found.add(
                    Invariant.OFFSETS,
                    f"{named(partition)} is committed up to {offset}; its last trace is "
                    f"of offset {last}, and the event {spot(partition, between)} lies between.",
                )

    def _check_visible(self, partition: TopicPartition, offset: int, when: str) -> None:
        last = self._visible.get(partition, -1)
        if offset <= last:
            self._found.add(
                Invariant.OFFSETS,
                f"{named(partition)} is committed only up to {offset}, and the trace of "
                f"{spot(partition, last)} is visible{when}.",
            )
