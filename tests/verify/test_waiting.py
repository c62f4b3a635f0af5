"""What a backlog goes by: nobody runs dry, and never too much waits."""

from __future__ import annotations

from stream_scorer.records import TopicPartition
from stream_scorer.verify.values import InputEvent, Trace
from stream_scorer.verify.waiting import Waiting

AHEAD = 100


def waiting(*counts: tuple[int, int]) -> Waiting:
    """So many events and traces of each partition, all read."""
    found = Waiting()
    for number, (events, traces) in enumerate(counts):
        source, out = TopicPartition("in", number), TopicPartition("out", number)
        found.take_in([InputEvent(source, at, None, None, 0.0) for at in range(events)], ())
        found.take_in(
            (), [Trace(out, at, source, at, None, "a", None, 0.0) for at in range(traces)]
        )
    return found


def test_what_has_no_trace_waits() -> None:
    """In all partitions together."""
    assert waiting((30, 20), (30, 20)).behind(60, AHEAD) == 20


def test_what_is_written_and_not_read_yet_waits_too() -> None:
    """Nobody knows more of it."""
    assert Waiting().behind(7, AHEAD) == 7
    assert waiting((30, 20), (30, 20)).behind(65, AHEAD) == 25


def test_where_partitions_stand_still_the_others_still_get_events() -> None:
    """As many wait as if all were like the one where the fewest do."""
    assert waiting((60, 0), (60, 50)).behind(120, AHEAD) == 20


def test_more_than_twice_as_many_never_wait() -> None:
    """Or a round would not come to its end."""
    assert waiting((199, 0), (60, 60)).behind(259, AHEAD) == 99
    assert waiting((200, 0), (60, 60)).behind(260, AHEAD) == AHEAD


def test_traces_may_be_read_before_their_events() -> None:
    """Then nothing waits there."""
    assert waiting((5, 8), (10, 0)).behind(15, AHEAD) < 10
