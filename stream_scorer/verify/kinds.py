"""The rounds of a proof: under which load, with which protocol and timeouts, and how long."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from stream_scorer.verify.cluster_faults import CUT_OFF
from stream_scorer.verify.loads import BACKLOG, Load
from stream_scorer.verify.plan import GroupProtocol, OrderBy, Plan
from stream_scorer.verify.scene import Fault
from stream_scorer.verify.timeouts import Patience

#: A round is no shorter than this unless it must be, for a fleet has to start and to stop in each.
SHORTEST_ROUND_SECONDS = 40.0
#: Once each load has had its round, further rounds begin only if all can be so long.
LONG_ROUND_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Kind:
    """What a round is about, and its share of the plan.

    Attributes:
        number: of the round, from 1.
        protocol: of the consumer group.
        order_by: the workers' ``output.partition``.
        load: what they have to do.
        patience: how long brokers wait for them.
        faults: what may happen.
        seconds: how long events are written and workers injured.
        count: how many faults must come about; ``None``: as many as there is time for.
        first: with what it begins, whatever the dice say.
    """

    number: int
    protocol: GroupProtocol
    order_by: OrderBy
    load: Load
    patience: Patience
    faults: tuple[Fault, ...]
    seconds: float
    count: int | None
    first: Fault | None = None

    @property
    def variant(self) -> str:
        """The group protocol and the output's order, as tables name them."""
        return f"{self.protocol}-{self.order_by}"

    @property
    def label(self) -> str:
        """Its name in topics and folders."""
        return f"{self.number}-{self.variant}"


def kinds_of(plan: Plan, loads: Sequence[Load], faults: Sequence[Fault]) -> list[Kind]:
    """Return the rounds: loads in turn in an order of the seed, protocols and timeouts with them.

    The first one is the backlog, and it begins with all brokers cut off while a set is in hand, if
    the cluster has that fault and nothing else is asked for. Each load comes with each protocol and
    each patience in the course of four rounds of its own, as far as the duration goes.
    """
    ordered, combinations = _ordered(plan, loads), _combinations(plan)
    wanted = [each for each in Patience if any(fault.patience is each for fault in faults)]
    count = _how_many(plan, len(ordered), len(combinations))
    shares = _shares(plan.faults, count)
    kinds = []
    for number in range(count):
        turn, at = divmod(number, len(ordered))
        protocol, order_by, patience = combinations[(at + turn) % len(combinations)]
        if patience not in wanted:
            patience = wanted[0] if wanted else Patience.SHORT
        kinds.append(
            Kind(
                number=number + 1,
                protocol=protocol,
                order_by=order_by,
                load=ordered[at],
                patience=patience,
                faults=tuple(fault for fault in faults if fault.fits(patience)),
                seconds=plan.duration_seconds / count,
                count=shares[number],
            )
        )
    return [_beginning(kinds[0]), *kinds[1:]]


def _beginning(kind: Kind) -> Kind:
    first = next((fault for fault in kind.faults if fault.name == CUT_OFF), None)
    return replace(kind, first=first) if kind.load is BACKLOG else kind


def _ordered(plan: Plan, loads: Sequence[Load]) -> list[Load]:
    """Return the loads in an order of the seed, but the backlog first."""
    dice = random.Random(f"{plan.seed}/loads")  # noqa: S311 - dice
    shuffled = dice.sample(loads, len(loads))
    return sorted(shuffled, key=lambda load: load is not BACKLOG)


def _combinations(plan: Plan) -> list[tuple[GroupProtocol, OrderBy, Patience]]:
    """Return the ways to hold a round, so that neighbours differ in the protocol and the order."""
    variants = [
        (
            plan.group_protocols[number % len(plan.group_protocols)],
            plan.order_by[number % len(plan.order_by)],
        )
        for number in range(max(len(plan.group_protocols), len(plan.order_by)))
    ]
    patience = (Patience.LONG, Patience.SHORT)
    return [(*variant, each) for each, variant in product(patience, variants)]


def _how_many(plan: Plan, loads: int, combinations: int) -> int:
    """Return how many rounds the duration has, at least one for each protocol and order."""
    least = max(len(plan.group_protocols), len(plan.order_by))
    once = min(loads, int(plan.duration_seconds // SHORTEST_ROUND_SECONDS))
    again = min(loads * combinations, int(plan.duration_seconds // LONG_ROUND_SECONDS))
    return max(least, once, again)


def _shares(total: int | None, rounds: int) -> list[int | None]:
    if total is None:
        return [None] * rounds
    return [total // rounds + (number < total % rounds) for number in range(rounds)]
