"""The input of a round: which events, to which partition, in transactions or not."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator

from stream_scorer.traffic.events import Burst, Outcome, Outgoing
from stream_scorer.verify.events import KEYS, Look, event
from stream_scorer.verify.loads import Load
from stream_scorer.verify.plan import OrderBy
from stream_scorer.verify.scene import Partitions

#: One burst in this many is written in a transaction that commits, or aborts: control markers and
#: invisible events leave gaps in the offsets.
COMMITTED_EVERY, ABORTED_EVERY = 5, 7


#: If the load has a hot partition, one event in this many goes to another one.
COOL_EVERY = 10


def bursts(order_by: OrderBy, partitions: Partitions, load: Load) -> Iterator[Burst]:
    """Yield the input forever; by ``source``, over all partitions that exist at the time.

    By ``key``, a key stays in the partition that it had at the start, which keeps its order.
    """
    place = _by_key(partitions.first) if order_by == "key" else _in_turn(partitions)
    if load.hot:
        place = _hot(place, KEYS if order_by == "key" else None)
    for burst in itertools.count():
        numbers = range(burst * load.burst_events, (burst + 1) * load.burst_events)
        if burst % ABORTED_EVERY == ABORTED_EVERY - 1:
            outcome = Outcome.ABORTED
        elif burst % COMMITTED_EVERY == COMMITTED_EVERY - 1:
            outcome = Outcome.COMMITTED
        else:
            outcome = Outcome.PLAIN
        yield Burst(
            tuple(_outgoing(number, place(number), load.look) for number in numbers), outcome
        )


def _by_key(partitions: int) -> Callable[[int], int]:
    return lambda number: number % KEYS % partitions


def _in_turn(partitions: Partitions) -> Callable[[int], int]:
    return lambda number: number % partitions.now


def _hot(place: Callable[[int], int], keys: int | None) -> Callable[[int], int]:
    """Return a partition for each number, or for each of this many keys: mostly the first."""

    def hot(number: int) -> int:
        turn, is_hot = divmod(number % keys if keys else number, COOL_EVERY)
        return 0 if is_hot else place(turn)

    return hot


def _outgoing(number: int, partition: int, look: Look) -> Outgoing:
    made = event(number, int(time.time() * 1000), look)
    return Outgoing(partition, made.key, made.value, made.timestamp_ms, made.headers)
