"""A replay ends when the brokers say that all is committed, and not before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stream_scorer.app.replay_ends import ASK_EVERY_SECONDS, Place, Places, Until, unread
from stream_scorer.errors import StreamScorerError, TransactionAborted, Unreachable
from stream_scorer.kafka.bounded import BoundedConsumer
from stream_scorer.records import Batch, TopicPartition
from stream_scorer.worker import Worker
from tests.fakes import FakeConsumer
from tests.worker.loop import GROUP, INPUT, P0, P1, PACE, Heard, Loop, numbered


@dataclass
class Replay:
    """A replay of what is in the input now, on a Kafka in memory."""

    loop: Loop

    def __post_init__(self) -> None:
        """Take the ends, and make a worker that goes no further."""
        kafka = self.loop.kafka
        self.heard = Heard()
        self.bounded = BoundedConsumer(FakeConsumer(kafka, [INPUT], GROUP), unread(self.places()))
        self.until = Until(
            self.bounded, unread(self.places()), self.places, lambda: False, kafka.clock
        )
        self.worker = Worker(
            self.bounded,
            self.loop.scoring,
            self.loop.worker._output,
            PACE,
            self.heard,
            stopping=self.until,
            clock=kafka.clock,
        )

    def places(self) -> Places:
        """Return where the group is."""
        kafka = self.loop.kafka
        committed = kafka.groups[GROUP].committed if GROUP in kafka.groups else {}
        return {each: Place(committed.get(each, 0), kafka.end(each)) for each in (P0, P1)}


def test_a_last_commit_that_is_refused_is_tried_again(loop: Loop) -> None:
    """All is read by then; what is not committed is not done."""
    loop.kafka.write(P0, numbered(8))
    replay = Replay(loop)
    aborts: list[StreamScorerError] = [TransactionAborted("not now"), TransactionAborted("nor now")]

    def refuse(_: Batch) -> None:
        if aborts and len(loop.scoring.batches) % 2 == 1:
            loop.kafka.fail("commit", aborts.pop())

    loop.scoring.before = refuse
    replay.worker.run()
    assert len(replay.heard.aborts) == 2
    assert loop.scored() == numbered(8)
    assert unread(replay.places()) == {}


def test_what_another_replay_has_committed_is_done(loop: Loop) -> None:
    """Whoever has no partition, or one of which nothing is left, ends too."""
    loop.kafka.write(P0, numbered(4))
    replay = Replay(loop)
    loop.run()
    replay.worker.run()
    assert replay.heard.committed_rows == []
    assert loop.scored() == numbered(4)


def test_what_comes_meanwhile_is_left(loop: Loop) -> None:
    """It may come without end."""
    loop.kafka.write(P0, numbered(4))
    replay = Replay(loop)
    loop.kafka.write(P0, numbered(4, 4))
    replay.worker.run()
    assert loop.scored() == numbered(4)


class Asked:
    """Counts the questions to the brokers, who may not answer."""

    def __init__(self) -> None:
        self.times = 0
        self.answer: Callable[[], Places] = lambda: {P0: Place(0, 5)}

    def __call__(self) -> Places:
        """Answer."""
        self.times += 1
        return self.answer()


def test_the_brokers_are_asked_while_nothing_comes_and_seldom(loop: Loop) -> None:
    """If they don't answer it is not known whether all is done."""
    asked = Asked()
    bounded = BoundedConsumer(FakeConsumer(loop.kafka, [INPUT], GROUP), {P0: 3})
    until = Until(bounded, {P0: 3}, asked, lambda: False, loop.kafka.clock)
    assert not until()
    assert asked.times == 0
    bounded.is_idle = True
    assert (until(), until()) == (False, False)
    assert asked.times == 1

    def unanswered() -> Places:
        raise Unreachable("nobody answers")

    asked.answer = unanswered
    loop.kafka.clock.advance(ASK_EVERY_SECONDS)
    assert not until()
    asked.answer = lambda: {P0: Place(3, 5), TopicPartition("in", 9): Place(0, 9)}
    loop.kafka.clock.advance(ASK_EVERY_SECONDS)
    assert until()
