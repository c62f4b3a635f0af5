"""The checker: what was read, what was committed and what workers said, held together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from stream_scorer.records import TopicPartition
from stream_scorer.verify.invariants.found import Found
from stream_scorer.verify.invariants.offsets import Offsets
from stream_scorer.verify.invariants.order import Order
from stream_scorer.verify.invariants.resources import Growth, NoLeak
from stream_scorer.verify.invariants.traces import OneTraceEach
from stream_scorer.verify.invariants.transactions import Transactions
from stream_scorer.verify.invariants.views import SameView, nothing_open
from stream_scorer.verify.values import Entry, InputEvent, Trace, Violation


class Checker:
    """Finds violations of I1 to I8 and I10, as soon as they are certain.

    I9 needs to know what is injured when: see
    :class:`~stream_scorer.verify.invariants.liveness.Liveness`. Calls may come in any order and any
    portions, with these promises of the caller: events of an input partition in their order; traces
    of a place in the order in which one reader got them; a sample of offsets asked for after the
    traces given so far were read. Memory: a byte an event, a word a transaction, an entry a key
    (with ``order_by="key"``), and an object for each event whose trace is still to come.

    Args:
        order_by: as the configuration's ``output.partition``.
        growth: how much a worker may grow (I10).
        sentences: so many violations of an invariant are told, the rest counted.
    """

    def __init__(
        self,
        *,
        order_by: Literal["source", "key"],
        growth: Growth | None = None,
        sentences: int = 10,
    ) -> None:
        self._found = Found(sentences)
        self._one_trace = OneTraceEach(self._found)
        self._order = Order(self._found, order_by)
        self._transactions = Transactions(self._found)
        self._offsets = Offsets(self._found)
        self._views = SameView(self._found)
        self._no_leak = NoLeak(self._found, growth or Growth())

    def expect(self, events: Iterable[InputEvent]) -> None:
        """Take in events of the input, read committed; they may come later than their traces."""
        for event in events:
            self._one_trace.expect(event)

    def seen(self, traces: Iterable[Trace]) -> None:
        """Take in what the reader got that reads during the faults."""
        for trace in traces:
            self._views.seen(trace)
            self._transactions.seen(trace)
            self._offsets.seen(trace)
            if self._one_trace.seen(trace):
                self._order.seen(trace)

    def sampled(self, at: float, committed: Mapping[TopicPartition, int]) -> None:
        """Take in committed offsets of the group; nothing committed yet is 0.

        Args:
            at: when they were asked for, seconds since the epoch.
            committed: stable offsets (KIP-447); a partition that is not known may be absent.
        """
        self._offsets.sampled(committed, at)

    def told(self, entries: Iterable[Entry]) -> None:
        """Take in the history: of each process in its order."""
        for entry in entries:
            self._transactions.told(entry)
            self._no_leak.told(entry)

    def violations(self) -> list[Violation]:
        """Return what is certain so far."""
        return self._found.violations()

    def finish(
        self,
        final: Iterable[Trace],
        committed: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, tuple[int, int]],
    ) -> list[Violation]:
        """Judge the rest, once all writers are gone and all else was given; return everything.

        Args:
            final: all traces there are, by a reader that starts now.
            committed: the committed offset of each partition of the input; absent is 0.
            ends: of each output and dead-letter partition the last stable offset and the high
                watermark.
        """
        self._views.finish(final)
        self._one_trace.finish(committed)
        self._transactions.finish()
        self._offsets.finish(committed, self._one_trace.without_trace)
        nothing_open(self._found, ends)
        return self._found.violations()
