"""Which fields might fill which tensor: by name, by type, by position, or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stream_scorer.avro.schema import leaf_paths, parse
from stream_scorer.columns import FieldType
from stream_scorer.model.guesses import Guess, guess, is_label
from stream_scorer.model.session import load_model
from stream_scorer.model.tensors import TensorSpec

GOLDEN = Path(__file__).parents[1] / "golden"
BUNDLES = sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())


def fields(**types: Any) -> dict[str, FieldType]:
    """The fields of a record, by dotted path; a dict is a record within it."""
    return dict(leaf_paths(parse(_record("Event", types))))


def _record(name: str, types: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "record",
        "name": name,
        "fields": [
            {"name": each, "type": _record(each.title(), of) if _is_record(of) else of}
            for each, of in types.items()
        ],
    }


def _is_record(of: Any) -> bool:
    return isinstance(of, dict) and "type" not in of


def tensor(name: str, dtype: str, *row: int | None) -> TensorSpec:
    """An input of the model."""
    return TensorSpec(name, "string" if dtype == "string" else np.dtype(dtype), (None, *row))


def only(spec: TensorSpec, known: dict[str, FieldType], **metadata: str) -> Guess:
    """What is guessed for a model of one input."""
    (guessed,) = guess([spec], known, metadata)
    return guessed


@pytest.mark.parametrize("name", BUNDLES)
def test_the_mapping_of_every_golden_model_is_found(name: str) -> None:
    """The bundle says what the training library was given."""
    folder = GOLDEN / name
    model = load_model(folder / "model.onnx")
    known = leaf_paths(parse((folder / "event.avsc").read_text()))
    guessed = guess(model.inputs, known, model.metadata)
    assert {each.spec.name: list(each.fields) for each in guessed} == json.loads(
        (folder / "bundle.json").read_text()
    )["inputs"]


@pytest.mark.parametrize("name", ["amount", "Amount", "device_age", "deviceAge", "device.age"])
def test_a_field_is_found_by_name_in_another_spelling(name: str) -> None:
    """Its own name, or its whole path."""
    known = fields(amount="double", device={"age": "double", "other": "double"})
    path = "amount" if name.lower() == "amount" else "device.age"
    guessed = only(tensor(name, "float32", 1), known)
    assert (guessed.fields, guessed.by_position) == ((path,), False)
    assert guessed.reason == "By name."


def test_a_name_that_two_fields_have_is_no_name() -> None:
    """Nothing is guessed rather than the wrong one."""
    known = fields(home={"age": "double"}, device={"age": "double"})
    assert only(tensor("age", "float32", 1), known).fields == ()


def test_a_name_whose_type_does_not_fit_is_no_match() -> None:
    """The text of that name is not a number; the only number is."""
    guessed = only(tensor("amount", "float32", 1), fields(amount="string", total="double"))
    assert guessed.fields == ("total",)


@pytest.mark.parametrize("listed", ["b,a", '["b", "a"]', " b , a "])
def test_the_model_s_own_list_of_features_decides_the_order(listed: str) -> None:
    """Trainers leave it in the metadata, under whatever key."""
    guessed = only(tensor("x", "float32", 2), fields(a="double", b="double"), features=listed)
    assert (guessed.fields, guessed.by_position) == (("b", "a"), False)
    assert "metadata 'features'" in guessed.reason


@pytest.mark.parametrize("listed", ["a,b,c", "a,z", "12", "{}", ""])
def test_metadata_that_lists_something_else_is_ignored(listed: str) -> None:
    """Not as many, or not these."""
    guessed = only(tensor("x", "float32", 2), fields(a="double", b="double"), note=listed)
    assert (guessed.fields, guessed.by_position) == (("a", "b"), True)


def test_ids_and_times_are_left_out_of_the_features_and_named() -> None:
    """Where the others are as many as the tensor takes."""
    known = fields(
        user_id="long",
        amount="double",
        seen_at="long",
        visits="int",
        at={"type": "int", "logicalType": "date"},
    )
    guessed = only(tensor("x", "float32", 2), known)
    assert guessed.fields == ("amount", "visits")
    assert "(user_id, seen_at, at)" in guessed.reason


def test_ids_are_features_where_only_then_the_number_is_right() -> None:
    """Some models embed them."""
    guessed = only(tensor("x", "int64", 2), fields(user_id="long", item_id="long"))
    assert guessed.fields == ("user_id", "item_id")
    assert "ids and times too" in guessed.reason


def test_the_fields_of_one_record_fill_a_tensor_of_as_many() -> None:
    """The others are about something else."""
    known = fields(total="double", reading={"a": "double", "b": "double"})
    guessed = only(tensor("x", "float32", 2), known)
    assert guessed.fields == ("reading.a", "reading.b")
    assert "the fields of reading" in guessed.reason


def test_two_records_of_as_many_fields_leave_it_open() -> None:
    """A coin is no inference."""
    known = fields(one={"a": "double", "b": "double"}, two={"c": "double", "d": "double"})
    guessed = only(tensor("x", "float32", 2), known)
    assert guessed.fields == ()
    assert guessed.reason == "Fields of its type: one.a, one.b, two.c, two.d."


def test_numbers_and_texts_are_dealt_out_by_type() -> None:
    """Whole numbers to the integers, the others to the floats, text to the strings."""
    known = fields(name="string", size="double", visits="int", kind="string", score="float")
    guessed = guess(
        [tensor("n", "float32", 2), tensor("c", "string", 2), tensor("i", "int64", 1)], known, {}
    )
    assert [each.fields for each in guessed] == [("size", "score"), ("name", "kind"), ("visits",)]


def test_several_tensors_of_one_type_share_the_fields_in_order() -> None:
    """As many as each takes."""
    known = fields(a="double", b="double", c="double")
    guessed = guess([tensor("x", "float32", 1), tensor("y", "float32", 2)], known, {})
    assert [each.fields for each in guessed] == [("a",), ("b", "c")]
    assert all(each.by_position for each in guessed)


def test_a_tensor_that_takes_any_number_gets_all_measures() -> None:
    """Its width is left open by the exporter."""
    guessed = only(tensor("x", "float32", None), fields(a="double", order_id="long", b="float"))
    assert guessed.fields == ("a", "b")


def test_the_only_array_that_fits_is_found_by_type() -> None:
    """Of arrays within arrays too."""
    known = fields(
        words={"type": "array", "items": "string"},
        image={"type": "array", "items": {"type": "array", "items": "float"}},
    )
    guessed = only(tensor("pixels", "float32", 28, 28), known)
    assert (guessed.fields, guessed.by_position) == (("image",), False)


def test_what_is_not_found_says_which_fields_there_are() -> None:
    """Of the tensor's type."""
    guessed = only(tensor("x", "float32", 3), fields(name="string", a="double", b="int"))
    assert guessed.fields == ()
    assert guessed.reason == "Fields of its type: a, b."


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("event_id", True), ("device.id", True), ("userId", True), ("uuid", True),
        ("occurred_at", True), ("timestamp", True), ("event_time", True),
        ("amount", False), ("paid", False), ("valid", False), ("sat", False),
        ("response_time", False), ("candidate", False), ("is_on", False),
    ],
)  # fmt: skip
def test_what_names_or_dates_an_event_is_told_by_its_name(path: str, label: bool) -> None:  # noqa: FBT001 - the expectation
    """A word of the name, not a part of a word."""
    assert is_label(path, FieldType("long")) is label


def test_a_timestamp_is_told_by_its_logical_type() -> None:
    """Whatever its name is."""
    assert is_label("moment", FieldType("long", logical="timestamp-millis"))
