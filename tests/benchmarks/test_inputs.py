"""What the benchmarks claim of their events and models is so."""

from __future__ import annotations

import io
from collections.abc import Callable

import fastavro
import numpy as np
import onnx
import onnxruntime
import pytest

from benchmarks import decode, events, models
from benchmarks.workloads import features_of, workloads


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


@pytest.mark.parametrize("kind", [events.STANDARD, events.flat(300), events.Pixels(784)])
def test_the_events_are_what_fastavro_writes(kind: events.Kind) -> None:
    """They are written by columns, with what the benchmarks are to measure."""
    schema = fastavro.parse_schema(kind.schema)
    written = []
    for row in events.rows(1_100, kind=kind):
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, schema, row)
        written.append(stream.getvalue())
    assert list(events.values(1_100, prefix=b"", kind=kind)) == written


def test_wide_events_have_the_same_proportions() -> None:
    """Ten times as many of each."""
    wide = events.flat(300)
    assert (len(wide.doubles), len(wide.nullable)) == (260, 40)


def test_every_workload_s_schema_says_which_fields_the_model_reads() -> None:
    """Contenders find them there, in the model's order."""
    for workload in workloads():
        assert features_of(workload.kind.schema) == workload.kind.features


def test_the_image_network_is_the_golden_one_and_one_of_its_logits() -> None:
    """A bundle of the tests, under the names that all models of the benchmarks have."""
    pixels = np.random.default_rng(1).random((5, 784), dtype=np.float32)
    golden = onnxruntime.InferenceSession(models.IMAGE_NETWORK)
    session = onnxruntime.InferenceSession(models.image_network().SerializeToString())
    (logits,) = golden.run(None, {"image": pixels})
    (scores,) = session.run(["score"], {"features": pixels})
    np.testing.assert_array_equal(scores, logits[:, [models.IMAGE_LOGIT]])


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
