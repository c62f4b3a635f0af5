"""What happened to a committed place, and where reading goes on."""

from __future__ import annotations

import pytest

from stream_scorer.kafka.data_loss import Bounds, Trouble, loss_of
from stream_scorer.kafka.identity import LogId, note_of
from stream_scorer.records import Position

LOG, OTHER = LogId("cluster", "1" * 22), LogId("cluster", "2" * 22)
ELSEWHERE = LogId("another-cluster", "2" * 22)
NOTE = note_of(LOG)
OUT_OF_RANGE = Trouble()


@pytest.mark.parametrize(
    ("position", "trouble", "bounds"),
    [
        (Position(3, 1, NOTE), OUT_OF_RANGE, Bounds(3, 9)),
        (Position(9, 1, NOTE), OUT_OF_RANGE, Bounds(3, 9)),
        (Position(5, 1, NOTE), Trouble(diverged=True, cut=5), Bounds(0, 9)),
        (Position(5, 1, note_of(ELSEWHERE)), OUT_OF_RANGE, Bounds(0, 9)),
    ],
)
def test_a_place_in_the_log_is_none(position: Position, trouble: Trouble, bounds: Bounds) -> None:
    """The client may have been further: what it has read and nobody committed is read again."""
    assert loss_of(position, trouble, LOG, bounds) is None


@pytest.mark.parametrize(
    ("position", "trouble", "bounds", "goes_on", "said"),
    [
        (Position(1), OUT_OF_RANGE, Bounds(3, 9), 3, "offsets 1 to 2 were deleted before"),
        (
            Position(9, 1, NOTE),
            OUT_OF_RANGE,
            Bounds(0, 4),
            4,
            "cut back to 4, as by an unclean leader election: offsets 4 to 8",
        ),
        (Position(9), OUT_OF_RANGE, Bounds(0, 4), 4, "or the topic was made anew: offsets 4 to 8"),
        (
            Position(9, 1, NOTE),
            Trouble(diverged=True, cut=6),
            Bounds(0, 20),
            6,
            "cut back to 6, as by an unclean leader election: offsets 6 to 8",
        ),
        (Position(9, 1, NOTE), Trouble(diverged=True, cut=6), Bounds(7, 20), 7, "offsets 7 to 8"),
        (Position(9, 1, NOTE), Trouble(diverged=True), Bounds(0, 20), 9, "not known to where"),
        (
            Position(9, 1, note_of(OTHER)),
            OUT_OF_RANGE,
            Bounds(2, 20),
            2,
            "made anew after the group committed offset 9; the log now runs from 2 to 20",
        ),
    ],
)
def test_what_is_gone_is_named_and_reading_goes_on_where_it_can(
    position: Position, trouble: Trouble, bounds: Bounds, goes_on: int, said: str
) -> None:
    """After what was deleted; where a log was cut, or at its end; at the start of another one."""
    loss = loss_of(position, trouble, LOG, bounds)
    assert loss is not None
    assert loss.goes_on == goes_on
    assert said in loss.what()
