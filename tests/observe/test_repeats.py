"""A cause over and over is a line a minute, and no time is lost from the first one."""

from __future__ import annotations

from stream_scorer.observe.repeats import REMEMBERED_CAUSES, Repeats
from tests.lines import CapturingLogger


class Clock:
    """A clock that the test moves."""

    now = 0.0

    def __call__(self) -> float:
        """The time that the test set."""
        return self.now


def said(lines: CapturingLogger) -> list[tuple[object, object]]:
    """The reason of each line, and how many came before it in silence."""
    return [(call.kwargs["reason"], call.kwargs.get("and_before")) for call in lines.calls]


def test_a_cause_is_said_at_once_then_counted_for_a_minute() -> None:
    """The next line has the count."""
    lines, clock = CapturingLogger(), Clock()
    repeats = Repeats(lines.warning, clock)
    for clock.now in (0.0, 1.0, 59.0, 60.0, 61.0, 120.0):
        repeats.happened("aborted", f"broker {clock.now:.0f} timed out")
    assert said(lines) == [
        ("broker 0 timed out", None),
        ("broker 60 timed out", 2),
        ("broker 120 timed out", 1),
    ]


def test_another_cause_does_not_wait() -> None:
    """It is the one that somebody looks for."""
    lines = CapturingLogger()
    repeats = Repeats(lines.warning, Clock())
    for reason in ("timed out", "fenced", "timed out"):
        repeats.happened("aborted", reason, in_a_row=1)
    assert said(lines) == [("timed out", None), ("fenced", None)]
    assert lines.calls[0].kwargs["in_a_row"] == 1


def test_what_is_remembered_is_bounded() -> None:
    """Reasons come from outside."""
    lines = CapturingLogger()
    repeats = Repeats(lines.warning, Clock())
    letters = ["a" * length for length in range(1, REMEMBERED_CAUSES + 2)]
    for reason in (*letters, "a"):
        repeats.happened("aborted", reason)
    assert said(lines)[-1] == ("a", None)
    assert len(repeats._said_at) <= REMEMBERED_CAUSES
