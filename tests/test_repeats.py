"""A text over and over is due once a minute, and no time is lost from the first one."""

from __future__ import annotations

from stream_scorer.repeats import Repeats
from tests.fakes import FakeClock

MOST = 100


def test_a_text_is_due_at_once_then_counted_for_a_minute() -> None:
    """The next time has the count; texts that differ in numbers only are the same."""
    clock = FakeClock()
    repeats, began, due = Repeats(clock, MOST), clock.now, list[tuple[str, int]]()
    for seconds in (0.0, 1.0, 59.0, 60.0, 61.0, 120.0):
        clock.now = began + seconds
        text = f"broker {seconds:.0f} timed out"
        if (before := repeats.due(text)) is not None:
            due.append((text, before))
    assert due == [
        ("broker 0 timed out", 0),
        ("broker 60 timed out", 2),
        ("broker 120 timed out", 1),
    ]


def test_another_text_does_not_wait() -> None:
    """It is the one that somebody looks for."""
    repeats = Repeats(FakeClock(), MOST)
    assert [repeats.due(text) for text in ("timed out", "fenced", "timed out")] == [0, 0, None]


def test_what_is_remembered_is_bounded() -> None:
    """Texts come from outside."""
    repeats = Repeats(FakeClock(), MOST)
    texts = ["a" * length for length in range(1, MOST + 2)]
    assert [repeats.due(text) for text in (*texts, "a")] == [0] * (MOST + 2)
    assert len(repeats._said_at) <= MOST
