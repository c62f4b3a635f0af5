"""Simulated events as columns, with the labels that a model learns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Row = dict[str, Any]
"""One event, in the form that fastavro takes."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """Many events as columns by their dotted field names, and their labels.

    In a column named in ``nullable``, NaN stands for null. ``labels`` has one row per event.
    """

    columns: Mapping[str, NDArray[Any]]
    nullable: frozenset[str]
    labels: NDArray[np.int64]

    def features(self, names: tuple[str, ...]) -> NDArray[np.float32]:
        """Return the named columns as a matrix, one row per event; null is NaN."""
        return np.column_stack([self.columns[name] for name in names]).astype(np.float32)

    def rows(self) -> list[Row]:
        """Return one nested dictionary per event."""
        flat = {name: self._values(name) for name in self.columns}
        groups = {name.partition(".")[0] for name in flat if "." in name}
        for group in sorted(groups):
            members = [name for name in flat if name.startswith(f"{group}.")]
            names = [name.partition(".")[2] for name in members]
            parts = [flat.pop(name) for name in members]
            flat[group] = [dict(zip(names, row, strict=True)) for row in zip(*parts, strict=True)]
        return [dict(zip(flat, row, strict=True)) for row in zip(*flat.values(), strict=True)]

    def _values(self, name: str) -> list[Any]:
        values: list[Any] = self.columns[name].tolist()
        if name not in self.nullable:
            return values
        return [None if math.isnan(value) else value for value in values]
