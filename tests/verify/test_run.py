"""The whole proof on a real Kafka: a fleet is injured under each kind of load, and it holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from stream_scorer.verify.cluster_faults import CUT_OFF
from stream_scorer.verify.plan import Plan
from stream_scorer.verify.round import Result
from stream_scorer.verify.run import prove

pytestmark = pytest.mark.kafka

#: What CI proves, a round each: loads with faults that want the same timeouts, and how many faults
#: must come about. `make soak` proves all of them.
ROUNDS: Sequence[tuple[str, Sequence[str], float, int]] = (
    ("backlog", (CUT_OFF, "all brokers killed briefly"), 45.0, 2),
    (
        "full transactions",
        ("SIGKILL mid-produce", "SIGKILL set-opened", "connections reset"),
        30.0,
        3,
    ),
    (
        "steady",
        ("SIGKILL end-unanswered", "frozen past its session after-scoring", "partitions added"),
        30.0,
        3,
    ),
    ("a third of the events bad", ("a third of the transactions aborted",), 20.0, 1),
)
#: Together these are under way for about so long, and a fleet starts and stops in each.
MINUTES = 10


def proven(folder: Path, number: int, protocol: str) -> Result:
    """What came of a round."""
    load, faults, seconds, count = ROUNDS[number]
    plan = Plan(
        duration_seconds=seconds,
        faults=count,
        only=tuple(faults),
        loads=(load,),
        group_protocols=("classic" if protocol == "classic" else "consumer",),
        order_by=("source" if protocol == "classic" else "key",),
        seed=number,
        folder=folder,
    )
    [result] = prove(plan, Console(width=140))
    return result


@pytest.mark.timeout(MINUTES * 60)
@pytest.mark.parametrize(
    ("number", "protocol"), [(0, "classic"), (1, "consumer"), (2, "classic"), (3, "consumer")]
)
def test_nothing_is_lost_or_doubled(number: int, protocol: str, tmp_path: Path) -> None:
    """No invariant is violated, as many faults came about, and sets were in hand if they should."""
    result = proven(tmp_path, number, protocol)
    assert result.violations == []
    assert result.faults.inflicted.total() >= ROUNDS[number][3]
    longest = result.seen.held.longest_seconds
    assert longest is not None
    assert longest > 0.5 or result.kind.load.ahead is None
