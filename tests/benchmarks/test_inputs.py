"""What the benchmarks claim of their events and models is so."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest

from benchmarks import decode, events, models


def test_the_events_have_273_bytes_on_average_and_no_two_are_alike() -> None:
    """With framing; nulls make some of them shorter."""
    values = list(events.values(2_000))
    assert np.mean([len(value) for value in values]) == pytest.approx(273, abs=0.5)
    assert len(set(values)) == len(values)
    assert list(events.values(2_000)) == values


def test_there_are_30_features_of_which_4_are_nullable() -> None:
    """One in ten of those is null."""
    rows = list(events.rows(2_000))
    assert (len(events.FEATURES), len(events.NULLABLE)) == (30, 4)
    nulls = np.mean([row[name] is None for row in rows for name in events.NULLABLE])
    assert nulls == pytest.approx(0.1, abs=0.02)
    assert not any(row[name] is None for row in rows for name in events.DOUBLES)


def test_both_ways_of_decoding_give_the_same_matrix() -> None:
    """Else their times could not be compared."""
    values = list(events.values(300, prefix=b""))
    matrix = decode.columnar()(values)
    assert matrix.shape == (300, 30)
    np.testing.assert_array_equal(matrix, decode.row_wise()(values))


@pytest.mark.parametrize("model", [models.small_mlp, models.trees])
def test_a_model_is_the_same_each_time_and_tells_rows_apart(
    model: Callable[[], onnx.ModelProto],
) -> None:
    """A model that answers the same to everything would be too easy."""
    content = model().SerializeToString()
    assert model().SerializeToString() == content
    session = onnxruntime.InferenceSession(content)
    rows = np.random.default_rng(1).normal(size=(64, 30)).astype(np.float32)
    (scores,) = session.run(["score"], {"features": rows})
    assert scores.shape == (64, 1)
    assert len(np.unique(scores)) > 60
