"""The scores of the training libraries, within tolerance, for every output of every event."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest
from numpy.typing import NDArray

from stream_scorer.columns import Column, FieldType, Kind, Lists, Numbers
from stream_scorer.model.features import map_features
from stream_scorer.model.fields import Missing
from stream_scorer.model.outputs import map_outputs
from stream_scorer.model.session import load_model
from tests.model.making import column_of

GOLDEN = Path(__file__).parents[1] / "golden"
BUNDLES = sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())


def leaves(schema: Any, prefix: str = "") -> Iterator[tuple[str, FieldType]]:
    """Yield dotted path and type of the fields of a record schema."""
    for each in schema["fields"]:
        path, kind = prefix + each["name"], each["type"]
        if isinstance(kind, dict) and kind["type"] == "record":
            yield from leaves(kind, f"{path}.")
        else:
            yield path, type_of(kind)


def type_of(schema: Any) -> FieldType:
    """Return the type of a schema without records."""
    if isinstance(schema, list):
        inner = type_of(next(branch for branch in schema if branch != "null"))
        return FieldType(inner.kind, nullable=True)
    if isinstance(schema, str):
        kind: Kind = schema  # type: ignore[assignment]
        return FieldType(kind)
    items = type_of(schema["items"]) if schema["type"] == "array" else None
    return FieldType(schema["type"], items=items, symbols=tuple(schema.get("symbols", ())))


def value_at(event: Mapping[str, Any], path: str) -> Any:
    """Return the value at a dotted path."""
    found: Any = event
    for name in path.split("."):
        found = found[name]
    return found


def as_array(column: Column, rows: int) -> NDArray[Any]:
    """Return numbers, or arrays of numbers of one length, as an array."""
    if isinstance(column, Lists):
        return as_array(column.items, int(column.lengths.sum())).reshape(rows, -1)
    assert isinstance(column, Numbers)
    return column.values


@pytest.mark.parametrize("name", BUNDLES)
def test_every_output_of_every_event_is_what_the_training_library_says(name: str) -> None:
    """Columns in, columns out: mapping, nulls, text, ZipMap and names are all on the way."""
    folder = GOLDEN / name
    bundle = json.loads((folder / "bundle.json").read_text())
    fields = dict(leaves(json.loads((folder / "event.avsc").read_text())))
    with (folder / "events.avro").open("rb") as file:
        events: list[Any] = list(fastavro.reader(file))

    model = load_model(folder / "model.onnx")
    features = map_features(model.inputs, fields, bundle["inputs"], Missing())
    assert model.learn(features.example())
    columns = {
        path: column_of(fields[path], [value_at(event, path) for event in events])
        for path in features.wanted
    }
    tensors = features.tensors(columns, len(events))
    outputs = map_outputs(model.outputs, None)
    arrays = model.run(tensors.arrays, outputs.wanted)
    scored = outputs.columns(arrays, len(events))

    assert tensors.problems == {}
    assert not outputs.non_finite(arrays).any()
    with np.load(folder / "expected.npz") as expected:
        assert set(expected.files) == set(outputs.wanted)
        for pick in outputs.picks:
            array = as_array(scored[pick.field.name], len(events))
            wanted = expected[pick.selector.output].reshape(array.shape)
            assert array.dtype.kind == wanted.dtype.kind
            np.testing.assert_allclose(array, wanted, rtol=0, atol=bundle["atol"])


def test_the_zipmap_of_the_fraud_pipeline_keeps_its_class_names() -> None:
    """The probabilities are an array in class order, and a class can be picked by its name."""
    model = load_model(GOLDEN / "sklearn_fraud_pipeline" / "model.onnx")

    outputs = map_outputs(
        model.outputs, {"all": "output_probability", "fraud": "output_probability[class=1]"}
    )

    assert [each.properties for each in outputs.fields] == [{"classes": [0, 1]}, {}]
    assert [each.type.kind for each in outputs.fields] == ["array", "float"]
    assert outputs.picks[1].selector.position == 1


def test_outputs_whose_names_are_no_avro_names_are_made_legal() -> None:
    """Keras calls its outputs 43 and 35; one is five wide, the other is a scalar."""
    model = load_model(GOLDEN / "keras_iot_two_outputs" / "model.onnx")

    fields = map_outputs(model.outputs, None).fields

    assert [(each.name, each.type.kind) for each in fields] == [
        ("output_43", "array"),
        ("output_35", "float"),
    ]
