"""Commits outside of transactions: answered later, judged before the loop reads on."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, TopicPartition

from stream_scorer.errors import Refused, TransactionAborted, Unanswered
from stream_scorer.kafka.plain_commits import ANSWER_SECONDS, PlainCommits
from tests.fakes import FakeClock


def test_commits_that_are_answered_hold_nothing_up() -> None:
    """Nor do those that were sent a moment ago."""
    clock = FakeClock()
    commits = PlainCommits(clock)
    for _ in range(3):
        commits.sent()
        clock.advance(ANSWER_SECONDS)
        commits.judge()
        commits.answered(None, [TopicPartition("in", 0, 7)])
    clock.advance(1000)
    commits.judge()


def test_a_commit_that_failed_is_said_once() -> None:
    """What it covered is read again, and that is all."""
    commits = PlainCommits(FakeClock())
    commits.sent()
    commits.sent()
    commits.answered(KafkaError(KafkaError.ILLEGAL_GENERATION, "why"), [])
    commits.answered(None, [])
    with pytest.raises(TransactionAborted, match="are not committed: why"):
        commits.judge()
    commits.judge()


def test_a_commit_that_nobody_answers_stops_the_reading() -> None:
    """Whatever is written meanwhile would be written again after a crash."""
    clock = FakeClock()
    commits = PlainCommits(clock)
    commits.sent()
    clock.advance(1)
    commits.sent()
    clock.advance(ANSWER_SECONDS)
    with pytest.raises(Unanswered):
        commits.judge()
    commits.answered(None, [])
    commits.judge()


def test_a_right_that_is_missing_ends_the_worker() -> None:
    """Waiting does not bring it back."""
    commits = PlainCommits(FakeClock())
    commits.sent()
    commits.answered(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED, "why"), [])
    with pytest.raises(Refused, match=r"the group's offsets: why\."):
        commits.judge()
