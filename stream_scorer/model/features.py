"""Which fields fill which tensor: decided once, checked against the schema, then applied.

A tensor ``[N, k]`` takes k scalar fields in order or one array field of length k, ``[N]`` takes one
scalar field, ``[N, a, b]`` takes one field of arrays of arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_scorer.columns import Columns, FieldType
from stream_scorer.errors import ContractError
from stream_scorer.model.assemble import Block, matrix, nested
from stream_scorer.model.explain import missing_problem, unfit_problem
from stream_scorer.model.fields import Feature, Missing, feature_for, is_array, split_lengths
from stream_scorer.model.row_shapes import array_shape, scalars_shape
from stream_scorer.model.suggestions import nearest, no_field_for
from stream_scorer.model.tensors import TensorSpec, dtype_name, empty
from stream_scorer.records import Problems


@dataclass(frozen=True, slots=True)
class FeatureTensors:
    """Input tensors of a batch. Rows with a problem hold harmless values."""

    arrays: dict[str, NDArray[Any]]
    problems: Problems


@dataclass(frozen=True, slots=True)
class TensorMap:
    """A mapping from fields to one tensor: scalar fields side by side, or one array field."""

    spec: TensorSpec
    features: tuple[Feature, ...]
    row_shape: tuple[int, ...]

    def fill(self, columns: Columns, problems: Problems) -> NDArray[Any]:
        """Return the tensor, ``[rows, *row_shape]``; add what is wrong with which row."""
        dtype = self.spec.dtype
        chosen = [columns[feature.path] for feature in self.features]
        if is_array(self.features[0].type):
            block = nested(chosen[0], self.row_shape, dtype, self.features[0].fill)
            self._complain(self.features[0], block, columns, problems)
            return block.values
        table, blocks = matrix(chosen, dtype, [feature.fill for feature in self.features])
        for feature, column in zip(self.features, blocks, strict=True):
            if column is not None:
                self._complain(feature, column, columns, problems)
        return table.reshape(len(table), *self.row_shape)

    def _complain(
        self, feature: Feature, block: Block, columns: Columns, problems: Problems
    ) -> None:
        if block.missing is not None:
            for row in np.flatnonzero(block.missing).tolist():
                problems.setdefault(row, missing_problem(feature.path))
        if block.unfit is not None:
            column = columns[feature.path]
            for row in np.flatnonzero(block.unfit).tolist():
                if row not in problems:
                    shape = self.row_shape if is_array(feature.type) else ()
                    problems[row] = unfit_problem(feature.path, self.spec, column, row, shape)


@dataclass(frozen=True, slots=True)
class FeatureMap:
    """A mapping from fields of the reader's schema to all input tensors of a model."""

    tensor_maps: tuple[TensorMap, ...]

    @property
    def wanted(self) -> tuple[str, ...]:
        """Return the paths of the fields that fill a tensor, each once."""
        paths = [feature.path for mapped in self.tensor_maps for feature in mapped.features]
        return tuple(dict.fromkeys(paths))

    def tensors(self, columns: Columns, rows: int) -> FeatureTensors:
        """Return the input tensors of a batch and the rows that have no place in them.

        Args:
            columns: at least the ``wanted`` fields, as columns of ``rows`` rows.
            rows: the number of rows.
        """
        problems: Problems = {}
        arrays = {mapped.spec.name: mapped.fill(columns, problems) for mapped in self.tensor_maps}
        wrong = [name for name, array in arrays.items() if len(array) != rows]
        if wrong:
            raise ValueError(f"columns for {wrong} don't have {rows} rows")
        return FeatureTensors(arrays, problems)

    def example(self) -> dict[str, NDArray[Any]]:
        """Return one plausible row: zeros, and for text the first symbol of an enum or nothing."""
        row: dict[str, NDArray[Any]] = {}
        for mapped in self.tensor_maps:
            array = empty(mapped.spec.dtype, (1, *mapped.row_shape))
            for index, feature in enumerate(mapped.features):
                if mapped.spec.dtype == "string" and feature.type.symbols:
                    array.reshape(1, -1)[0, index] = feature.type.symbols[0]
            row[mapped.spec.name] = array
        return row

    def mapping(self) -> dict[str, list[str]]:
        """Return the mapping in the form of ``model.inputs``."""
        return {
            mapped.spec.name: [feature.text for feature in mapped.features]
            for mapped in self.tensor_maps
        }

    def lossy(self) -> list[str]:
        """Return a sentence for each tensor whose floats can't hold the longs or times of fields.

        A double in a float32 tensor is no loss worth a sentence: it rounds to nearest, as it did in
        training. Nor is an int, as a rule: see :meth:`inexact_ints`.
        """
        return [
            f"Input {mapped.spec} takes {', '.join(paths)} as floats: integers beyond "
            f"±{limit} lose their last digits. Export the model with an integer input if "
            f"they matter."
            for mapped in self.tensor_maps
            if (limit := _exact_integers(mapped.spec)) is not None
            if (paths := [f.path for f in _beyond(mapped, limit) if not f.is_plain_int()])
        ]

    def inexact_ints(self) -> dict[int, list[str]]:
        """Return the ints that floats hold in part, by the largest that all are held up to."""
        found: dict[int, list[str]] = {}
        for mapped in self.tensor_maps:
            limit = _exact_integers(mapped.spec)
            if limit is not None:
                paths = [f.path for f in _beyond(mapped, limit) if f.is_plain_int()]
                found.setdefault(limit, []).extend(paths)
        return {limit: paths for limit, paths in found.items() if paths}


def map_features(
    inputs: Sequence[TensorSpec],
    fields: Mapping[str, FieldType],
    chosen: Mapping[str, Sequence[str]] | None,
    missing: Missing,
) -> FeatureMap:
    """Decide which fields fill which tensor.

    Args:
        inputs: what the model takes.
        fields: dotted path to type, for every field of the reader's schema that is no record.
        chosen: ``model.inputs``; a tensor that it doesn't name is filled by the field of its name.
            An array field may have its length behind it, ``image[784]``, for a tensor that leaves
            it open.
        missing: ``model.missing``.

    Raises:
        ContractError: a tensor has no field or the wrong number of them, a field doesn't exist or
            has a type that the tensor can't take, or a null has nowhere to go.
    """
    chosen = chosen or {}
    names = [spec.name for spec in inputs]
    for name in chosen:
        if name not in names:
            raise ContractError(
                f"model.inputs names the tensor '{name}', which the model does not have; it has "
                f"{', '.join(names)}.{nearest(name, names)}"
            )
    mapped = FeatureMap(
        tuple(_tensor_map(spec, fields, chosen.get(spec.name), missing) for spec in inputs)
    )
    for path in missing.fields:
        if path not in mapped.wanted:
            raise ContractError(
                f"model.missing.fields names '{path}', which fills no tensor."
                f"{nearest(path, mapped.wanted)}"
            )
    return mapped


def _tensor_map(
    spec: TensorSpec,
    fields: Mapping[str, FieldType],
    chosen: Sequence[str] | None,
    missing: Missing,
) -> TensorMap:
    if chosen is None:
        if spec.name not in fields:
            raise no_field_for(spec, fields)
        chosen = [spec.name]
    if not chosen:
        raise ContractError(f"model.inputs.{spec.name} names no field for input {spec}.")
    parsed = [split_lengths(text) for text in chosen]
    for path, _ in parsed:
        if path not in fields:
            raise ContractError(
                f"Input {spec} takes the field '{path}', which the reader's schema does not have."
                f"{nearest(path, fields)}"
            )
    features = tuple(
        feature_for(spec, path, fields[path], missing, lengths) for path, lengths in parsed
    )
    if any(is_array(feature.type) for feature in features):
        return TensorMap(spec, features, array_shape(spec, features))
    return TensorMap(spec, features, scalars_shape(spec, features))


def _beyond(mapped: TensorMap, limit: int) -> Iterator[Feature]:
    return (feature for feature in mapped.features if feature.largest_integer() > limit)


def _exact_integers(spec: TensorSpec) -> int | None:
    """Return the largest integer up to which the tensor's floats hold every one."""
    if spec.dtype == "string" or spec.dtype.kind != "f":
        return None
    return 1 << {"float16": 11, "float32": 24, "float64": 53}[dtype_name(spec.dtype)]
