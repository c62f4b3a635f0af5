"""Do scores depend on chance, or on the rows beside them? What ``check`` asks the model itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_scorer.model.session import InferenceError, Model
from stream_scorer.model.tensors import Tensors, rows_of, take

TOLERANCE = 1e-5
"""Differences up to this are the rounding of float32 kernels that add in another order."""
_EXTREME = 1e3
_RUNS = 8
"""A dropout that spares most values shows only in some of the runs."""


def run_dependence(model: Model, tensors: Tensors, wanted: Sequence[str]) -> float:
    """Return how much scores change from run to run, with the same rows in the same batch.

    Returns:
        As :func:`batch_dependence` does.

    Raises:
        InferenceError: the rows can't be scored, neither together nor the first one alone.
    """
    try:
        first = model.run(tensors, wanted)
    except InferenceError:
        tensors = take(tensors, slice(0, 1))
        first = model.run(tensors, wanted)
    for _ in range(_RUNS - 1):
        difference = _difference(first, model.run(tensors, wanted))
        if difference > TOLERANCE:
            return difference
    return 0.0


def run_dependence_warning(difference: float) -> str | None:
    """Return the sentence for ``check``, ``None`` if scores are the same in every run."""
    if difference <= TOLERANCE:
        return None
    return (
        "The model's scores differ from run to run: dropout or a random operator is in the graph. "
        f"They change {_by(difference)}. Export the model for inference (torch: model.eval(); "
        "Keras: training=False), or an event that is read again gets another score."
    )


def batch_dependence(model: Model, tensors: Tensors, wanted: Sequence[str]) -> float:
    """Return how much scores change with the rows that are scored beside them.

    The rows are scored together, each alone, and together with an extreme row, whose floats are a
    thousand times the largest ones here. Dynamic quantisation picks one scale for the whole tensor
    and so depends on it.

    Returns:
        The largest difference of a float, relative to scores beyond 1; infinity if only a label
        or an integer differs, or if rows that can be scored alone can't be scored together.

    Raises:
        InferenceError: the rows can't be scored one by one either.
    """
    rows = rows_of(tensors)
    alone = [model.run(take(tensors, slice(row, row + 1)), wanted) for row in range(rows)]
    expected = {name: np.concatenate([arrays[name] for arrays in alone]) for name in wanted}
    try:
        together = model.run(tensors, wanted)
    except InferenceError:
        return float("inf")
    worst = _difference(expected, together)
    try:
        beside = model.run(_with_extreme_row(tensors), wanted)
    except InferenceError:
        return worst  # the model refuses the extreme row, which is no fault of these rows
    return max(worst, _difference(expected, take(beside, slice(0, rows))))


def batch_dependence_warning(difference: float) -> str | None:
    """Return the sentence for ``check``, ``None`` if the scores stand on their own."""
    if difference <= TOLERANCE:
        return None
    return (
        f"Scores depend on the rows scored beside them: they change {_by(difference)} between a "
        f"row alone, a batch, and a batch with an extreme row. Dynamic quantisation does that: "
        f"quantise statically, or serve the float model; or set batching.max_records to 1."
    )


def _by(difference: float) -> str:
    return f"by up to {difference:.2g}" if np.isfinite(difference) else "altogether"


def _with_extreme_row(tensors: Tensors) -> dict[str, NDArray[Any]]:
    """Return the rows and one more: a copy of the first with huge floats."""
    return {
        name: np.concatenate([array, _extreme(array)]) if array.dtype.kind == "f"
        else np.concatenate([array, array[:1]])
        for name, array in tensors.items()
    }  # fmt: skip


def _extreme(array: NDArray[Any]) -> NDArray[Any]:
    finite = np.abs(array[np.isfinite(array)])
    largest = float(finite.max(initial=1)) * _EXTREME
    return np.full_like(array[:1], min(largest, float(np.finfo(array.dtype).max)))


def _difference(first: Tensors, second: Tensors) -> float:
    """Return the largest difference of a float; of anything else only if no float differs."""
    floats = [name for name, array in first.items() if array.dtype.kind == "f"]
    worst = max((_distance(first[name], second[name]) for name in floats), default=0.0)
    if worst > TOLERANCE or all(
        np.array_equal(first[name], second[name]) for name in first if name not in floats
    ):
        return worst
    return float("inf")


def _distance(first: NDArray[Any], second: NDArray[Any]) -> float:
    if first.shape != second.shape:
        return float("inf")
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    a, b = (array[~same].astype(np.float64) for array in (first, second))
    with np.errstate(invalid="ignore"):
        relative = np.abs(a - b) / np.maximum(1.0, np.abs(a))
    return float(np.nan_to_num(relative, nan=np.inf).max(initial=0.0))
