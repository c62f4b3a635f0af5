"""A client that does not come back ends its worker, and only that one."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from stream_scorer.app.stopping import STUCK_EXIT_CODE
from tests import topics
from tests.end_to_end.workers import Scoring, assert_each_event_has_one_trace, event_value

pytestmark = pytest.mark.kafka

#: `run` with a client whose offsets are never answered, and with short bounds for it.
STUCK = """
import sys, threading
from pathlib import Path
from stream_scorer.app.run import Seams, run
from stream_scorer.config import load
from stream_scorer.kafka import producer

class NeverBack:
    def __init__(self, properties, log):
        self._client = producer.make_client(properties, log)
    def __getattr__(self, name):
        return getattr(self._client, name)
    def send_offsets_to_transaction(self, *_):
        threading.Event().wait()

producer.INIT_TIMEOUT_SECONDS, producer.ATTEMPT_SECONDS = 2.0, 0.1
run(load(Path(sys.argv[1]), [], {}, need_kafka=True), Seams(make_client=NeverBack))
"""


def test_a_client_that_never_comes_back_ends_the_process(scoring: Scoring) -> None:
    """Exit code 70, and one line with the stacks of all threads; the next worker does the work."""
    scoring.set_up({"kafka": {"producer": {"transaction.timeout.ms": "1000"}}})
    scoring.write([topics.Event(event_value("e0")), topics.Event(event_value("e1"))])
    stuck = subprocess.run(  # noqa: S603 - the command line is ours
        [sys.executable, "-c", STUCK, scoring.config.name],
        cwd=scoring.config.parent,
        capture_output=True,
        text=True,
        timeout=topics.PATIENCE_SECONDS,
        check=False,
    )
    assert stuck.returncode == STUCK_EXIT_CODE, stuck.stderr
    last = json.loads(stuck.stderr.splitlines()[-1])
    assert last["level"] == "error"
    assert last["doing"] == "committing a transaction"
    assert last["seconds"] > last["allowed_seconds"]
    (main,) = (stack for name, stack in last["stacks"].items() if name.startswith("MainThread"))
    assert "send_offsets_to_transaction" in main
    assert scoring.scored() == []
    scoring.start()
    scoring.wait_until_done()
    assert_each_event_has_one_trace(scoring, 2)
