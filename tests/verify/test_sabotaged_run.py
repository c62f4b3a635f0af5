"""What ``verify`` begins with finds a loop that keeps its set over a wait, whatever the seed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from rich.console import Console

from stream_scorer.verify.cluster_faults import CUT_OFF
from stream_scorer.verify.loads import BACKLOG
from stream_scorer.verify.plan import Plan
from stream_scorer.verify.run import prove
from stream_scorer.verify.values import Invariant
from stream_scorer.worker import Worker
from tests.verify.sabotages import WaitsWithItsSet

pytestmark = pytest.mark.kafka

#: Loops that only a set in hand over an outage gives away.
LOOPS: tuple[type[Worker], ...] = (WaitsWithItsSet,)
ROOT = Path(__file__).parents[2]


def command(loop: type[Worker]) -> tuple[str, ...]:
    """What starts a worker with this loop, in whatever folder."""
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from stream_scorer.verify.worker import main\n"
        f"from {loop.__module__} import {loop.__name__} as loop\n"
        "sys.exit(main(sys.argv[1:], loop))\n"
    )
    return (sys.executable, "-c", program)


@pytest.mark.timeout(5 * 60)
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("loop", LOOPS)
def test_a_set_that_is_kept_over_an_outage_is_found(
    loop: type[Worker], seed: int, tmp_path: Path
) -> None:
    """Its events are read and scored again beside it: they have two traces."""
    plan = Plan(
        duration_seconds=30.0,
        faults=1,
        only=(CUT_OFF,),
        loads=(BACKLOG.name,),
        seed=seed,
        folder=tmp_path,
    )
    [result] = prove(plan, Console(width=140), command(loop))
    assert result.faults.inflicted[CUT_OFF] >= 1
    assert Invariant.ONE_TRACE in {violation.invariant for violation in result.violations}
