"""What a worker does at its start when the cluster is not there yet."""

from __future__ import annotations

import pytest

from tests.end_to_end.workers import Scoring
from tests.scorers import scorer

pytestmark = pytest.mark.kafka


def test_a_worker_waits_for_topics_that_the_brokers_do_not_know_yet(scoring: Scoring) -> None:
    """Who makes topics and starts a worker may be quicker than the brokers tell each other."""
    scoring.config = scorer(scoring.folder, scoring.with_kafka({}))
    worker = scoring.start()
    worker.wait_for("asking again for 10 s")
    scoring.create_topics()
    worker.wait_for('"running"')
    assert worker.stop() == 0
