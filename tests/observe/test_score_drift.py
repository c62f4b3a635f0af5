"""How the scores lie now, beside how they lay at the start."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stream_scorer.observe.score_drift import START_EVENTS, WINDOW_EVENTS, ScoreDrift
from stream_scorer.profile import SCORE_EDGES, ScoreCounts


def scores(value: float, events: int) -> dict[str, ScoreCounts]:
    """So many equal scores of one output."""
    return {"score": ScoreCounts.of(np.full(events, value))}


def shown(drift: ScoreDrift) -> dict[str, Any]:
    """What is shown of the one output."""
    (found,) = drift.shown()
    return found


def test_before_any_score_there_is_no_output() -> None:
    """Nothing to draw."""
    assert ScoreDrift().shown() == []


def test_the_start_stays_and_the_recent_ones_move() -> None:
    """A model that drifts is seen by the two lying apart."""
    drift = ScoreDrift()
    for _ in range(20):
        drift.scored(scores(0.1, 1000))
    for _ in range(40):
        drift.scored(scores(0.9, 1000))
    found = shown(drift)
    low, high = SCORE_EDGES.index(0.1), SCORE_EDGES.index(0.9)
    assert found["start_events"] == START_EVENTS
    assert np.flatnonzero(found["start"]).tolist() == [low]
    assert np.flatnonzero(found["recent"]).tolist() == [high]


@pytest.mark.parametrize("events", [1, 999, 4999, 5000, 60_000])
def test_recent_are_about_ten_thousand(events: int) -> None:
    """Whatever the size of a transaction, once there are so many."""
    drift = ScoreDrift()
    for _ in range(120_000 // events):
        drift.scored(scores(0.5, events))
    recent = shown(drift)["recent_events"]
    assert WINDOW_EVENTS <= recent <= max(2 * WINDOW_EVENTS + events, events)


def test_edges_and_counts_fit_each_other() -> None:
    """One count more than there are edges, from the first score on."""
    drift = ScoreDrift()
    drift.scored(scores(2000.0, 1))
    found = shown(drift)
    assert found["edges"] == list(SCORE_EDGES)
    assert found["start"] == found["recent"] == [*[0] * len(SCORE_EDGES), 1]


def test_what_is_no_number_is_counted_and_in_no_bucket() -> None:
    """An output that gives nothing else has nothing to draw, and says so."""
    drift = ScoreDrift()
    drift.scored({"score": ScoreCounts.of(np.array([np.nan, np.inf]))})
    found = shown(drift)
    assert (found["not_finite"], found["start_events"], found["recent_events"]) == (2, 0, 0)


def test_each_output_has_its_own() -> None:
    """In the order in which they came."""
    drift = ScoreDrift()
    drift.scored({**scores(0.5, 1), "other": ScoreCounts.of(np.array([0.5, 0.5]))})
    assert [(each["output"], each["start_events"]) for each in drift.shown()] == [
        ("score", 1),
        ("other", 2),
    ]
