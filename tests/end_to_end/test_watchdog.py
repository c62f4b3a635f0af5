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

#: `run` with a client one of whose calls never comes back, and with short bounds for it.
STUCK = """
import sys, threading
from pathlib import Path
from stream_scorer.app.loop import Seams
from stream_scorer.app.run import run
from stream_scorer.cli.failures import exit_code_of
from stream_scorer.config import load
from stream_scorer.kafka import producer

class NeverBack:
    def __init__(self, properties, log):
        self._client = producer.make_client(properties, log)
    def __getattr__(self, name):
        return self.stand if name == sys.argv[2] else getattr(self._client, name)
    def stand(self, *_):
        threading.Event().wait()

producer.INIT_TIMEOUT_SECONDS, producer.ATTEMPT_SECONDS = 2.0, 0.1
settings = load(Path(sys.argv[1]), [], {}, need_kafka=True)
sys.exit(exit_code_of(lambda: run(settings, Seams(make_client=NeverBack)), debug=False))
"""


def stuck_in(scoring: Scoring, call: str) -> subprocess.CompletedProcess[str]:
    """Run a worker whose client does not come back from this call, on two events."""
    scoring.set_up({"kafka": {"producer": {"transaction.timeout.ms": "1000"}}})
    scoring.write([topics.Event(event_value("e0")), topics.Event(event_value("e1"))])
    return subprocess.run(  # noqa: S603 - the command line is ours
        [sys.executable, "-c", STUCK, scoring.config.name, call],
        cwd=scoring.config.parent,
        capture_output=True,
        text=True,
        timeout=topics.PATIENCE_SECONDS,
        check=False,
    )


def test_a_client_that_never_comes_back_ends_the_process(scoring: Scoring) -> None:
    """Exit code 70, and one line with the stacks of all threads; the next worker does the work."""
    stuck = stuck_in(scoring, "commit_transaction")
    assert stuck.returncode == STUCK_EXIT_CODE, stuck.stderr
    last = json.loads(stuck.stderr.splitlines()[-1])
    assert last["level"] == "error"
    assert last["doing"] == "committing a transaction"
    assert last["seconds"] > last["allowed_seconds"]
    (main,) = (stack for name, stack in last["stacks"].items() if name.startswith("MainThread"))
    assert "commit_transaction" in main
    scoring.start()
    scoring.wait_until_done()
    assert_each_event_has_one_trace(scoring, 2)


def test_a_client_that_never_sends_offsets_ends_the_process(scoring: Scoring) -> None:
    """That call is left alone and the producer made anew; the third time in a row is too much."""
    stuck = stuck_in(scoring, "send_offsets_to_transaction")
    assert stuck.returncode == STUCK_EXIT_CODE, stuck.stderr
    assert "3 times in a row. Nothing is lost" in stuck.stderr.splitlines()[-1]
    scoring.start()
    scoring.wait_until_done()
    assert_each_event_has_one_trace(scoring, 2)
