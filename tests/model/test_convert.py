"""Columns to a dtype: what fits, what rounds, what a tensor can't hold."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_scorer.columns import FieldType, Kind, Objects
from stream_scorer.model.convert import convert, numbers
from tests.model.making import ELEMENTS, column_of, field_type

SOURCES = ["bool", "int32", "int64", "float32", "float64"]
NUMBERS = [name for name in ELEMENTS if name != "string"]


def unfit_rows(kind: Kind, values: list[Any], dtype: str) -> list[int]:
    """Return which of the values a tensor of that dtype can't hold."""
    unfit = convert(column_of(FieldType(kind), values), np.dtype(dtype))[1]
    return [] if unfit is None else np.flatnonzero(unfit).tolist()


@pytest.mark.parametrize(
    ("kind", "values", "dtype", "unfit"),
    [
        ("double", [1e38, 1e39, -1e39, math.inf, math.nan], "float32", [1, 2]),
        ("double", [65504.0, 65520.0], "float16", [1]),
        ("float", [65504.0, 1e5, math.nan, -math.inf], "float16", [1]),
        ("long", [1 << 62, -(1 << 63)], "float32", []),
        ("long", [65504, 70000], "float16", [1]),
        ("long", [2**31 - 1, 2**31, -(2**31), -(2**31) - 1], "int32", [1, 3]),
        ("long", [0, -1, 255, 256], "uint8", [1, 3]),
        ("long", [-1, 2**63 - 1], "uint64", [0]),
        ("double", [3.0, 3.5, math.nan, math.inf, -0.0], "int64", [1, 2, 3]),
        ("double", [2.0**63, 2.0**63 - 1024, -(2.0**63), -(2.0**64)], "int64", [0, 3]),
        ("double", [2.0**64, 2.0**63, -1.0], "uint64", [0, 2]),
        ("float", [127.0, 128.0, -128.0, -129.0], "int8", [1, 3]),
        ("long", [0, 1, 2, -1], "bool", [2, 3]),
        ("double", [0.0, 1.0, 0.5, math.nan], "bool", [2, 3]),
        ("boolean", [True, False], "int8", []),
        ("boolean", [True, False], "float16", []),
        ("string", ["1"], "float32", [0]),
    ],
)
def test_what_a_tensor_can_not_hold_is_found(
    kind: Kind, values: list[Any], dtype: str, unfit: list[int]
) -> None:
    """Too large, not whole, text: the row is unfit, its neighbours are not."""
    assert unfit_rows(kind, values, dtype) == unfit


def exact(value: Any) -> Fraction | float:
    """Return a number as it is: a fraction, or NaN or an infinity as a float."""
    value = value.item()
    return Fraction(value) if math.isfinite(value) else float(value)


def holds(value: Any, dtype: np.dtype[Any]) -> bool:
    """Say by exact arithmetic whether the dtype can hold the number (floats: rounded)."""
    number = exact(value)
    if dtype.kind == "f":
        if not isinstance(number, Fraction):
            return True
        # What is half a step or more above the largest float rounds to infinity (IEEE 754).
        info = np.finfo(dtype)
        largest = Fraction(float(info.max))
        step = Fraction(2) ** (int(info.maxexp) - 1 - int(info.nmant))
        return abs(number) < largest + step / 2
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return isinstance(number, Fraction) and number.denominator == 1 and low <= number <= high


@settings(max_examples=200, deadline=None)
@given(data=st.data(), source=st.sampled_from(SOURCES), target=st.sampled_from(NUMBERS))
def test_conversion_agrees_with_exact_arithmetic(
    data: st.DataObject, source: str, target: str
) -> None:
    """For every pair of dtypes: which rows fit, and that those that fit keep their value."""
    dtype = np.dtype(target)
    edges = [
        2.0**bits + delta for bits in (7, 8, 15, 16, 24, 31, 32, 53, 63, 64) for delta in (-1, 0)
    ]
    if source == "bool":
        strategy: st.SearchStrategy[Any] = st.booleans()
    elif source.startswith("int"):
        info = np.iinfo(source)
        strategy = st.integers(int(info.min), int(info.max)) | st.integers(-300, 300)
    else:
        floats = st.floats(width=32 if source == "float32" else 64)
        strategy = floats | st.integers(-300, 300).map(float) | st.sampled_from(edges)
    values = np.array(data.draw(st.lists(strategy, min_size=1, max_size=20)), dtype=source)

    result, unfit = numbers(values, dtype)

    expected = [not holds(value, dtype) for value in values]
    assert (unfit.tolist() if unfit is not None else [False] * len(values)) == expected
    assert result.dtype == dtype
    for value, converted, bad in zip(values, result, expected, strict=True):
        if bad:
            assert converted == 0
        elif dtype.kind == "f":
            np.testing.assert_equal(converted, value.astype(dtype))
        else:
            assert exact(converted) == exact(value)


def test_a_double_rounds_to_the_nearest_float() -> None:
    """As training did when it made float32 of it."""
    result, unfit = numbers(np.array([0.1, 1 + 2**-24 + 2**-30]), np.dtype("float32"))

    assert unfit is None
    assert result.tolist() == [float(np.float32(0.1)), 1 + 2**-23]


def test_text_fills_a_text_tensor() -> None:
    """Strings as they are, enums by their symbols."""
    symbols = FieldType("enum", symbols=("POS", "WEB"))

    texts = convert(column_of(field_type("string"), ["", "naïve", "日本"]), "string")
    enums = convert(column_of(symbols, ["WEB", "POS"]), "string")

    assert texts[0].tolist() == ["", "naïve", "日本"]
    assert enums[0].tolist() == ["WEB", "POS"]
    assert texts[1] is enums[1] is None


def test_numbers_do_not_fill_a_text_tensor() -> None:
    """A number's text is a choice that no one has made."""
    _, unfit = convert(column_of(field_type("long"), [1, 2]), "string")

    assert unfit is not None
    assert unfit.all()


def test_each_value_of_a_general_union_is_judged_by_its_own_type() -> None:
    """Text for a number is unfit, and so is a record; null is for the caller."""
    mixed = Objects([1, 2.5, True, "text", {"a": 1}, 1e39, None, 1 << 62])

    floats, floats_unfit = convert(mixed, np.dtype("float32"))
    texts, texts_unfit = convert(Objects(["a", 1, None]), "string")

    assert floats[:3].tolist() == [1, 2.5, 1]
    assert floats_unfit is not None
    assert np.flatnonzero(floats_unfit).tolist() == [3, 4, 5]
    assert texts.tolist() == ["a", "", ""]
    assert texts_unfit is not None
    assert np.flatnonzero(texts_unfit).tolist() == [1]
