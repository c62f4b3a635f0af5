"""From outputs to fields of the scored event: names, types, values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from stream_scorer.columns import Column, Lists, Numbers, Texts
from stream_scorer.errors import ConfigError, ContractError
from stream_scorer.model.outputs import legal_name, map_outputs
from stream_scorer.model.tensors import OutputSpec, dtype_of


def output(name: str, onnx_type: str, *row_shape: int | None, **more: Any) -> OutputSpec:
    """Return an output with one row an event."""
    dtype = dtype_of(f"tensor({onnx_type})")
    return OutputSpec(name, dtype, (None, *row_shape), onnx_type=f"tensor({onnx_type})", **more)


def plain(column: Column) -> list[Any]:
    """Return the values of a column as Python has them."""
    if isinstance(column, Texts):
        return [text.decode() for text in column.to_bytes()]
    if isinstance(column, Lists):
        items = iter(plain(column.items))
        return [[next(items) for _ in range(length)] for length in column.lengths]
    assert isinstance(column, Numbers)
    return list(column.values.tolist())


@pytest.mark.parametrize(
    ("onnx_type", "kind", "dtype"),
    [
        ("float16", "float", "float32"),
        ("float", "float", "float32"),
        ("double", "double", "float64"),
        ("int8", "long", "int64"),
        ("uint32", "long", "int64"),
        ("int64", "long", "int64"),
        ("uint64", "long", "int64"),
        ("bool", "boolean", "bool"),
    ],
)
def test_a_number_has_the_avro_type_that_holds_it(onnx_type: str, kind: str, dtype: str) -> None:
    """Integers of any size are longs, half floats are floats."""
    spec = output("y", onnx_type)
    outputs = map_outputs([spec], None)

    column = outputs.columns({"y": np.array([0, 1]).astype(str(spec.dtype))}, 2)["y"]

    assert outputs.fields[0].type.kind == outputs.fields[0].type.schema == kind
    assert isinstance(column, Numbers)
    assert column.values.dtype == dtype
    assert column.values.tolist() == [0, 1]


def test_text_is_a_string() -> None:
    """Labels such as approve and refuse."""
    outputs = map_outputs([output("label", "string")], None)

    column = outputs.columns({"label": np.array(["né", "", "x"], dtype=object)}, 3)["label"]

    assert outputs.fields[0].type.schema == "string"
    assert plain(column) == ["né", "", "x"]


@pytest.mark.parametrize(
    ("row_shape", "schema", "expected"),
    [
        ((), "long", [0, 1]),
        ((1,), "long", [0, 1]),
        ((3,), {"type": "array", "items": "long"}, [[0, 1, 2], [3, 4, 5]]),
        (
            (2, 2),
            {"type": "array", "items": {"type": "array", "items": "long"}},
            [[[0, 1], [2, 3]], [[4, 5], [6, 7]]],
        ),
        (
            (1, 1),
            {"type": "array", "items": {"type": "array", "items": "long"}},
            [[[0]], [[1]]],
        ),
    ],
)
def test_a_row_of_width_one_is_a_scalar_and_a_wider_one_an_array(
    row_shape: tuple[int, ...], schema: Any, expected: list[Any]
) -> None:
    """A higher rank is arrays within arrays."""
    values = np.arange(2 * math.prod(row_shape)).reshape(2, *row_shape)
    outputs = map_outputs([output("y", "int64", *row_shape)], None)

    assert outputs.fields[0].type.schema == schema
    assert plain(outputs.columns({"y": values}, 2)["y"]) == expected


def test_texts_may_stand_in_arrays() -> None:
    """The names of the best three, say."""
    outputs = map_outputs([output("best", "string", 2)], None)
    values = np.array([["a", "b"], ["c", "d"]], dtype=object)

    assert plain(outputs.columns({"best": values}, 2)["best"]) == [["a", "b"], ["c", "d"]]


def test_no_rows_give_columns_without_rows() -> None:
    """All events of a batch may be dead letters."""
    outputs = map_outputs([output("y", "float", 2), output("label", "string")], None)

    columns = outputs.columns({"y": np.zeros((0, 2)), "label": np.zeros(0, dtype=object)}, 0)

    assert [plain(column) for column in columns.values()] == [[], []]


def test_class_names_stand_in_the_fields_properties() -> None:
    """Where the ZipMap had them, and only beside the whole array."""
    spec = output("p", "float", 2, classes=("no", "yes"))

    outputs = map_outputs([spec], {"all": "p", "yes": "p[class=yes]"})

    assert [each.properties for each in outputs.fields] == [{"classes": ["no", "yes"]}, {}]


# ------------------------------------------------------------------ names


@pytest.mark.parametrize(
    ("name", "legal"),
    [
        ("score", "score"),
        ("43", "output_43"),
        ("StatefulPartitionedCall:0", "StatefulPartitionedCall_0"),
        ("a/b.c-d", "a_b_c_d"),
        ("größe", "gr__e"),
        ("_x", "_x"),
        ("", "output_"),
    ],
)
def test_a_name_that_avro_does_not_allow_is_made_legal(name: str, legal: str) -> None:
    """Every other character becomes an underscore, a leading digit gets a word before it."""
    assert legal_name(name) == legal


def test_names_that_become_equal_are_refused_with_the_way_out() -> None:
    """Both would be one field."""
    with pytest.raises(ConfigError, match=r"'a/b' and 'a\.b' would both be the field 'a_b'.*a_b_2"):
        map_outputs([output("a/b", "float"), output("a.b", "float")], None)


def test_a_chosen_name_must_be_legal() -> None:
    """What the user writes is not silently changed."""
    with pytest.raises(ConfigError, match=r"'my-score', which Avro does not allow: use 'my_score'"):
        map_outputs([output("y", "float")], {"my-score": "y"})


def test_choosing_nothing_is_a_mistake() -> None:
    """A scored event without a score."""
    with pytest.raises(ConfigError, match=r"model\.outputs is empty"):
        map_outputs([output("y", "float")], {})


# ------------------------------------------------------------------ selectors


def test_outputs_are_picked_renamed_and_asked_for_once() -> None:
    """Two fields may be made of one output; what no field needs is not asked for."""
    specs = [output("label", "int64"), output("p", "float", 3), output("unused", "float")]

    outputs = map_outputs(specs, {"low": "p[0]", "high": "p[2]", "label": "label"})
    arrays = {"p": np.array([[0.1, 0.2, 0.7]], np.float32), "label": np.array([2])}

    assert outputs.wanted == ("p", "label")
    assert [plain(column) for column in outputs.columns(arrays, 1).values()] == [
        [pytest.approx(0.1)],
        [pytest.approx(0.7)],
        [2],
    ]


def test_a_position_of_a_higher_rank_is_what_stands_there() -> None:
    """The row of a matrix is an array."""
    outputs = map_outputs([output("y", "int64", 2, 2)], {"first": "y[0]"})

    assert plain(outputs.columns({"y": np.array([[[1, 2], [3, 4]]])}, 1)["first"]) == [[1, 2]]


@pytest.mark.parametrize(("selector", "position"), [("p[class=1]", 0), ("p[1]", 1)])
def test_a_number_in_brackets_is_always_a_position(selector: str, position: int) -> None:
    """Even where the classes are numbers in another order."""
    outputs = map_outputs([output("p", "float", 2, classes=(1, 0))], {"y": selector})

    assert outputs.picks[0].selector.position == position


def test_an_output_whose_own_name_has_brackets_is_found_first() -> None:
    """Some exporters write such names."""
    outputs = map_outputs([output("y[0]", "float"), output("y", "float", 2)], {"a": "y[0]"})

    assert outputs.wanted == ("y[0]",)


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("probabilites", r"no output 'probabilites'; it has label, p, maps\."),
        ("lable", r"Nearest: label"),
        ("p[2]", r"'p' \[N, 2\] has 2 values a row, 0 to 1"),
        ("label[0]", r"'label' \[N\] has one value a row"),
        ("p[class=maybe]", r"whose classes are no, yes"),
        ("label[class=1]", r"does not say which classes.*use a position, such as label\[1\]"),
        ("maps", r"'maps' is a seq\(tensor\(float\)\), which has no column"),
    ],
)
def test_a_selector_that_selects_nothing_is_told(selector: str, message: str) -> None:
    """With what there is to select."""
    specs = [
        output("label", "int64"),
        output("p", "float", 2, classes=("no", "yes")),
        OutputSpec("maps", None, (), onnx_type="seq(tensor(float))"),
    ]

    with pytest.raises(ContractError, match=message):
        map_outputs(specs, {"y": selector})


def test_an_output_that_can_not_be_a_column_may_be_left_out() -> None:
    """It stops the start only if it is asked for."""
    specs = [output("y", "float"), OutputSpec("s", None, (), onnx_type="seq(tensor(float))")]

    assert map_outputs(specs, {"y": "y"}).wanted == ("y",)
    with pytest.raises(ContractError, match="'s' is a seq"):
        map_outputs(specs, None)


@pytest.mark.parametrize("shape", [(), (1, 3), (7,)])
def test_an_output_that_is_not_one_row_an_event_is_refused(shape: tuple[int, ...]) -> None:
    """A mean over the batch, a constant."""
    with pytest.raises(ContractError, match="not one row an event"):
        map_outputs([OutputSpec("y", np.dtype("float32"), shape)], None)


# ------------------------------------------------------------------ values that can't be written


def test_rows_with_a_score_that_is_no_number_are_found() -> None:
    """In what is picked, not in what is left out."""
    specs = [output("p", "float", 2), output("label", "int64"), output("d", "double", 2, 1)]
    arrays = {
        "p": np.array([[math.nan, 1], [0, math.inf], [0, 1]], np.float32),
        "label": np.array([1, 2, 3]),
        "d": np.array([[[0], [1]], [[0], [1]], [[0], [-math.inf]]]),
    }

    everything = map_outputs(specs, None)
    second = map_outputs(specs, {"score": "p[1]"})

    assert everything.non_finite(arrays).tolist() == [True, True, True]
    assert second.non_finite(arrays).tolist() == [False, True, False]


def test_an_unsigned_integer_beyond_a_long_is_found() -> None:
    """Avro has no larger type."""
    outputs = map_outputs([output("y", "uint64")], None)

    values = np.array([0, 2**63 - 1, 2**63, 2**64 - 1], np.uint64)

    assert outputs.not_representable({"y": values}).tolist() == [False, False, True, True]
