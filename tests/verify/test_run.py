"""The whole proof on a real Kafka: a fleet is injured forty times, and the count is exact."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from stream_scorer.verify.plan import Plan
from stream_scorer.verify.run import prove

pytestmark = pytest.mark.kafka

FAULTS = 40
EVENTS = 20_000


@pytest.mark.timeout(12 * 60)
def test_forty_faults_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """Three workers, both group protocols, both orders; no invariant is violated."""
    plan = Plan(
        duration_seconds=200.0,
        workers=3,
        partitions=6,
        faults=FAULTS,
        group_protocols=("classic", "consumer"),
        order_by=("source", "key"),
        seed=1,
        folder=tmp_path,
    )
    results = prove(plan, Console(width=140))
    assert [violation for result in results for violation in result.violations] == []
    assert {result.kind.protocol for result in results} == {"classic", "consumer"}
    assert sum(result.seen.events for result in results) >= EVENTS
    assert sum(result.faults.inflicted.total() for result in results) >= FAULTS
