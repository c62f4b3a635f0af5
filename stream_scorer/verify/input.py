"""The input of a round: which events, to which partition, plainly or in transactions."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator

from stream_scorer.traffic.events import Burst, Outcome, Outgoing
from stream_scorer.verify.plan import OrderBy
from stream_scorer.verify.scene import Partitions
from stream_scorer.verify.subject import KEYS, event

BURST_EVENTS = 12
#: One burst in so many is written in a transaction that commits, or aborts: control markers and
#: invisible events are what makes offsets interesting.
COMMITTED_EVERY, ABORTED_EVERY = 5, 7


def bursts(order_by: OrderBy, partitions: Partitions) -> Iterator[Burst]:
    """Yield the input for ever: by ``source`` over all partitions that there are now.

    By ``key`` a key keeps the partition that it had in the beginning, for its order.
    """
    for burst in itertools.count():
        numbers = range(burst * BURST_EVENTS, (burst + 1) * BURST_EVENTS)
        if burst % ABORTED_EVERY == ABORTED_EVERY - 1:
            outcome = Outcome.ABORTED
        elif burst % COMMITTED_EVERY == COMMITTED_EVERY - 1:
            outcome = Outcome.COMMITTED
        else:
            outcome = Outcome.PLAIN
        place = _by_key(partitions.first) if order_by == "key" else _in_turn(partitions)
        yield Burst(tuple(_outgoing(number, place(number)) for number in numbers), outcome)


def _by_key(partitions: int) -> Callable[[int], int]:
    return lambda number: number % KEYS % partitions


def _in_turn(partitions: Partitions) -> Callable[[int], int]:
    return lambda number: number % partitions.now


def _outgoing(number: int, partition: int) -> Outgoing:
    made = event(number, int(time.time() * 1000))
    return Outgoing(partition, made.key, made.value, made.timestamp_ms, made.headers)
