"""I1 and I8: each event has one result, of the right kind, with the right score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stream_scorer.records import Reason, TopicPartition
from stream_scorer.verify.invariants.found import Found, named, spot
from stream_scorer.verify.invariants.marks import KINDS, Marks
from stream_scorer.verify.values import InputEvent, Invariant, Trace


class _Source:
    """The known state of one input partition.

    ``known_to`` is the offset after the last recorded event. ``early`` holds results from there on,
    ``scores`` the expected scores of events that have no result yet.
    """

    def __init__(self) -> None:
        self.marks = Marks()
        self.known_to = 0
        self.early: dict[int, Trace] = {}
        self.scores: dict[int, float | None] = {}


class OneTraceEach:
    """Compares results with events; either may come first.

    Second results, wrong ones, and results without an event are certain at once; an event without a
    result only at the end. Memory: a byte an event, and an object for each event or result that
    waits for its counterpart.
    """

    def __init__(self, found: Found) -> None:
        self._found = found
        self._sources: dict[TopicPartition, _Source] = {}

    def expect(self, event: InputEvent) -> None:
        """Record an event. Those of a partition come in order; a repeated one is skipped.

        A skipped offset is not an event: it is a control marker or an aborted record.
        """
        source = self._of(event.source)
        if event.offset < source.known_to:
            return
        for offset in _passed_over(source, event.offset):
            self._no_event(source.early.pop(offset))
        source.known_to = event.offset + 1
        source.marks.set_due(event.offset, event.reason)
        trace = source.early.pop(event.offset, None)
        if trace is None:
            source.scores[event.offset] = event.score
        else:
            self._judge(trace, event.reason, event.score)

    def seen(self, trace: Trace) -> bool:
        """Record a result; return whether it is the first one of its event."""
        source = self._of(trace.source)
        offset = trace.source_offset
        if source.marks.done(offset):
            self._found.add(
                Invariant.ONE_TRACE,
                f"{_event(trace)} has another result at {spot(trace.place, trace.offset)}.",
            )
            return False
        source.marks.set_done(offset, trace.reason)
        if offset >= source.known_to:
            source.early[offset] = trace
        elif due := source.marks.due(offset):
            self._judge(trace, KINDS[due - 1], source.scores.pop(offset, None))
        else:
            self._no_event(trace)
        return True

    def finish(self, committed: Mapping[TopicPartition, int]) -> None:
        """Run the final checks, once all events and results are recorded."""
        for partition, source in sorted(self._sources.items()):
            end = committed.get(partition, 0)
            for trace in source.early.values():
                self._no_event(trace)
            for offset in source.marks.without_trace(0, end):
                self._found.add(
                    Invariant.ONE_TRACE,
                    f"{spot(partition, offset)} has no result, but {named(partition)} is committed "
                    f"up to {end}.",
                )
            for offset in source.marks.with_trace(end):
                self._found.add(
                    Invariant.ONE_TRACE,
                    f"{spot(partition, offset)} has a result, but {named(partition)} is committed "
                    f"only up to {end}.",
                )

    def without_trace(self, partition: TopicPartition, start: int, end: int) -> Iterator[int]:
        """Yield the offsets in ``[start, end)`` of events that have no result."""
        if partition in self._sources:
            yield from self._sources[partition].marks.without_trace(start, end)

    def _of(self, partition: TopicPartition) -> _Source:
        source = self._sources.get(partition)
        if source is None:
            source = self._sources[partition] = _Source()
        return source

    def _judge(self, trace: Trace, reason: Reason | None, score: float | None) -> None:
        where = spot(trace.place, trace.offset)
        if trace.reason is not reason:
            self._found.add(
                Invariant.ONE_TRACE,
                f"{_event(trace)} is {_fate(trace.reason)} at {where}; it must be {_fate(reason)}.",
            )
        elif reason is None and trace.score != score:
            self._found.add(
                Invariant.SCORE,
                f"{_event(trace)} has the score {trace.score} at {where}; it must be {score}.",
            )

    def _no_event(self, trace: Trace) -> None:
        self._found.add(
            Invariant.ONE_TRACE,
            f"{spot(trace.place, trace.offset)} is a result of {_event(trace)}, where no committed "
            "event exists.",
        )


def _passed_over(source: _Source, offset: int) -> list[int]:
    gap = range(source.known_to, offset)
    if not gap or not source.early:
        return []
    return sorted(early for early in source.early if early in gap)


def _event(trace: Trace) -> str:
    return spot(trace.source, trace.source_offset)


def _fate(reason: Reason | None) -> str:
    return "scored" if reason is None else f"dead-lettered as {reason}"
