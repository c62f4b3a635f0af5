"""Model inputs and outputs: names, dtypes and shapes of tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Dtype = np.dtype[Any] | Literal["string"]
Shape = tuple[int | None, ...]
"""Sizes of the axes; ``None`` is an axis whose size the graph leaves open."""

Tensors = Mapping[str, NDArray[Any]]
"""Name of a tensor to its array; the first axis is the row. Strings are object arrays of str."""

_DTYPES: Mapping[str, str] = {
    "float16": "float16",
    "float": "float32",
    "double": "float64",
    "bool": "bool",
    **{name: name for name in ("int8", "int16", "int32", "int64")},
    **{name: name for name in ("uint8", "uint16", "uint32", "uint64")},
}


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input of a model. Axis 0 of ``shape`` is the batch."""

    name: str
    dtype: Dtype
    shape: Shape

    @property
    def row_shape(self) -> Shape:
        """Return the shape of one row."""
        return self.shape[1:]

    def __str__(self) -> str:
        """Return the tensor as people write it: ``'features' (float32 [N, 20])``."""
        return f"'{self.name}' ({dtype_name(self.dtype)} {shape_text(self.shape)})"


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """One output of a model.

    ``classes`` are the class names of a ZipMap, in the order of axis 1. ``dtype`` is ``None`` for
    what can't be a column (a sequence, an optional, a sparse tensor, an exotic float);
    ``onnx_type`` is its type as ONNX Runtime writes it.
    """

    name: str
    dtype: Dtype | None
    shape: Shape
    classes: tuple[str | int, ...] | None = None
    onnx_type: str = ""

    @property
    def row_shape(self) -> Shape:
        """Return the shape of one row."""
        return self.shape[1:]


def dtype_of(onnx_type: str) -> Dtype | None:
    """Return the dtype of a type such as ``tensor(float)``, ``None`` if it has none here."""
    inner = onnx_type.removeprefix("tensor(").removesuffix(")")
    if onnx_type != f"tensor({inner})":
        return None
    if inner == "string":
        return "string"
    return np.dtype(_DTYPES[inner]) if inner in _DTYPES else None


def dtype_name(dtype: Dtype | None) -> str:
    """Return ``float32``, ``int64``, ``string``."""
    return "string" if dtype == "string" else str(dtype)


def shape_text(shape: Shape) -> str:
    """Return ``[N, 20]``; an axis that is left open is ``?``."""
    if not shape:
        return "[]"
    batch = "N" if shape[0] is None else str(shape[0])
    return f"[{', '.join([batch, *('?' if axis is None else str(axis) for axis in shape[1:])])}]"


def empty(dtype: Dtype, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return zeros, or empty strings, of that shape."""
    if dtype == "string":
        return np.full(shape, "", dtype=object)
    return np.zeros(shape, dtype=dtype)


def rows_of(tensors: Tensors) -> int:
    """Return the number of rows."""
    return len(next(iter(tensors.values())))


def take(tensors: Tensors, rows: NDArray[np.intp] | slice) -> dict[str, NDArray[Any]]:
    """Return the given rows of every tensor."""
    return {name: array[rows] for name, array in tensors.items()}


def repeat(tensors: Tensors, rows: int) -> dict[str, NDArray[Any]]:
    """Return so many rows, the given ones over and over."""
    return take(tensors, np.arange(rows) % rows_of(tensors))
