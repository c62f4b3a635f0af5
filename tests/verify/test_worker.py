"""A worker under proof as a process: it takes orders on stdin, and does not outlive the proof."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from pathlib import Path

from stream_scorer.verify.points import Act, Order, Point
from stream_scorer.verify.worker import _obey
from tests.verify.injured import Told


def test_orders_are_obeyed_and_the_worker_stops_when_nobody_gives_any(told: Told) -> None:
    """As it would stop for Kubernetes."""
    stopped: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    injuries = told.injuries()
    given = [Order(Point.AFTER_FETCH, Act.ABORT), Order(Point.IN_REVOKE, Act.KILL, times=2)]
    lines = "".join(json.dumps(order.to_json()) + "\n" for order in given)
    try:
        _obey(io.StringIO(lines), injuries)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert [point for point in Point if injuries.pending(point)] == [
        Point.AFTER_FETCH,
        Point.IN_REVOKE,
    ]
    assert stopped == [signal.SIGTERM]


def test_a_worker_that_can_not_start_says_why_and_ends_as_run_ends(tmp_path: Path) -> None:
    """Its history has been begun by then, and its log has the sentence."""
    process = subprocess.Popen(  # noqa: S603 - our own module
        [
            *(sys.executable, "-m", "stream_scorer.verify.worker"),
            *("--config", "missing.yaml", "--who", "worker-1.1", "--history", "history"),
            *("--order", json.dumps(Order(Point.IN_INIT, Act.KILL).to_json())),
            *("--set", "kafka.consumer.client.id=worker-1.1"),
        ],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.wait(60) == 2
        assert process.stderr is not None
        said = process.stderr.read()
    assert said.startswith("Error: ")
    assert "missing.yaml" in said
    assert "Traceback" not in said
    assert (tmp_path / "history").exists()
