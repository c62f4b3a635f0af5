"""A stop: asked for once, with clocks that end what does not end by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from stream_scorer.app import stopping as module
from stream_scorer.app.signals import Signals, hearing
from stream_scorer.app.stopping import STUCK_EXIT_CODE, Stopping
from tests.topics import wait_for


@pytest.fixture
def ended() -> threading.Event:
    """Set once the running inference is ended."""
    return threading.Event()


def test_a_signal_asks_for_a_stop(ended: threading.Event) -> None:
    """SIGTERM as SIGINT; afterwards the signals do what they did before."""
    before = signal.getsignal(signal.SIGTERM)
    for number in (signal.SIGTERM, signal.SIGINT):
        stopping = Stopping(ended.set, print)
        with hearing(None) as signals, stopping.told_by(signals):
            assert not stopping()
            os.kill(os.getpid(), number)
            wait_for(stopping, "the signal is handled")
    assert signal.getsignal(signal.SIGTERM) == before
    assert not ended.is_set()


def test_an_inference_that_runs_on_is_ended(
    ended: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its share of the bound."""
    monkeypatch.setattr(module, "INFERENCE_SECONDS", 0.05)
    stopping = Stopping(ended.set, print)
    with stopping.told_by(Signals()):
        stopping.ask()
        assert ended.wait(10)


def test_a_second_signal_starts_no_second_clock(ended: threading.Event) -> None:
    """An impatient operator changes nothing."""
    stopping = Stopping(ended.set, print)
    with stopping.told_by(Signals()):
        stopping.ask()
        stopping.ask()
        assert len(stopping._timers) == 2


def test_a_worker_that_stopped_in_time_hears_of_no_clock(
    ended: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are stopped with the block."""
    monkeypatch.setattr(module, "INFERENCE_SECONDS", 0.2)
    stopping = Stopping(ended.set, print)
    with stopping.told_by(Signals()):
        stopping.ask()
    for timer in stopping._timers:
        timer.join(10)
    assert not ended.is_set()


STUCK = """
import threading
from stream_scorer.app import stopping
stopping.BOUND_SECONDS = 0.1
made = stopping.Stopping(lambda: None, lambda said: print(said, flush=True))
made.ask()
threading.Event().wait()
"""


def test_a_process_that_is_stuck_is_ended_when_the_bound_is_reached() -> None:
    """With a sentence and exit code 70, though its main thread never comes back."""
    stuck = subprocess.run(  # noqa: S603 - the command line is ours
        [sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=30, check=False
    )
    assert stuck.returncode == STUCK_EXIT_CODE
    assert "did not stop within" in stuck.stdout
    assert "its events are read again" in stuck.stdout
