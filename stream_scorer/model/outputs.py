"""From the model's outputs to fields of the scored event: names, types, values.

A row of rank 0 or width 1 is a scalar, a wider row an array, a higher rank arrays within arrays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_scorer.columns import Column, FieldType, Kind, Lists, Numbers, Texts
from stream_scorer.errors import ConfigError, ContractError
from stream_scorer.model.convert import Mask
from stream_scorer.model.selectors import Selector, parse_selector
from stream_scorer.model.tensors import Dtype, OutputSpec, Shape, Tensors, shape_text
from stream_scorer.model.unserved import column_advice

_AVRO_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LARGEST_LONG = (1 << 63) - 1
_COLUMN_DTYPES: Mapping[Kind, str] = {
    "float": "float32",
    "double": "float64",
    "long": "int64",
    "boolean": "bool",
}


@dataclass(frozen=True, slots=True)
class OutputField:
    """A field of the scored event; ``properties`` are attributes of the field in the schema."""

    name: str
    type: FieldType
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pick:
    """A field and the part of an output that it holds."""

    field: OutputField
    selector: Selector

    def of(self, arrays: Tensors) -> NDArray[Any]:
        """Return the picked values, the first axis is the row."""
        array = arrays[self.selector.output]
        return array if self.selector.position is None else array[:, self.selector.position]


@dataclass(frozen=True, slots=True)
class OutputMap:
    """How the scored event is made of a model's outputs."""

    picks: tuple[Pick, ...]

    @property
    def fields(self) -> tuple[OutputField, ...]:
        """Return the fields, in order."""
        return tuple(pick.field for pick in self.picks)

    @property
    def wanted(self) -> tuple[str, ...]:
        """Return the outputs to ask the model for, each once."""
        return tuple(dict.fromkeys(pick.selector.output for pick in self.picks))

    def columns(self, arrays: Tensors, rows: int) -> dict[str, Column]:
        """Return the fields as columns of ``rows`` rows.

        Args:
            arrays: the ``wanted`` outputs.
            rows: the number of rows.
        """
        return {
            pick.field.name: _column(pick.of(arrays), pick.field.type, rows) for pick in self.picks
        }

    def non_finite(self, arrays: Tensors) -> Mask:
        """Return the rows in which a picked float is NaN or infinite, ``[rows]``."""
        return self._any(arrays, lambda values: ~np.isfinite(values), kinds="f")

    def not_representable(self, arrays: Tensors) -> Mask:
        """Return the rows in which a picked uint64 is larger than Avro's long, ``[rows]``."""
        return self._any(arrays, lambda values: values > _LARGEST_LONG, kinds="u")

    def _any(self, arrays: Tensors, test: Any, kinds: str) -> Mask:
        rows = len(arrays[self.picks[0].selector.output])
        found = np.zeros(rows, dtype=np.bool_)
        for pick in self.picks:
            values = pick.of(arrays)
            if values.dtype.kind in kinds:
                found |= test(values).any(axis=tuple(range(1, values.ndim)))
        return found


def map_outputs(outputs: Sequence[OutputSpec], chosen: Mapping[str, str] | None) -> OutputMap:
    """Decide which outputs become which fields.

    Args:
        outputs: what the model gives; after :meth:`Model.learn
            <stream_scorer.model.session.Model.learn>`, which settles the axes left open.
        chosen: ``model.outputs``: field name to selector, such as ``label``, ``probabilities[1]``
            (a position) or ``probabilities[class=fraud]``. Absent: every output, under its own
            name made legal.

    Raises:
        ConfigError: a field's name is no Avro name, or two outputs would share one.
        ContractError: an output does not exist, can't be a column, or isn't one row an event.
    """
    if chosen is None:
        chosen = _own_names(outputs)
    if not chosen:
        raise ConfigError("model.outputs is empty: name at least one output, or omit it.")
    return OutputMap(tuple(_pick(name, selector, outputs) for name, selector in chosen.items()))


def legal_name(name: str) -> str:
    """Return the name as Avro allows it: ``43`` is ``output_43``, ``a/b:0`` is ``a_b_0``."""
    legal = re.sub(r"[^A-Za-z0-9_]", "_", name)
    return f"output_{legal}" if not legal or legal[0].isdigit() else legal


def _own_names(outputs: Sequence[OutputSpec]) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for spec in outputs:
        name = legal_name(spec.name)
        if name in chosen:
            raise ConfigError(
                f"The outputs '{chosen[name]}' and '{spec.name}' would both be the field '{name}': "
                f"name them in model.outputs, for example {{{name}: {chosen[name]}, {name}_2: "
                f"{spec.name}}}."
            )
        chosen[name] = spec.name
    return chosen


def _pick(name: str, text: str, outputs: Sequence[OutputSpec]) -> Pick:
    if not _AVRO_NAME.fullmatch(name):
        raise ConfigError(
            f"model.outputs names the field '{name}', which Avro does not allow: use "
            f"'{legal_name(name)}'."
        )
    selector, spec = parse_selector(text, outputs)
    if spec.dtype is None:
        raise ContractError(
            f"Output '{spec.name}' is a {spec.onnx_type}, which has no column: "
            f"{column_advice(spec.onnx_type, [each.name for each in outputs if each.dtype])}."
        )
    _require_rows(spec)
    row_shape = spec.row_shape if selector.position is None else spec.row_shape[1:]
    properties = {}
    if spec.classes and selector.position is None:
        properties["classes"] = list(spec.classes)
    return Pick(OutputField(name, _type(spec.dtype, row_shape), properties), selector)


def _require_rows(spec: OutputSpec) -> None:
    if not spec.shape or spec.shape[0] is not None:
        raise ContractError(
            f"Output '{spec.name}' has shape {shape_text(spec.shape)} however many rows go in, so "
            f"it is not one row an event: pick other outputs in model.outputs."
        )


def _type(dtype: Dtype, row_shape: Shape) -> FieldType:
    kind = _kind(dtype)
    leaf = FieldType(kind, schema=kind)
    return leaf if row_shape in ((), (1,)) else _arrays(leaf, len(row_shape))


def _kind(dtype: Dtype) -> Kind:
    if dtype == "string":
        return "string"
    if dtype.kind == "f":
        return "double" if dtype.itemsize == 8 else "float"  # noqa: PLR2004 - bytes of a double
    return "boolean" if dtype.kind == "b" else "long"


def _arrays(leaf: FieldType, depth: int) -> FieldType:
    if depth == 0:
        return leaf
    items = _arrays(leaf, depth - 1)
    return FieldType("array", items=items, schema={"type": "array", "items": items.schema})


def _column(values: NDArray[Any], kind: FieldType, rows: int) -> Column:
    if kind.items is None:
        return _flat(values.reshape(rows), kind.kind)
    width = values.shape[1]
    inner = values.reshape(rows * width, *values.shape[2:])
    return Lists(np.full(rows, width, dtype=np.int64), _column(inner, kind.items, rows * width))


def _flat(values: NDArray[Any], kind: Kind) -> Column:
    if kind == "string":
        return _texts(values)
    with np.errstate(invalid="ignore"):
        return Numbers(np.ascontiguousarray(values, dtype=_COLUMN_DTYPES[kind]))


def _texts(values: Iterable[str]) -> Texts:
    encoded = [value.encode() for value in values]
    lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
    return Texts(b"".join(encoded), np.cumsum(lengths) - lengths, lengths)
