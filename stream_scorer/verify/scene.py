"""The targets of faults: the fleet, the cluster, and the network between them."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from stream_scorer.errors import Unreachable
from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.local.proxy import Proxy
from stream_scorer.verify.cluster import Ground
from stream_scorer.verify.fleet import Fleet, Member
from stream_scorer.verify.plan import GroupProtocol, OrderBy
from stream_scorer.verify.points import Act, Order, Point
from stream_scorer.verify.timeouts import Patience
from stream_scorer.verify.topics import Names

STEP_SECONDS = 0.1
#: If a point is not passed within this time, the fault did not occur.
REACH_SECONDS = 20.0
#: How long a worker keeps a set that it has begun, until it is injured; half of what it gathers.
IN_HAND_SECONDS = 1.0

#: A fault in progress: it yields how long it waits, and returns whether it occurred.
Course = Generator[float, None, bool]


@dataclass(slots=True)
class Partitions:
    """The number of input partitions, initially and now."""

    first: int
    now: int


@dataclass(slots=True)
class Scene:
    """Everything that a fault may act on, and which slots of the fleet are injured already."""

    ground: Ground
    names: Names
    protocol: GroupProtocol
    order_by: OrderBy
    fleet: Fleet
    dice: random.Random
    max_poll_seconds: float
    round_seconds: float
    partitions: Partitions
    background: ThreadPoolExecutor
    busy: set[int] = field(default_factory=set)

    @property
    def session_seconds(self) -> float:
        """The time after which a silent member is removed from the group."""
        return self.ground.timeouts.session_seconds[self.protocol]

    @property
    def transaction_seconds(self) -> float:
        """The maximum time that a transaction may stay open."""
        return self.ground.timeouts.transaction_seconds

    @property
    def kafka(self) -> EmbeddedKafka:
        """The brokers, for faults that need the embedded Kafka."""
        if self.ground.kafka is None:
            raise AssertionError("broker faults run only on the embedded Kafka")
        return self.ground.kafka

    @property
    def proxy(self) -> Proxy:
        """The network in front of the brokers, for faults that need the proxy."""
        if self.ground.proxy is None:
            raise AssertionError("network faults run only with a proxy")
        return self.ground.proxy

    @contextmanager
    def someone(self) -> Iterator[Member | None]:
        """Yield a worker that no other fault injures meanwhile, ``None`` if there is none."""
        free = [each for each in self.fleet.serving if each.slot not in self.busy]
        # A worker that has only just started has no open set, and may give up without brokers.
        free = [each for each in free if each.works] or free
        member = self.dice.choice(free) if free else None
        if member is not None:
            self.busy.add(member.slot)
        try:
            yield member
        finally:
            if member is not None:
                self.busy.discard(member.slot)

    def client(self, **more: Any) -> dict[str, Any]:
        """Return properties for a client of the verifier's own, bypassing the proxy."""
        return {**self.ground.client, **more}


def until(condition: Callable[[], bool], patience_seconds: float = REACH_SECONDS) -> Course:
    """Wait for a condition; return whether it became true in time."""
    waited = 0.0
    while not condition():
        if waited >= patience_seconds:
            return False
        yield STEP_SECONDS
        waited += STEP_SECONDS
    return True


def meanwhile(scene: Scene, work: Callable[[], object], patience_seconds: float = 300.0) -> Course:
    """Run blocking work in another thread; raise what it raises."""
    future = scene.background.submit(work)
    done = yield from until(future.done, patience_seconds)
    if done:
        future.result()
    return done


def attempt(scene: Scene, work: Callable[[], object]) -> Course:
    """Do the same, but return whether it succeeded; failures are expected."""
    try:
        return (yield from meanwhile(scene, work))
    except Unreachable:
        return False


def in_hand(scene: Scene) -> Course:
    """Wait until a worker has begun a set that is not due to be committed for a while.

    The worker keeps the set for a moment even if its load would commit it at once.
    """
    order = Order(Point.SET_OPENED, Act.SLEEP, seconds=IN_HAND_SECONDS)
    members = scene.fleet.serving
    if not members:
        return False
    for member in members:
        member.order(order)
    reached = yield from until(lambda: any(order.point in each.reached for each in members))
    for member in members:
        member.order(replace(order, times=0))
    return reached


#: What a fault may need from the cluster.
NEEDS: Mapping[str, str] = {
    "embedded": "the embedded Kafka; omit --bootstrap-servers",
    "proxy": "the proxy in front of the embedded Kafka; omit --bootstrap-servers",
    "three brokers": "the embedded Kafka with --brokers 3",
    "alter": "the right to ALTER topics that begin with --topic-prefix",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that can be injected.

    Attributes:
        name: the name in ``--only`` and in the tables.
        course: begins it on a scene.
        halts: no progress can be expected while it is active.
        alone: no other fault begins while it is active.
        needs: what it needs from the cluster, a key of :data:`NEEDS`; empty means nothing.
        in_rotation: it occurs without being requested by ``--only``.
        patience: how long brokers must wait for workers in its round; ``None``: either.
    """

    name: str
    course: Callable[[Scene], Course]
    halts: bool = False
    alone: bool = False
    needs: str = ""
    in_rotation: bool = True
    patience: Patience | None = None

    def fits(self, patience: Patience) -> bool:
        """Tell whether it may occur in such a round."""
        return self.patience in {None, patience}

    def possible(self, ground: Ground) -> bool:
        """Tell whether this cluster allows it."""
        possible: Mapping[str, bool] = {
            "": True,
            "embedded": ground.kafka is not None,
            "proxy": ground.proxy is not None,
            "alter": ground.may_alter,
            "three brokers": ground.kafka is not None and ground.brokers > 1,
        }
        return possible[self.needs]
