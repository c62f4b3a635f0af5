"""Signals: heard by one listener at a time, never forgotten, raised only on request."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from stream_scorer.app.signals import STOPS, Signals, hearing
from tests.topics import wait_for


@pytest.fixture
def signals() -> Iterator[Signals]:
    """Signals that this process hears for the length of a test."""
    with hearing(None) as heard:
        yield heard


def send(number: signal.Signals) -> None:
    """Send this process a signal; its handler has run when this returns."""
    signal.raise_signal(number)


@pytest.mark.parametrize("number", STOPS)
def test_the_listener_is_told_by_a_thread_of_its_own(
    number: signal.Signals, signals: Signals
) -> None:
    """The main thread may be in a call that takes long."""
    by: list[str] = []
    signals.tell(lambda: by.append(threading.current_thread().name))
    send(number)
    wait_for(lambda: by, "the listener is told")
    assert by == ["signals"]


def test_a_signal_that_came_before_is_told_at_once(signals: Signals) -> None:
    """Nobody has to be there in time."""
    send(signal.SIGTERM)
    told: list[bool] = []
    signals.tell(lambda: told.append(signals.asked))
    assert told[:1] == [True]


def test_who_was_told_before_is_told_no_more(signals: Signals) -> None:
    """A start that is over can't end the process any more."""
    early: list[int] = []
    late: list[int] = []
    signals.tell(lambda: early.append(1))
    signals.tell(lambda: late.append(1))
    send(signal.SIGTERM)
    wait_for(lambda: late, "the listener is told")
    assert early == []


def test_the_handlers_of_before_are_back_after_the_block() -> None:
    """A program that runs a worker inside keeps its own."""
    before = [signal.getsignal(number) for number in STOPS]
    with hearing(None):
        assert [signal.getsignal(number) for number in STOPS] != before
    assert [signal.getsignal(number) for number in STOPS] == before
    assert signal.set_wakeup_fd(-1) == -1


def test_what_was_ignored_before_stays_ignored() -> None:
    """As by ``nohup``; an orchestrator's SIGTERM is always heard."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in STOPS}
    try:
        with hearing(None) as heard:
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGINT)
            assert not heard.asked
            send(signal.SIGTERM)
            assert heard.asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_two_signals_that_come_together_interrupt_a_block_once(signals: Signals) -> None:
    """The second one does not end the cleaning up after the first."""
    cleaned = False
    with pytest.raises(KeyboardInterrupt), signals.raising():
        try:
            send(signal.SIGHUP)
        finally:
            send(signal.SIGTERM)
            cleaned = True
    assert cleaned
    send(signal.SIGTERM)


def test_a_later_signal_interrupts_the_cleaning_up(
    signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who asks again means it."""
    monkeypatch.setattr("stream_scorer.app.signals.AGAIN_SECONDS", 0.0)
    with pytest.raises(KeyboardInterrupt), signals.raising():
        try:
            send(signal.SIGINT)
        finally:
            with pytest.raises(KeyboardInterrupt):
                send(signal.SIGINT)


def test_a_block_that_begins_after_the_signal_is_interrupted_at_its_beginning(
    signals: Signals,
) -> None:
    """Nothing of it runs."""
    send(signal.SIGTERM)
    begun = False
    with pytest.raises(KeyboardInterrupt), signals.raising():
        begun = True
    assert not begun


def test_the_process_ends_at_once_whatever_the_main_thread_does() -> None:
    """It never comes back from its call."""
    script = (
        "import sys, threading\n"
        "from stream_scorer.app.signals import Signals, end_at_once\n"
        "signals = Signals()\n"
        "signals.hear()\n"
        "signals.tell(lambda: end_at_once(0, 'Stopped.'))\n"
        "print('ready', flush=True)\n"
        "threading.Event().wait()\n"
    )
    with subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (0, "Stopped.\n")
