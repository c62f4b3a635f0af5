"""I2: results are in the order of their events."""

from __future__ import annotations

from typing import Literal

from stream_scorer.records import TopicPartition
from stream_scorer.verify.invariants.found import Found, spot
from stream_scorer.verify.values import Invariant, Trace


class Order:
    """Checks one reader's results; a second result of an event has no place in the order.

    By ``source``, scored events are in the partition with the number of their input partition, in
    its order. By ``key``, the scored events of a key in an input partition are in order in each
    output partition; if the topic gets new partitions, a key may move. A null key has no order.
    Dead letters keep the order of their input partition in each partition of their topic. Memory:
    an entry a key.
    """

    def __init__(self, found: Found, order_by: Literal["source", "key"]) -> None:
        self._found = found
        self._by_key = order_by == "key"
        self._last: dict[tuple[TopicPartition, TopicPartition, bytes | None], int] = {}

    def seen(self, trace: Trace) -> None:
        """Record an event's first result; results of a place must come in its order."""
        keyed = self._by_key and trace.reason is None
        if keyed and trace.key is None:
            return
        self._check_partition(trace)
        lane = (trace.place, trace.source, trace.key if keyed else None)
        last = self._last.get(lane, trace.source_offset)
        if trace.source_offset < last:
            whose = f" of key {trace.key!r}" if keyed else ""
            self._found.add(
                Invariant.ORDER,
                f"{spot(trace.source, trace.source_offset)}{whose} has its result at "
                f"{spot(trace.place, trace.offset)}, after that of {spot(trace.source, last)}.",
            )
        self._last[lane] = max(last, trace.source_offset)

    def _check_partition(self, trace: Trace) -> None:
        if self._by_key or trace.reason is not None:
            return
        if trace.place.partition != trace.source.partition:
            self._found.add(
                Invariant.ORDER,
                f"{spot(trace.source, trace.source_offset)} has its result at "
                f"{spot(trace.place, trace.offset)}, in a partition with a different number.",
            )
