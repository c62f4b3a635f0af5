"""The rounds of a verification run: load, protocol, timeouts and length of each."""

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

#: The minimum length of a round where possible, because in each one a fleet must start and stop.
SHORTEST_ROUND_SECONDS = 40.0
#: Once each load has had its round, more rounds are added only if all can be this long.
LONG_ROUND_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Kind:
    """One round: what it tests, and its share of the plan.

    Attributes:
        number: of the round, from 1.
        protocol: of the consumer group.
        order_by: the workers' ``output.partition``.
        load: the load on the workers.
        patience: how long brokers wait for workers.
        faults: the faults that may be inflicted.
        seconds: how long events are written and workers injured.
        count: how many faults must occur; ``None``: as many as the time allows.
        first: the fault to begin with, regardless of the seed.
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
        """The group protocol and the output's order, as shown in tables."""
        return f"{self.protocol}-{self.order_by}"

    @property
    def label(self) -> str:
        """The round's name in topics and folders."""
        return f"{self.number}-{self.variant}"


def kinds_of(plan: Plan, loads: Sequence[Load], faults: Sequence[Fault]) -> list[Kind]:
    """Return the rounds: loads in turn in a seeded order, with varying protocols and timeouts.

    The first one is the backlog. It begins with all brokers cut off while a set is open, if the
    cluster allows that fault and no particular faults are requested. Over four rounds, each load
    meets each protocol and each patience, as far as the duration allows.
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
    """Return the loads in a seeded order, with the backlog first."""
    dice = random.Random(f"{plan.seed}/loads")  # noqa: S311 - dice
    shuffled = dice.sample(loads, len(loads))
    return sorted(shuffled, key=lambda load: load is not BACKLOG)


def _combinations(plan: Plan) -> list[tuple[GroupProtocol, OrderBy, Patience]]:
    """Return the combinations for rounds; neighbours differ in protocol and order."""
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
    """Return how many rounds fit the duration, at least one for each protocol and order."""
    least = max(len(plan.group_protocols), len(plan.order_by))
    once = min(loads, int(plan.duration_seconds // SHORTEST_ROUND_SECONDS))
    again = min(loads * combinations, int(plan.duration_seconds // LONG_ROUND_SECONDS))
    return max(least, once, again)


def _shares(total: int | None, rounds: int) -> list[int | None]:
    if total is None:
        return [None] * rounds
    return [total // rounds + (number < total % rounds) for number in range(rounds)]
