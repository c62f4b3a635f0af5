"""What is shown while a round is on: lines that stay true to what they say."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from stream_scorer.verify.progress import displaying
from stream_scorer.verify.values import Invariant, Violation


def console_on(stream: io.StringIO, *, terminal: bool = False) -> Console:
    """A console that writes there."""
    return Console(file=stream, width=200, force_terminal=terminal, no_color=True)


@pytest.mark.parametrize("what", ["injured", "healed", "missed"])
def test_a_fault_is_said_when_it_begins_and_when_it_is_over(what: str) -> None:
    """With when, and its name as ``--only`` takes it."""
    stream = io.StringIO()
    with displaying("A round", 60.0, console_on(stream)) as display:
        display.fault(what, "cut one way, requests")
    title, line = stream.getvalue().splitlines()
    assert title == "A round"
    assert line.strip().startswith("0.0 s")
    assert line.endswith("cut one way, requests")


def test_a_violation_is_said_once_and_as_it_is() -> None:
    """Its sentence may quote a log, with brackets that mean something elsewhere."""
    stream = io.StringIO()
    sentence = "worker-1.1 ended by itself; its log ends with:\n[info     ] at [/tmp/x] [thrd:a]"
    lost = Violation(Invariant.LIVENESS, sentence)
    with displaying("A round", 60.0, console_on(stream)) as display:
        display.violations([lost])
        display.violations([lost, Violation(Invariant.ORDER, "in[0]@7 is late.")])
    said = stream.getvalue()
    assert said.count(f"I9 {sentence}") == 1
    assert said.count("I2 in[0]@7 is late.") == 1


def test_without_a_terminal_there_is_no_bar() -> None:
    """A log of CI has lines only."""
    stream = io.StringIO()
    with displaying("A round", 60.0, console_on(stream)) as display:
        display.numbers(1234, 567)
    assert stream.getvalue() == "A round\n"


def test_on_a_terminal_the_bar_says_how_many_events_came_and_went() -> None:
    """While it lasts."""
    stream = io.StringIO()
    with displaying("A round", 60.0, console_on(stream, terminal=True)) as display:
        display.numbers(1234, 567)
        display.fault("injured", "a")
    assert "1,234 events in, 567 results out" in stream.getvalue()
