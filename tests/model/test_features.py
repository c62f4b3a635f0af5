"""Which fields fill which tensor, what is refused before the first event, and what a row does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from stream_scorer.columns import FieldType, Numbers
from stream_scorer.errors import ContractError
from stream_scorer.model.features import FeatureMap, FeatureTensors, map_features
from stream_scorer.model.fields import Missing
from stream_scorer.model.tensors import Shape, TensorSpec
from stream_scorer.records import Reason, Stage
from tests.model.making import array_of, column_of, field_type

DOUBLE = field_type("double")
NULLABLE = field_type("double", nullable=True)
FIELDS: Mapping[str, FieldType] = {
    "amount": DOUBLE,
    "velocity_1h": field_type("long"),
    "device.age_days": NULLABLE,
    "device.name": field_type("string", nullable=True),
    "night": field_type("boolean"),
    "channel": FieldType("enum", symbols=("POS", "WEB")),
    "image": array_of(field_type("float")),
    "grid": array_of(array_of(DOUBLE)),
    "payload": field_type("bytes"),
    "price": FieldType("bytes", logical="decimal"),
    "either": field_type("union", nullable=True),
}


def spec(dtype: str = "float32", *row_shape: int | None, name: str = "x") -> TensorSpec:
    """Return an input with an open batch axis."""
    shape: Shape = (None, *row_shape)
    return TensorSpec(name, "string" if dtype == "string" else np.dtype(dtype), shape)


def mapped(
    to: TensorSpec, paths: Sequence[str], missing: Missing | None = None, **types: FieldType
) -> FeatureMap:
    """Map the fields to the one tensor."""
    return map_features([to], {**FIELDS, **types}, {to.name: paths}, missing or Missing())


def filled(to: TensorSpec, rows: Mapping[str, Sequence[Any]], **more: Any) -> FeatureTensors:
    """Fill the one tensor from these values of its fields, in the order in which they stand."""
    features = mapped(to, list(rows), **more)
    types = {**FIELDS, **{key: kind for key, kind in more.items() if key != "missing"}}
    columns = {path: column_of(types[path], values) for path, values in rows.items()}
    return features.tensors(columns, len(next(iter(rows.values()))))


# ------------------------------------------------------------------ shapes


def test_scalar_fields_stand_side_by_side_in_order() -> None:
    """A tensor [N, k] takes k fields; integers and booleans become floats."""
    tensors = filled(
        spec("float32", 3), {"velocity_1h": [7, 8], "amount": [0.5, 1.5], "night": [True, False]}
    )

    assert tensors.arrays["x"].dtype == np.float32
    assert tensors.arrays["x"].tolist() == [[7, 0.5, 1], [8, 1.5, 0]]
    assert tensors.problems == {}


def test_the_order_of_the_config_counts_not_that_of_the_schema() -> None:
    """The same fields the other way round."""
    tensors = filled(spec("float64", 2), {"amount": [1.0], "velocity_1h": [2]})

    assert tensors.arrays["x"].tolist() == [[1, 2]]


def test_one_field_fills_a_tensor_without_columns() -> None:
    """A tensor [N]."""
    tensors = filled(spec("int64"), {"velocity_1h": [7, 8]})

    assert tensors.arrays["x"].tolist() == [7, 8]


def test_an_array_field_is_a_whole_row() -> None:
    """A tensor [N, k] from one array of length k."""
    tensors = filled(spec("float32", 2), {"image": [[1, 2], [3, 4]]})

    assert tensors.arrays["x"].tolist() == [[1, 2], [3, 4]]


def test_arrays_of_arrays_fill_a_tensor_of_higher_rank() -> None:
    """A tensor [N, a, b]."""
    rows = [[[1, 2], [3, 4], [5, 6]], [[7, 8], [9, 10], [11, 12]]]

    tensors = filled(spec("float32", 3, 2), {"grid": rows})

    assert tensors.arrays["x"].tolist() == rows


def test_several_tensors_are_filled_each_from_its_own_fields() -> None:
    """And a field may fill more than one."""
    inputs = [spec("float32", 1, name="a"), spec("string", 1, name="b"), spec("int64", name="c")]
    chosen = {"a": ["velocity_1h"], "b": ["channel"], "c": ["velocity_1h"]}
    features = map_features(inputs, FIELDS, chosen, Missing())
    columns = {
        "velocity_1h": column_of(FIELDS["velocity_1h"], [3]),
        "channel": column_of(FIELDS["channel"], ["WEB"]),
    }

    arrays = features.tensors(columns, 1).arrays

    assert features.wanted == ("velocity_1h", "channel")
    assert {name: array.tolist() for name, array in arrays.items()} == {
        "a": [[3]],
        "b": [["WEB"]],
        "c": [3],
    }


def test_the_width_of_an_open_tensor_is_the_number_of_fields() -> None:
    """A tensor [N, ?]."""
    tensors = filled(spec("float32", None), {"amount": [1.0], "velocity_1h": [2]})

    assert tensors.arrays["x"].tolist() == [[1, 2]]


def test_an_array_for_an_open_tensor_has_its_length_behind_it() -> None:
    """The graph does not say it, so the configuration does."""
    features = mapped(spec("float32", None, None), ["grid[1][2]"])
    columns = {"grid": column_of(FIELDS["grid"], [[[1, 2]], [[1, 2], [3, 4]]])}

    tensors = features.tensors(columns, 2)

    assert features.wanted == ("grid",)
    assert features.mapping() == {"x": ["grid[1][2]"]}
    assert tensors.arrays["x"][0].tolist() == [[1, 2]]
    assert set(tensors.problems) == {1}


def test_no_rows_give_tensors_without_rows() -> None:
    """A batch may be empty once its bad events are out."""
    assert filled(spec("float32", 2), {"image": []}).arrays["x"].shape == (0, 2)
    assert filled(spec("float32", 1), {"amount": []}).arrays["x"].shape == (0, 1)


def test_columns_may_be_views_with_gaps() -> None:
    """The reader hands out slices of one gathered table."""
    table = np.arange(12, dtype=np.float64).reshape(4, 3)
    features = mapped(spec("float32", 2), ["amount", "device.age_days"])

    arrays = features.tensors(
        {"amount": Numbers(table[:, 2]), "device.age_days": Numbers(table[:, 0])}, 4
    ).arrays

    np.testing.assert_array_equal(arrays["x"], table[:, [2, 0]].astype(np.float32))
    assert arrays["x"].flags.c_contiguous


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 2, 0, 3), (2, 0, 1, 1)])
def test_neighbours_in_a_table_are_copied_together_wherever_they_go(order: tuple[int, ...]) -> None:
    """Some of a table's columns, in any order, beside a column of its own and another table."""
    table = np.arange(12, dtype=np.float64).reshape(3, 4)
    other = table + 100
    alone = Numbers(np.array([0.5, 1.5, 2.5]), np.array([True, False, True]))
    columns = [Numbers(table[:, place], None, table, place) for place in order]
    columns += [alone, Numbers(other[:, 1], None, other, 1), Numbers(other[:, 2], None, other, 2)]
    paths = [f"f{number}" for number in range(len(columns))]
    types = dict.fromkeys(paths, NULLABLE)
    features = mapped(spec("float32", len(paths)), paths, Missing(0.25), **types)

    array = features.tensors(dict(zip(paths, columns, strict=True)), 3).arrays["x"]

    np.testing.assert_array_equal(array[:, :4], table[:, order])
    assert array[:, 4].tolist() == [0.5, 0.25, 2.5]
    np.testing.assert_array_equal(array[:, 5:], other[:, 1:3])


# ------------------------------------------------------------------ rows that have no place


def test_a_value_that_the_tensor_can_not_hold_is_a_problem_of_its_row_alone() -> None:
    """The sentence names field, value and tensor."""
    tensors = filled(spec("float32", 2), {"amount": [1.0, 1e300, 3.0], "velocity_1h": [1, 2, 3]})

    assert set(tensors.problems) == {1}
    problem = tensors.problems[1]
    assert (problem.reason, problem.stage) == (Reason.NOT_REPRESENTABLE, Stage.FEATURES)
    assert problem.message == (
        "The field 'amount' holds 1e+300, which input 'x' (float32 [N, 2]) can't hold."
    )
    assert tensors.arrays["x"][[0, 2]].tolist() == [[1, 1], [3, 3]]


def test_an_infinity_of_the_events_own_is_passed_on() -> None:
    """Only a finite number that becomes infinite is unfit."""
    tensors = filled(spec("float32", 1), {"amount": [math.inf, -math.inf, math.nan, 1e39]})

    assert set(tensors.problems) == {3}
    assert tensors.arrays["x"][:2, 0].tolist() == [math.inf, -math.inf]
    assert math.isnan(tensors.arrays["x"][2, 0])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1, 2], [1], [3, 4]], "has an array of length 1 instead of 2"),
        ([[1, 2], [], [3, 4]], "has an array of length 0 instead of 2"),
        ([[1, 2], [1, 2, 3], [3, 4]], "has an array of length 3 instead of 2"),
    ],
)
def test_an_array_of_another_length_is_a_problem_of_its_row_alone(
    rows: list[list[float]], message: str
) -> None:
    """Its neighbours don't move."""
    tensors = filled(spec("float32", 2), {"image": rows})

    assert set(tensors.problems) == {1}
    assert message in tensors.problems[1].message
    assert tensors.arrays["x"][[0, 2]].tolist() == [[1, 2], [3, 4]]


def test_an_inner_array_of_another_length_is_a_problem_of_its_row_alone() -> None:
    """At any depth."""
    good = [[1, 2], [3, 4]]

    tensors = filled(spec("float32", 2, 2), {"grid": [good, [[1, 2], [3]], good, [[1, 2]]]})

    assert set(tensors.problems) == {1, 3}
    assert {problem.message for problem in tensors.problems.values()} == {
        (
            "The field 'grid' has an array of length 1 instead of 2, "
            "which input 'x' (float32 [N, 2, 2]) can't hold."
        )
    }
    assert tensors.arrays["x"][[0, 2]].tolist() == [good, good]


def test_an_item_that_the_tensor_can_not_hold_is_a_problem_of_its_row_alone() -> None:
    """An overflow in the middle of an array."""
    tensors = filled(spec("float32", 1, 2), {"grid": [[[1, 2]], [[1, 1e300]], [[3, 4]]]})

    assert set(tensors.problems) == {1}
    assert "holds 1e+300" in tensors.problems[1].message
    assert tensors.arrays["x"][2].tolist() == [[3, 4]]


def test_text_in_a_general_union_is_a_problem_of_its_row_alone() -> None:
    """Only the value can tell."""
    tensors = filled(spec("int64", 1), {"either": [1, "two", 3]}, missing=Missing("reject"))

    assert set(tensors.problems) == {1}
    assert "holds 'two'" in tensors.problems[1].message
    assert tensors.arrays["x"][[0, 2]].tolist() == [[1], [3]]


def test_the_first_thing_that_is_wrong_with_a_row_is_told() -> None:
    """One event, one dead letter, one sentence."""
    tensors = filled(spec("int32", 2), {"amount": [0.5], "velocity_1h": [1 << 40]})

    assert "'amount' holds 0.5" in tensors.problems[0].message


# ------------------------------------------------------------------ missing values


def test_null_is_nan_unless_something_else_is_said() -> None:
    """The default, for float tensors."""
    tensors = filled(spec("float32", 2), {"amount": [1.0, 2.0], "device.age_days": [None, 5.0]})

    assert math.isnan(tensors.arrays["x"][0, 1])
    assert tensors.arrays["x"][1].tolist() == [2, 5]
    assert tensors.problems == {}


def test_null_becomes_the_value_of_its_field() -> None:
    """A value of the field's own goes before the default."""
    missing = Missing("reject", {"device.age_days": -1})

    tensors = filled(spec("int64"), {"device.age_days": [None, 5.0]}, missing=missing)

    assert tensors.arrays["x"].tolist() == [-1, 5]


def test_null_that_is_rejected_is_a_problem_of_its_row_alone() -> None:
    """The reason is missing_feature."""
    tensors = filled(
        spec("float32", 1), {"device.age_days": [1.0, None]}, missing=Missing("reject")
    )

    assert set(tensors.problems) == {1}
    assert tensors.problems[1].reason is Reason.MISSING_FEATURE
    assert "'device.age_days' is null" in tensors.problems[1].message


def test_null_text_becomes_the_text_that_is_configured() -> None:
    """Text has no NaN."""
    tensors = filled(spec("string", 1), {"device.name": ["a", None]}, missing=Missing("unknown"))

    assert tensors.arrays["x"].tolist() == [["a"], ["unknown"]]


@pytest.mark.parametrize(
    ("missing", "expected", "problems"),
    [
        (Missing(), [[1, 2], [math.nan, math.nan], [3, math.nan]], set()),
        (Missing(0), [[1, 2], [0, 0], [3, 0]], set()),
        (Missing("reject"), [[1, 2], [0, 0], [3, 0]], {1, 2}),
    ],
)
def test_a_null_array_is_an_array_of_nulls(
    missing: Missing, expected: list[list[float]], problems: set[int]
) -> None:
    """And a null item counts like a null field."""
    readings = array_of(NULLABLE, nullable=True)

    tensors = filled(
        spec("float32", 2),
        {"readings": [[1, 2], None, [3, None]]},
        missing=missing,
        readings=readings,
    )

    np.testing.assert_array_equal(tensors.arrays["x"], np.array(expected, np.float32))
    assert set(tensors.problems) == problems
    assert all(each.reason is Reason.MISSING_FEATURE for each in tensors.problems.values())


def test_a_null_array_beside_one_of_another_length() -> None:
    """The one is filled, the other is a problem."""
    readings = array_of(DOUBLE, nullable=True)

    tensors = filled(
        spec("float32", 2), {"readings": [[1, 2], None, [3]]}, missing=Missing(7), readings=readings
    )

    assert tensors.arrays["x"][:2].tolist() == [[1, 2], [7, 7]]
    assert set(tensors.problems) == {2}


def test_the_columns_are_left_as_they_are() -> None:
    """They are written to the scored event too."""
    column = column_of(NULLABLE, [None, 5.0])
    features = mapped(spec("float64"), ["device.age_days"], Missing(9))

    features.tensors({"device.age_days": column}, 2)

    assert isinstance(column, Numbers)
    assert column.values.tolist() == [0, 5]


# ------------------------------------------------------------------ matching by name


def test_a_tensor_is_filled_by_the_field_of_its_name() -> None:
    """Absent from the configuration: by name, dots and all."""
    inputs = [spec("float32", 1, name="amount"), spec("float32", 784, name="image")]

    features = map_features(inputs, FIELDS, None, Missing())

    assert features.mapping() == {"amount": ["amount"], "image": ["image"]}


def test_a_tensor_without_a_field_of_its_name_says_what_to_write() -> None:
    """With the fields that could do."""
    with pytest.raises(ContractError, match=r"set model\.inputs\.x to the fields") as refused:
        map_features([spec("float32", 3)], FIELDS, None, Missing())

    assert "'x' (float32 [N, 3])" in str(refused.value)
    assert "amount, velocity_1h, device.age_days" in str(refused.value)


def test_a_field_in_a_record_is_suggested_by_its_own_name() -> None:
    """It is matched only by its whole path, so that nothing is guessed."""
    with pytest.raises(ContractError, match=r"Nearest: device\.age_days"):
        map_features([spec("float32", 1, name="age_days")], FIELDS, None, Missing())


# ------------------------------------------------------------------ contracts that are broken


@pytest.mark.parametrize(
    ("to", "paths", "message"),
    [
        (spec("float32", 2), ["amount", "velocity"], r"field 'velocity'.*Nearest: velocity_1h"),
        (spec("float32", 3), ["amount", "night"], r"takes 3 values a row.*2 scalar fields"),
        (spec("float32"), ["amount", "night"], r"takes one scalar field, but 2 are given"),
        (spec("float32", 2, 2), ["amount"], r"2 axes a row.*not 1 scalar field"),
        (spec("float32", 4), ["grid"], r"1 axes a row.*'grid' has arrays 2 deep"),
        (spec("float32"), ["image"], r"0 axes a row.*'image' has arrays 1 deep"),
        (spec("float32", 2), ["image", "amount"], r"either scalar fields or one array field"),
        (spec("float32", None), ["image"], r"leaves the length.*as in 'image\[28\]'"),
        (spec("float32", 3), ["image[4]"], r"does not take arrays of the length.*\[4\]"),
        (spec("float32", 3), ["amount[3]"], r"gives the field 'amount' 1 lengths.*0 deep"),
        (spec("float32", 1), ["device.name"], r"takes numbers, but.*'device\.name' is a string"),
        (spec("float32", 1), ["channel"], r"takes numbers, but.*'channel' is an enum"),
        (spec("float32", 1), ["payload"], r"'payload' is bytes"),
        (spec("string", 1), ["amount"], r"takes text, but the field 'amount' is a double"),
        (spec("int64", 1), ["device.age_days"], r"can't hold 'nan'.*nan is for float tensors only"),
        (spec("string", 1), ["device.name"], r"may be null.*model\.missing\.fields\.device\.name"),
        (spec("float32", 0), [], r"names no field"),
    ],
)
def test_a_broken_contract_is_told_before_the_first_event(
    to: TensorSpec, paths: Sequence[str], message: str
) -> None:
    """Each sentence names the tensor, the field and the way out."""
    with pytest.raises(ContractError, match=message):
        mapped(to, paths)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [("int8", 300), ("int64", 0.5), ("uint8", -1), ("bool", 2), ("float16", 1e6), ("int64", "0"),
     ("string", 0)],
)  # fmt: skip
def test_a_value_for_null_must_fit_the_tensor(dtype: str, value: Any) -> None:
    """Told at the start, not row by row."""
    path = "device.name" if dtype == "string" else "device.age_days"

    with pytest.raises(ContractError, match="can't hold"):
        mapped(spec(dtype, 1), [path], Missing(value))


def test_a_policy_for_a_field_that_fills_nothing_is_a_typo() -> None:
    """With the nearest one that does."""
    with pytest.raises(ContractError, match=r"'amuont', which fills no tensor\. Nearest: amount"):
        mapped(spec("float32", 1), ["amount"], Missing("nan", {"amuont": 0}))


def test_a_tensor_that_the_model_does_not_have_is_a_typo() -> None:
    """With the nearest one that it has."""
    with pytest.raises(ContractError, match=r"tensor 'feature'.*Nearest: features"):
        map_features([spec("float32", 1, name="features")], FIELDS, {"feature": []}, Missing())


def test_a_decimal_is_a_number() -> None:
    """Avro writes it as bytes, the reader hands out its value."""
    features = mapped(spec("float64", 1), ["price"])

    arrays = features.tensors({"price": Numbers(np.array([12.34]))}, 1).arrays

    assert arrays["x"].tolist() == [[12.34]]


# ------------------------------------------------------------------ what check and the session ask


def test_a_long_in_a_float_tensor_is_worth_a_warning() -> None:
    """A double in a float32 tensor is not: it rounds as in training."""
    lossy = mapped(spec("float32", 2), ["amount", "velocity_1h"]).lossy()

    assert len(lossy) == 1
    assert "velocity_1h" in lossy[0]
    assert "16777216" in lossy[0]
    assert mapped(spec("float32", 1), ["amount"]).lossy() == []
    assert mapped(spec("int64", 1), ["velocity_1h"]).lossy() == []


def test_an_example_is_a_plausible_row() -> None:
    """Zeros, and the first symbol of an enum."""
    inputs = [spec("float32", 2, name="a"), spec("string", 2, name="b")]
    chosen = {"a": ["amount", "night"], "b": ["channel", "device.name"]}

    example = map_features(inputs, FIELDS, chosen, Missing("reject")).example()

    assert {name: array.tolist() for name, array in example.items()} == {
        "a": [[0, 0]],
        "b": [["POS", ""]],
    }
