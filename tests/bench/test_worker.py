"""The measured worker: a process; how it ends is how the measurement ends."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stream_scorer.bench.worker import Worker
from stream_scorer.errors import Broken, ContractError
from tests.scorers import kafka_section, scorer


def ended(worker: Worker, what: type[Exception], said: str) -> None:
    """Waits for the end, and for what is said of it."""
    with worker, pytest.raises(what, match=said):
        worker.wait_until_joined()


def test_a_worker_that_refuses_to_start_ends_the_measurement_its_way(tmp_path: Path) -> None:
    """With its own sentence and its own exit code."""
    config = scorer(tmp_path, {"kafka": kafka_section("127.0.0.1:1", "in", "out")})
    (tmp_path / "model.onnx").unlink()
    worker = Worker(config, ("server.port=0",), tmp_path / "worker.log")
    ended(worker, ContractError, "The worker ended by itself: .*There is no model at")


def test_a_worker_that_dies_without_a_word_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of its log is all there is."""
    script = tmp_path / "dies.py"
    script.write_text("#!/bin/sh\necho 'one'; echo 'two'; echo 'three'; echo 'four'; exit 9\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    ended(Worker(None, (), tmp_path / "worker.log"), Broken, "two\nthree\nfour")
