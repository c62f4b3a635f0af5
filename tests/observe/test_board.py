"""What the worker has done, kept together: totals, samples of dead letters, counts of features."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from stream_scorer.observe.board import SAMPLES, SENTENCES, SHOWN_BYTES, Board
from stream_scorer.observe.metrics import ROWS_UP_TO
from stream_scorer.profile import Profile, ScoreCounts
from stream_scorer.records import DeadLetter, Reason
from tests.observe.making import letter

NOW = 1_700_000_000.0
NO_AGES = np.empty(0)


@pytest.fixture
def board() -> Board:
    """Shows no values, as it is by default."""
    return Board()


def committed(board: Board, *letters: DeadLetter, scored: int = 0, now: float = NOW) -> None:
    """One transaction."""
    board.committed(scored, letters, NO_AGES, Profile(), now)


def shown(board: Board, now: float = NOW) -> Any:
    """What a reader of the JSON gets."""
    return json.loads(json.dumps(board.shown(now), allow_nan=False))


def test_totals_are_there_from_the_start(board: Board) -> None:
    """As zeros."""
    assert set(shown(board)["totals"].values()) == {0}


def test_totals_count_what_the_loop_does(board: Board) -> None:
    """A commit ends a row of aborts."""
    board.polled(7, 0.1, NOW)
    board.polled(3, 0.1, NOW)
    board.aborted(1)
    board.aborted(2)
    assert shown(board)["totals"]["aborts_in_a_row"] == 2
    committed(board, letter(), scored=9)
    for kind in ("assigned", "assigned", "revoked", "lost"):
        board.rebalanced(kind)
    assert shown(board)["totals"] == {
        "consumed": 10,
        "scored": 9,
        "dead_letters": 1,
        "committed": 1,
        "aborted": 2,
        "assigned": 2,
        "revoked": 1,
        "lost": 1,
        "aborts_in_a_row": 0,
    }


def test_batches_are_counted_by_their_size(board: Board) -> None:
    """A size on an edge belongs below it; one bucket is for the larger ones."""
    for events in (1, 4, 5, 16, 65536, 65537):
        board.polled(events, 0.0, NOW)
    found = shown(board)["batch_rows"]
    assert found["up_to"] == list(ROWS_UP_TO)
    assert found["batches"] == [1, 1, 2, 0, 0, 0, 0, 0, 1, 1]


def test_time_goes_into_stages(board: Board) -> None:
    """Polling among them."""
    board.polled(1, 0.5, NOW)
    board.spent("infer", 0.25, NOW)
    board.spent("infer", 0.25, NOW)
    assert shown(board)["stages"] == {"poll": 0.5, "infer": 0.5}


def test_dead_letters_are_counted_by_reason(board: Board) -> None:
    """Those only that there are."""
    committed(board, letter(), letter(reason=Reason.TOMBSTONE), letter())
    assert shown(board)["dead_letters"]["by_reason"] == {"undecodable": 2, "tombstone": 1}


def test_the_last_dead_letters_are_samples_the_newest_first(board: Board) -> None:
    """Out of one transaction with many, or out of many with one."""
    committed(board, *map(letter, range(100)))
    committed(board, letter(500), now=NOW + 5)
    samples = shown(board)["dead_letters"]["samples"]
    assert [each["offset"] for each in samples] == [500, *range(99, 99 - SAMPLES + 1, -1)]
    assert [each["at"] for each in samples[:2]] == [NOW + 5, NOW]


SECRET = "4111-1111"  # noqa: S105 - it stands for a value that must not be seen


@pytest.mark.parametrize("reason", list(Reason))
def test_a_sample_shows_no_value_unless_values_may_be_shown(board: Board, reason: Reason) -> None:
    """Its own message may quote some, so another sentence stands in its place."""
    bad = letter(7, reason, f"{SECRET} is not a number", SECRET.encode())
    committed(board, bad)
    (sample,) = shown(board)["dead_letters"]["samples"]
    assert SECRET not in json.dumps(shown(board))
    assert sample == {
        "at": NOW,
        "topic": "cards",
        "partition": 0,
        "offset": 7,
        "reason": reason.value,
        "stage": "decode",
        "message": SENTENCES[reason],
        "value": None,
    }


def test_with_values_a_sample_shows_the_message_and_the_beginning_of_the_value() -> None:
    """As Python shows bytes: any bytes are text then."""
    board = Board(shows_values=True)
    committed(board, letter(message="it is odd", value=b"\x00a" + b"z" * 500), letter(value=None))
    without, with_value = shown(board)["dead_letters"]["samples"]
    assert with_value["message"] == "it is odd"
    assert with_value["value"] == repr(b"\x00a" + b"z" * (SHOWN_BYTES - 2))
    assert without["value"] is None


def test_features_are_there_from_the_start_and_count_what_is_missing(board: Board) -> None:
    """Of how many events."""
    board.declare(["a", "b.c"])
    board.committed(3, (), NO_AGES, Profile(3, {"a": 2}), NOW)
    board.committed(1, (), NO_AGES, Profile(1, {"a": 0, "b.c": 1}), NOW)
    assert shown(board)["features"] == [
        {"field": "a", "events": 4, "missing": 2},
        {"field": "b.c", "events": 4, "missing": 1},
    ]


def test_scores_that_are_no_numbers_are_a_count_and_not_a_value(board: Board) -> None:
    """JSON has no form for them."""
    scores = {"score": ScoreCounts.of(np.array([np.nan, np.inf, 0.5]))}
    board.committed(3, (), NO_AGES, Profile(3, {}, scores), NOW)
    (found,) = shown(board)["scores"]
    assert (found["not_finite"], found["start_events"]) == (2, 1)


@pytest.mark.parametrize("jump", [-86_400.0, -1.0, 86_400.0])
def test_a_clock_that_jumps_breaks_nothing(board: Board, jump: float) -> None:
    """Totals go on, and the history goes on from where the clock is now."""
    board.committed(5, (), np.array([1.0]), Profile(), NOW)
    board.committed(7, (), np.array([-jump, jump]), Profile(), NOW + jump)
    found = shown(board, NOW + jump + 2)
    assert found["totals"]["scored"] == 12
    assert found["history"]["scored"][-1] == 7
    known = [age for age in found["history"]["age_p99_seconds"] if age is not None]
    assert min(known) > 0
