"""Compares the number of values in a tensor's row with the number that the fields provide."""

from __future__ import annotations

from collections.abc import Sequence

from stream_scorer.errors import ContractError
from stream_scorer.model.fields import Feature, is_array
from stream_scorer.model.tensors import TensorSpec


def scalars_shape(spec: TensorSpec, features: Sequence[Feature]) -> tuple[int, ...]:
    """Return the row shape that so many scalar fields fill."""
    count = len(features)
    if len(spec.row_shape) > 1:
        raise ContractError(
            f"Input {spec} has {len(spec.row_shape)} axes a row, so it takes one field of arrays "
            f"within arrays, not {count} scalar {_fields(count)}."
        )
    if not spec.row_shape:
        if count != 1:
            raise ContractError(f"Input {spec} takes one scalar field, but {count} are given.")
        return ()
    width = spec.row_shape[0]
    if width not in (None, count):
        raise ContractError(
            f"Input {spec} takes {width} values a row, but model.inputs gives it {count} scalar "
            f"{_fields(count)} ({_some(features)}): name {width} fields in the order of training, "
            f"or one array field."
        )
    return (count,)


def array_shape(spec: TensorSpec, features: Sequence[Feature]) -> tuple[int, ...]:
    """Return the row shape that one array field fills: the model's own, or the written one."""
    if len(features) > 1:
        arrays = [feature.path for feature in features if is_array(feature.type)]
        raise ContractError(
            f"Input {spec} takes either scalar fields or one array field, but '{arrays[0]}' is an "
            f"array among {len(features)} fields."
        )
    feature = features[0]
    depth = feature.depth()
    if depth != len(spec.row_shape):
        raise ContractError(
            f"Input {spec} has {len(spec.row_shape)} axes a row, but the field '{feature.path}' "
            f"has arrays {depth} deep."
        )
    lengths = feature.lengths or (None,) * depth
    sizes = [
        given if axis is None else axis for axis, given in zip(spec.row_shape, lengths, strict=True)
    ]
    if any(given not in (None, size) for given, size in zip(lengths, sizes, strict=True)):
        raise ContractError(
            f"Input {spec} does not take arrays of the length that model.inputs gives "
            f"'{feature.path}' ({list(lengths)})."
        )
    fixed = tuple(size for size in sizes if size is not None)
    if len(fixed) < depth:
        raise ContractError(
            f"Input {spec} leaves the length of a row open, and arrays have any length: write the "
            f"length that the model takes behind the field, as in '{feature.path}[28]', or export "
            f"the model with it."
        )
    return fixed


def _fields(count: int) -> str:
    return "field" if count == 1 else "fields"


def _some(features: Sequence[Feature]) -> str:
    names = [feature.path for feature in features[:3]]
    return ", ".join(names) + (", …" if len(features) > len(names) else "")
