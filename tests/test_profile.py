"""What is counted of a batch: scores by buckets, features that are missing."""

from __future__ import annotations

import numpy as np
import pytest

from stream_scorer.profile import SCORE_EDGES, Profile, ScoreCounts


def bucket_of(score: float, dtype: type = np.float64) -> int:
    """The number of the bucket that counts this score."""
    (bucket,) = np.flatnonzero(ScoreCounts.of(np.array([score], dtype)).counts)
    return int(bucket)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_score_on_an_edge_belongs_to_the_bucket_below(dtype: type) -> None:
    """As ``le`` says, in the precision that the model writes."""
    for number, edge in enumerate(SCORE_EDGES):
        assert bucket_of(edge, dtype) == number


def test_scores_beyond_the_edges_are_counted() -> None:
    """One bucket more than there are edges."""
    assert bucket_of(-1e30) == 0
    assert bucket_of(1e30) == len(SCORE_EDGES)


def test_the_edges_are_in_order() -> None:
    """Fine where probabilities are, coarse elsewhere."""
    assert list(SCORE_EDGES) == sorted(set(SCORE_EDGES))
    assert {0.0, 0.05, 0.5, 0.95, 1.0} <= set(SCORE_EDGES)


def test_what_is_no_number_is_counted_and_in_no_bucket() -> None:
    """Neither in the first nor in the last."""
    counts = ScoreCounts.of(np.array([0.25, np.nan, np.inf, -np.inf, 0.5]))
    assert (counts.not_finite, counts.counts.sum()) == (3, 2)
    assert counts.counts[0] == counts.counts[-1] == 0


def test_only_what_is_no_number() -> None:
    """Nothing is left to count."""
    counts = ScoreCounts.of(np.array([np.nan, np.nan], np.float32))
    assert (counts.not_finite, counts.counts.sum()) == (2, 0)


def test_no_scores_at_all() -> None:
    """A batch of dead letters."""
    counts = ScoreCounts.of(np.empty(0, np.float32))
    assert len(counts.counts) == len(ScoreCounts.none().counts) == len(SCORE_EDGES) + 1
    assert counts.counts.sum() == 0


def test_counts_add_up_and_leave_their_parts_alone() -> None:
    """A transaction has several batches."""
    one, other = ScoreCounts.of(np.array([0.1, np.nan])), ScoreCounts.of(np.array([0.1, 0.9]))
    both = one + other
    assert (both.counts.sum(), both.not_finite) == (3, 1)
    assert (one.counts.sum(), other.counts.sum()) == (1, 2)


def test_profiles_add_up() -> None:
    """Though one of them knows less: a writer of an older schema has no null for a field."""
    scores = ScoreCounts.of(np.array([0.5]))
    one = Profile(3, {"a": 1}, {"score": scores})
    other = Profile(2, {"a": 1, "b": 2}, {"score": scores, "other": scores})
    both = Profile.of_all([one, other, Profile()])
    assert (both.rows, both.missing) == (5, {"a": 2, "b": 2})
    assert {name: each.counts.sum() for name, each in both.scores.items()} == {
        "score": 2,
        "other": 1,
    }
    assert one.missing == {"a": 1}
