"""Partitions that come and go under the loop's hands."""

from __future__ import annotations

from stream_scorer.errors import (
    TransactionAborted,
)
from stream_scorer.records import (
    Batch,
)
from tests.worker.loop import GROUP, P0, P1, Loop, numbered


def test_what_is_gathered_is_committed_before_its_partitions_go(loop: Loop) -> None:
    """The next owner finds the offset where this one stopped; the commit is bounded."""
    loop.kafka.write(P0, numbered(8))
    loop.kafka.write(P1, numbered(8, 8))
    others: list[Loop] = []

    def join(_: Batch) -> None:
        if len(loop.scoring.batches) == 1:
            others.append(loop.another())

    loop.scoring.before = join
    loop.run_until(lambda: "revoked" in loop.heard.rebalances)
    assert loop.heard.committed_rows[0] == 8
    assert loop.producer.bounds == [5.0]
    others[0].run()
    assert others[0].scored() == numbered(16)


def test_rows_that_were_polled_amid_a_revocation_are_void(loop: Loop) -> None:
    """They may belong to someone else now; those that stayed are read again."""
    loop.kafka.write(P0, numbered(6))
    loop.kafka.write(P1, numbered(6, 6))
    others: list[Loop] = []
    loop.consumer.amid_poll = lambda: others.append(loop.another())
    loop.run_until(lambda: loop.kafka.groups[GROUP].committed.get(P0) == 6)
    assert loop.scored() == numbered(6)
    others[0].run()
    assert others[0].scored() == numbered(12)


def test_a_commit_that_fails_in_a_revocation_leaves_the_events_to_the_next_owner(
    loop: Loop,
) -> None:
    """Those of partitions that stay are read again here."""
    loop.kafka.write(P0, numbered(8))
    loop.kafka.write(P1, numbered(8, 8))
    others: list[Loop] = []

    def join(_: Batch) -> None:
        if len(loop.scoring.batches) == 3 and not others:
            loop.kafka.fail("commit", TransactionAborted("not now"))
            others.append(loop.another())

    loop.scoring.before = join
    loop.run_until(lambda: loop.kafka.groups[GROUP].committed.get(P0) == 8)
    assert len(loop.heard.aborts) == 1
    others[0].run()
    assert others[0].scored() == numbered(16)


def test_lost_partitions_take_their_events_with_them(loop: Loop) -> None:
    """What is gathered is never committed: the new owner scores it."""
    loop.kafka.write(P0, numbered(12))

    def expel(_: Batch) -> None:
        if len(loop.scoring.batches) == 1:
            loop.consumer.expel()

    loop.scoring.before = expel
    loop.run_until(lambda: "lost" in loop.heard.rebalances)
    assert loop.producer.bounds == [], "not even tried"
    after = Loop(loop.kafka)
    after.run()
    assert after.scored() == numbered(12)


def test_a_member_that_was_expelled_without_knowing_commits_nothing(loop: Loop) -> None:
    """A zombie's commit is fenced by its membership, and it goes on once it has joined again."""
    loop.kafka.write(P0, numbered(3))

    def expel(_: Batch) -> None:
        if len(loop.scoring.batches) == 0:
            loop.consumer.expel()

    loop.scoring.before = expel
    loop.run()
    assert [type(each) for each in loop.heard.aborts] == [TransactionAborted]
    assert loop.heard.rebalances == ["assigned", "lost", "assigned", "revoked"]
    assert loop.scored() == numbered(3)


def test_nothing_is_remembered_of_a_partition_that_went(loop: Loop) -> None:
    """Its offset may have been set back meanwhile; the idle worker gets it to the end again."""
    loop.kafka.write(P0, numbered(3), end="committed")

    def set_back() -> bool:
        committed = loop.kafka.groups[GROUP].committed
        if committed.get(P0) == 4 and "lost" not in loop.heard.rebalances:
            loop.consumer.expel()
            committed[P0] = 3
            loop.consumer.rewind(0.001)
        return "lost" in loop.heard.rebalances and committed.get(P0) == 4

    loop.run_until(set_back)


def test_a_partition_that_comes_back_is_not_committed_backwards(loop: Loop) -> None:
    """Its position is that of the new assignment."""
    loop.kafka.write(P0, numbered(2))
    loop.kafka.write(P1, numbered(2, 2))
    other = loop.another()

    def follow() -> bool:
        other.consumer.rewind(0.001)
        if len(loop.scored()) == 2 and other.consumer in loop.kafka.groups[GROUP].members:
            other.run_until(lambda: len(loop.scored()) == 4)
        return len(loop.scored()) == 4 and P1 in loop.consumer.held

    loop.run_until(follow)
    assert loop.kafka.groups[GROUP].committed == {P0: 2, P1: 2}
    assert sorted(loop.scored()) == numbered(4)
