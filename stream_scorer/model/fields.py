"""One field as a feature: may it fill this tensor, and what does its null become."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stream_scorer.columns import FieldType
from stream_scorer.errors import ContractError
from stream_scorer.model.assemble import Fill
from stream_scorer.model.convert import numbers
from stream_scorer.model.tensors import TensorSpec

_NUMBERS = frozenset({"boolean", "int", "long", "float", "double"})
_TEXTS = frozenset({"string", "enum"})
_LARGEST = {"int": (1 << 31) - 1, "long": (1 << 63) - 1}
_SECONDS_BY_2100 = 4_102_444_800
_LATEST = {
    "date": _SECONDS_BY_2100 // 86_400,
    "time-millis": 86_400_000,
    "time-micros": 86_400_000_000,
    "timestamp-millis": _SECONDS_BY_2100 * 1_000,
    "timestamp-micros": _SECONDS_BY_2100 * 1_000_000,
    "timestamp-nanos": _SECONDS_BY_2100 * 1_000_000_000,
}
"""The largest number that a time is in this century."""


@dataclass(frozen=True, slots=True)
class Missing:
    """``model.missing``: what a null becomes, ``nan``, ``reject`` or a value."""

    default: Any = "nan"
    fields: Mapping[str, Any] = field(default_factory=dict)

    def of(self, path: str) -> Any:
        """Return the policy of a field."""
        return self.fields.get(path, self.default)


@dataclass(frozen=True, slots=True)
class Feature:
    """A field that fills a tensor, or a part of its row; ``lengths`` as written behind its path."""

    path: str
    type: FieldType
    fill: Fill
    lengths: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """Return the field as it stands in ``model.inputs``."""
        return self.path + "".join(f"[{length}]" for length in self.lengths)

    def depth(self) -> int:
        """Return how many arrays are within each other."""
        return _depth(self.type)

    def largest_integer(self) -> int:
        """Return the largest integer that the field may hold, 0 for one that holds none."""
        leaf = _leaf(self.type)
        time = (leaf.logical or "").removeprefix("local-")
        return _LATEST.get(time) or _LARGEST.get(leaf.kind, 0)

    def is_plain_int(self) -> bool:
        """Return whether the field is an int and no time: its values are rarely near its bounds."""
        leaf = _leaf(self.type)
        return leaf.kind == "int" and leaf.logical not in _LATEST


def is_array(kind: FieldType) -> bool:
    """Return whether the field is an array (of arrays)."""
    return kind.kind == "array"


def is_number(kind: FieldType) -> bool:
    """Return whether the field is a number: a boolean and a decimal are."""
    return kind.kind in _NUMBERS or kind.logical == "decimal"


def is_text(kind: FieldType) -> bool:
    """Return whether the field is text: an enum is its symbol."""
    return kind.kind in _TEXTS


def split_lengths(text: str) -> tuple[str, tuple[int, ...]]:
    """Return a field of ``model.inputs`` as its path and lengths: ``image[28][28]``."""
    path, bracket, rest = text.partition("[")
    sizes = f"{bracket}{rest}".removeprefix("[").removesuffix("]").split("][")
    if not bracket or not all(size.isdecimal() for size in sizes):
        return text, ()
    return path, tuple(int(size) for size in sizes)


def feature_for(
    spec: TensorSpec,
    path: str,
    kind: FieldType,
    missing: Missing,
    lengths: tuple[int, ...] = (),
) -> Feature:
    """Return the field as a feature of the tensor.

    A general union is let through, since only each of its values can tell.

    Raises:
        ContractError: no value of the field fits the tensor, or its null has nowhere to go.
    """
    if lengths and len(lengths) != _depth(kind):
        raise ContractError(
            f"model.inputs.{spec.name} gives the field '{path}' {len(lengths)} lengths, but its "
            f"arrays are {_depth(kind)} deep."
        )
    leaf = _leaf(kind)
    if spec.dtype == "string":
        fits, what = is_text(leaf), "text"
    else:
        fits, what = is_number(leaf), "numbers"
    if not (fits or leaf.kind == "union"):
        raise ContractError(
            f"Input {spec} takes {what}, but the field '{path}' is {_described(leaf)}: choose "
            f"another field, or export the model with an input of that type."
        )
    fill = _fill(spec, path, missing.of(path)) if has_null(kind) else Fill(None)
    return Feature(path, kind, fill, lengths)


def _fill(spec: TensorSpec, path: str, policy: Any) -> Fill:
    """Return what a null of the field becomes in the tensor."""
    if policy == "reject":
        return Fill(None)
    way_out = f"set model.missing.fields.{path} to a value that it can hold, or to reject"
    if spec.dtype == "string":
        if isinstance(policy, str) and policy != "nan":
            return Fill(policy)
        raise ContractError(
            f"The field '{path}' may be null, and input {spec} can't hold "
            f"{policy!r} for it: {way_out}."
        )
    value = math.nan if policy == "nan" else policy
    if isinstance(value, bool | int | float) and _held(value, spec.dtype):
        return Fill(value)
    raise ContractError(
        f"The field '{path}' may be null, and input {spec} can't hold {policy!r} for it"
        f"{' (nan is for float tensors only)' if policy == 'nan' else ''}: {way_out}."
    )


def _held(value: float, dtype: np.dtype[Any]) -> bool:
    cell = np.array([value])
    return cell.dtype.kind in "bif" and numbers(cell, dtype)[1] is None


def _leaf(kind: FieldType) -> FieldType:
    while kind.kind == "array" and kind.items is not None:
        kind = kind.items
    return kind


def _depth(kind: FieldType) -> int:
    return 0 if kind.kind != "array" or kind.items is None else 1 + _depth(kind.items)


def has_null(kind: FieldType) -> bool:
    """Return whether the field, or an item in it, may be null."""
    return kind.nullable or (kind.items is not None and has_null(kind.items))


def _described(of: FieldType) -> str:
    if of.kind in {"bytes", "fixed"}:
        kind = str(of.kind)
    else:
        kind = f"an {of.kind}" if of.kind[0] in "aeiou" else f"a {of.kind}"
    why = f", since its logical type {of.ignored} is not valid and so ignored" if of.ignored else ""
    return kind + why
