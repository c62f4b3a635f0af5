"""Plain values to columns, one value at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_scorer.avro.decimals import decimal
from stream_scorer.avro.schema import nullable
from stream_scorer.avro.types import Array, Enum, Fixed, Primitive, Type
from stream_scorer.columns import Column, Enums, Lists, Numbers, Objects, Present, Texts

DTYPES = {
    "boolean": np.dtype(np.bool_),
    "int": np.dtype(np.int32),
    "long": np.dtype(np.int64),
    "float": np.dtype(np.float32),
    "double": np.dtype(np.float64),
}
"""The dtype of a column of numbers, by the kind of its type."""


def column_of(values: Sequence[Any], of: Type) -> Column:
    """Return the column of plain values of a reader's type; ``None`` is null."""
    value, _ = nullable(of)
    present = _present(values)
    match value:
        case Primitive() | Fixed() if value.scale is not None:
            return Numbers(_filled(values, np.dtype(np.float64), decimal(value.scale)), present)
        case Primitive() if value.kind in DTYPES:
            return Numbers(_filled(values, DTYPES[value.kind]), present)
        case Primitive() if value.kind != "null":
            return texts(values, present)
        case Fixed():
            return texts(values, present)
        case Enum():
            positions = {symbol: index for index, symbol in enumerate(value.symbols)}
            indices = _filled(values, np.dtype(np.int32), positions.__getitem__)
            return Enums(indices, value.symbols, present)
        case Array():
            lengths = np.array([0 if each is None else len(each) for each in values], np.int64)
            items = list(chain.from_iterable(each for each in values if each is not None))
            return Lists(lengths, column_of(items, value.items), present)
    return Objects([_plainest(each) for each in values])


def promoted(values: NDArray[Any], kind: str) -> NDArray[Any]:
    """Return numbers with the dtype of a kind; as they are where they have it."""
    if values.dtype == DTYPES[kind]:
        return values
    with np.errstate(invalid="ignore"):  # a signalling NaN turns into a quiet one
        return values.astype(DTYPES[kind])


def _present(values: Sequence[Any]) -> Present:
    present = np.array([each is not None for each in values], np.bool_)
    return None if present.all() else present


def _filled(
    values: Sequence[Any], dtype: np.dtype[Any], convert: Callable[[Any], Any] | None = None
) -> NDArray[Any]:
    column = np.zeros(len(values), dtype)
    for row, each in enumerate(values):
        if each is not None:
            column[row] = each if convert is None else convert(each)
    return column


def texts(values: Sequence[str | bytes | None], present: Present = None) -> Texts:
    """Return the column of strings or bytes."""
    octets = [each.encode() if isinstance(each, str) else each or b"" for each in values]
    lengths = np.array([len(each) for each in octets], np.int64)
    return Texts(b"".join(octets), np.cumsum(lengths) - lengths, lengths, present)


def _plainest(value: Any) -> Any:
    """Return a value with Python floats where it has 32-bit ones."""
    if isinstance(value, np.float32):
        return float(value)
    if isinstance(value, list):
        return [_plainest(each) for each in value]
    if isinstance(value, dict):
        return {key: _plainest(each) for key, each in value.items()}
    return value
