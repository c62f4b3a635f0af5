"""The checker: compares what readers saw, what was committed and what workers reported. Pure."""

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
    """Finds violations of I1 to I8 and I10 as soon as they are certain.

    I9 also depends on which faults are active when: see
    :class:`~stream_scorer.verify.invariants.liveness.Liveness`. Calls may come in any order and in
    portions of any size. The caller must pass the events of an input partition in their order, the
    results of a place in the order in which one reader got them, and a sample of offsets only if it
    was requested after the results passed so far were read. Memory: a byte an event, a word a
    transaction, an entry a key (with ``order_by="key"``), and an object for each event whose result
    has not arrived.

    Args:
        order_by: as the configuration's ``output.partition``.
        growth: how much a worker may grow (I10).
        sentences: how many violations of an invariant are reported in full; the rest are counted.
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
        """Record input events, read committed; they may arrive after their results."""
        for event in events:
            self._one_trace.expect(event)

    def seen(self, traces: Iterable[Trace]) -> None:
        """Record what the reader got during the faults."""
        for trace in traces:
            self._views.seen(trace)
            self._transactions.seen(trace)
            self._offsets.seen(trace)
            if self._one_trace.seen(trace):
                self._order.seen(trace)

    def sampled(self, at: float, committed: Mapping[TopicPartition, int]) -> None:
        """Record committed offsets of the group; 0 means that nothing is committed yet.

        Args:
            at: when they were requested, seconds since the epoch.
            committed: stable offsets (KIP-447); a partition that is unknown may be absent.
        """
        self._offsets.sampled(committed, at)

    def told(self, entries: Iterable[Entry]) -> None:
        """Record history entries, in order for each process."""
        for entry in entries:
            self._transactions.told(entry)
            self._no_leak.told(entry)

    def violations(self) -> list[Violation]:
        """Return the violations that are certain so far."""
        return self._found.violations()

    def finish(
        self,
        final: Iterable[Trace],
        committed: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, tuple[int, int]],
    ) -> list[Violation]:
        """Run the final checks, once all writers are gone and all input was passed.

        Args:
            final: all results that exist, from a reader that starts now.
            committed: the committed offset of each input partition; an absent one is 0.
            ends: the last stable offset and the high watermark of each output and dead-letter
                partition.

        Returns:
            All violations.
        """
        self._views.finish(final)
        self._one_trace.finish(committed)
        self._transactions.finish()
        self._offsets.finish(committed, self._one_trace.without_trace)
        nothing_open(self._found, ends)
        return self._found.violations()
