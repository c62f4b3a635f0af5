"""Gathering, committing, stopping, idling."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from stream_scorer.errors import (
    Terminated,
    TransactionAborted,
)
from stream_scorer.records import (
    Batch,
)
from tests.worker.loop import GROUP, P0, P1, Loop, numbered


def test_every_event_is_scored_once_and_in_order(loop: Loop) -> None:
    """Ten batches, two partitions."""
    loop.kafka.write(P0, numbered(17))
    loop.kafka.write(P1, numbered(23, 17))
    loop.run()
    assert loop.scored() == numbered(40)
    assert loop.consumer.closed


def test_a_lone_event_is_committed_at_once(loop: Loop) -> None:
    """The input is dry, and the last commit is long ago: nobody waits for a timer."""
    loop.kafka.write(P0, [b"a"])
    started = loop.kafka.clock()
    loop.run()
    assert loop.scored() == [b"a"]
    assert loop.kafka.clock() == started


def test_full_batches_gather_until_the_input_is_dry(loop: Loop) -> None:
    """One transaction for as many batches as there are."""
    loop.kafka.write(P0, numbered(11))
    loop.run()
    assert loop.heard.committed_rows == [11]
    assert loop.scoring.batches == [4, 4, 3]


def test_a_batch_that_is_short_since_the_next_fetch_is_on_its_way_is_not_the_end() -> None:
    """A full batch is known to wait on the brokers: one transaction, not one for each fetch."""
    loop = Loop()
    loop.consumer.fetched_rows = 3
    loop.kafka.write(P0, numbered(20))
    loop.run()
    assert loop.scoring.batches == [3] * 6 + [2]
    assert loop.heard.committed_rows == [18, 2]


def test_what_waits_behind_an_open_transaction_holds_a_set_up_no_longer_than_the_interval() -> None:
    """Nobody can read it; what is gathered goes when its time is over."""
    loop = Loop(commit_interval_seconds=0.1)
    loop.kafka.write(P0, numbered(3))
    loop.kafka.write(P0, numbered(9, 3), end="open")
    started = loop.kafka.clock()
    loop.run_until(lambda: len(loop.scored()) == 3)
    assert loop.kafka.clock() - started == pytest.approx(0.1, abs=0.01)


def test_a_set_is_committed_when_the_commit_interval_is_over() -> None:
    """However much there is to read."""
    loop = Loop(commit_interval_seconds=0.1)
    loop.scoring.seconds_per_row = 0.03 / 4
    loop.kafka.write(P0, numbered(32))
    loop.run()
    assert loop.heard.committed_rows == [16, 16]


def test_small_commits_keep_their_distance() -> None:
    """After a commit the next one waits for the minimal interval, though the input is dry."""
    loop = Loop(min_commit_interval_seconds=0.05, commit_interval_seconds=0.1)
    written: list[float] = []

    def feed() -> bool:
        if len(loop.scored()) == len(written) < 5:
            written.append(loop.kafka.clock())
            loop.kafka.write(P0, numbered(1))
        return len(loop.scored()) == 5

    loop.run_until(feed)
    assert loop.heard.committed_rows == [1] * 5
    gaps = [later - earlier for earlier, later in itertools.pairwise(written)]
    assert gaps == pytest.approx([0, 0.05, 0.05, 0.05], abs=0.002)


@pytest.mark.parametrize(
    ("setting", "limit", "expected"),
    [("transaction_max_records", 6, [6, 6, 1]), ("transaction_max_bytes", 60, [8, 5])],
)
def test_a_set_is_committed_when_it_is_full(setting: str, limit: int, expected: list[int]) -> None:
    """By rows it never grows beyond the limit, by bytes at most by a batch."""
    pace: dict[str, Any] = {setting: limit}
    loop = Loop(**pace)
    loop.kafka.write(P0, numbered(13))
    loop.run()
    assert loop.heard.committed_rows == expected


def test_a_batch_is_no_longer_than_the_model_is_fast() -> None:
    """A call that would outlast a quarter of max.poll.interval.ms is sliced."""
    loop = Loop(max_poll_interval_seconds=12.0)
    loop.scoring.seconds_per_row = 1.5
    loop.kafka.write(P0, numbered(9))
    loop.run()
    assert loop.scoring.batches == [4, 2, 2, 1]
    assert loop.scored() == numbered(9)


def test_a_model_that_is_slower_than_that_scores_row_by_row() -> None:
    """There is no smaller batch."""
    loop = Loop(max_poll_interval_seconds=1.0)
    loop.scoring.seconds_per_row = 1.5
    loop.kafka.write(P0, numbered(6))
    loop.run()
    assert loop.scoring.batches == [4, 1, 1]


def test_a_stop_commits_what_is_gathered(loop: Loop) -> None:
    """It is scored, so it need not be scored again."""
    loop.kafka.write(P0, numbered(20))
    loop.run_until(lambda: len(loop.scoring.batches) == 2)
    assert loop.scored() == numbered(8)
    assert loop.kafka.groups[GROUP].committed == {P0: 8, P1: 0}
    assert loop.consumer.closed


def test_an_inference_that_is_ended_for_a_stop_leaves_the_earlier_ones(loop: Loop) -> None:
    """What was gathered before it is committed."""
    loop.kafka.write(P0, numbered(20))

    def end(_: Batch) -> None:
        if len(loop.scoring.batches) == 2:
            raise Terminated("a stop was asked for")

    loop.scoring.before = end
    loop.run_until(lambda: False)
    assert loop.scored() == numbered(8)
    assert loop.consumer.closed


def test_a_stop_before_the_first_event_just_leaves(loop: Loop) -> None:
    """Nothing is committed."""
    loop.run_until(lambda: True)
    assert loop.heard.committed_rows == []
    assert loop.consumer.closed


def test_an_idle_worker_steps_over_control_markers(loop: Loop) -> None:
    """A transactional topic reaches a lag of zero; nothing is written for it."""
    loop.kafka.write(P0, numbered(3), end="committed")
    loop.kafka.write(P1, numbered(2), end="aborted")
    loop.run()
    assert loop.kafka.groups[GROUP].committed == {P0: 4, P1: 3}
    assert loop.scored() == numbered(3)


def test_an_idle_worker_commits_a_position_once(loop: Loop) -> None:
    """Not at every poll."""
    loop.kafka.write(P0, numbered(3), end="committed")
    started = loop.kafka.clock()
    loop.run_until(lambda: loop.kafka.clock() > started + 10)
    assert len(loop.producer.bounds) == 2  # the events, and the marker


def test_a_position_that_can_not_be_committed_is_tried_again(loop: Loop) -> None:
    """It is as any transaction that aborts."""
    loop.kafka.write(P0, numbered(1), end="committed")
    loop.run_until(lambda: len(loop.heard.committed_rows) == 1)
    after = Loop(loop.kafka)
    loop.kafka.fail("commit", TransactionAborted("not now"))
    after.run()
    assert after.scored() == numbered(1)
    assert len(after.heard.aborts) == 1


# ------------------------------------------------------------------ where it began


def _begins_at_the_end(loop: Loop) -> None:
    """Let there be old events, of which nobody has committed any."""
    for source in (P0, P1):
        loop.kafka.write(source, numbered(10, 900))


def _has_begun(loop: Loop) -> Callable[[], bool]:
    return lambda: set(loop.consumer._chosen) == {P0, P1}


def test_an_idle_worker_commits_where_it_began() -> None:
    """Also in a log that holds nothing to score: what scales by the lag would never sleep."""
    loop = Loop(policy="latest")
    _begins_at_the_end(loop)
    loop.run()
    assert loop.kafka.groups[GROUP].committed == {P0: 10, P1: 10}


def test_a_stop_before_the_first_commit_loses_no_event() -> None:
    """With `latest`, the next worker would begin at the end of its own time."""
    loop = Loop(policy="latest")
    _begins_at_the_end(loop)
    loop.run_until(_has_begun(loop))
    for source in (P0, P1):
        loop.kafka.write(source, numbered(10, 10 * source.partition))
    Loop(loop.kafka, policy="latest").run()
    assert sorted(loop.scored()) == sorted(numbered(20))


def test_a_start_is_committed_with_the_first_set_however_busy_other_partitions_are() -> None:
    """The partition itself has nothing to score until its next owner has it."""
    loop = Loop(policy="latest")
    _begins_at_the_end(loop)
    loop.kafka.groups[GROUP].committed[P0] = 0
    loop.run_until(lambda: bool(loop.heard.committed_rows))
    assert loop.heard.committed_rows == [10]
    assert loop.kafka.groups[GROUP].committed == {P0: 10, P1: 10}
    assert loop.heard.stepped_over_to == {P1: 10}, "the lag of the other is known"


def test_a_start_that_was_not_committed_goes_with_the_next_set() -> None:
    """The transaction that had it was aborted."""
    loop = Loop(policy="latest")
    _begins_at_the_end(loop)
    loop.kafka.fail("commit", TransactionAborted("not now"))
    loop.run_until(lambda: P1 in loop.kafka.groups[GROUP].committed)
    assert loop.kafka.groups[GROUP].committed == {P0: 10, P1: 10}
    assert len(loop.heard.aborts) == 1


def test_a_partition_that_goes_before_the_first_commit_takes_its_start_along() -> None:
    """The revocation commits it."""
    loop = Loop(policy="latest")
    _begins_at_the_end(loop)
    loop.worker._start()
    loop.consumer.poll_batch(1, 0.0)
    loop.worker.revoked([P0, P1])
    assert loop.kafka.groups[GROUP].committed == {P0: 10, P1: 10}
