"""Dead letters in the log: soon, and not one line each."""

from __future__ import annotations

import numpy as np
import pytest

from stream_scorer.observe.dead_letter_log import SECONDS_BETWEEN_LINES, DeadLetterLog
from stream_scorer.records import (
    DeadLetter,
    Problem,
    Reason,
    ScoredBatch,
    ScoredEvents,
    Stage,
    TopicPartition,
)
from tests.fakes import FakeClock

NOTHING = ScoredEvents([], [], [], np.zeros(0, np.int64), np.zeros(0, np.int64))


def batch(*offsets: int, reason: Reason = Reason.UNDECODABLE) -> ScoredBatch:
    """Return a batch of dead letters at these offsets."""
    source, problem = TopicPartition("cards", 2), Problem(reason, Stage.DECODE, f"it is {reason}")
    letters = [DeadLetter(b"v", None, None, 0, source, each, problem) for each in offsets]
    return ScoredBatch(NOTHING, tuple(letters), {}, np.arange(len(letters)))


class Lines:
    """What was said."""

    def __init__(self) -> None:
        self.said: list[dict[str, object]] = []

    def __call__(self, event: str, **values: object) -> None:
        """Take note."""
        assert "dead-letter topic" in event
        self.said.append(values)


@pytest.fixture
def lines() -> Lines:
    """An empty log."""
    return Lines()


@pytest.fixture
def clock() -> FakeClock:
    """A clock that tests move."""
    return FakeClock()


@pytest.fixture
def log(lines: Lines, clock: FakeClock) -> DeadLetterLog:
    """What is tested."""
    return DeadLetterLog(lines, clock)


def test_the_first_dead_letter_is_said_at_once(log: DeadLetterLog, lines: Lines) -> None:
    """How many, why, and where the first of them came from."""
    log.committed([batch(7, 9), batch(12, reason=Reason.TOMBSTONE)])
    assert lines.said == [
        {
            "count": 3,
            "reasons": {"undecodable": 2, "tombstone": 1},
            "first": "cards[2]@7",
            "why": "it is undecodable",
        }
    ]


def test_the_next_ones_are_summed_up(log: DeadLetterLog, lines: Lines, clock: FakeClock) -> None:
    """Until the next line is due, also when the last transaction has none."""
    log.committed([batch(1)])
    for offset in range(2, 12):
        clock.advance(SECONDS_BETWEEN_LINES / 20)
        log.committed([batch(offset)])
    assert len(lines.said) == 1
    clock.advance(SECONDS_BETWEEN_LINES)
    log.committed([batch()])
    assert (lines.said[1]["count"], lines.said[1]["first"]) == (10, "cards[2]@2")


def test_without_dead_letters_there_is_nothing_to_say(
    log: DeadLetterLog, lines: Lines, clock: FakeClock
) -> None:
    """However long that lasts."""
    for _ in range(5):
        log.committed([batch()])
        clock.advance(SECONDS_BETWEEN_LINES)
    assert lines.said == []
