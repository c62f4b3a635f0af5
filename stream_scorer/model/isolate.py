"""Inference that fails for a batch: find the rows that cause it, score the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_scorer.model.session import InferenceError, Model
from stream_scorer.model.tensors import Tensors, take
from stream_scorer.records import Problem, Problems, Reason, Stage


@dataclass(frozen=True, slots=True)
class Inference:
    """Outputs of the rows that could be scored, and what is wrong with the others.

    Row ``i`` of each array belongs to row ``good_rows[i]`` of the input.
    """

    arrays: dict[str, NDArray[Any]]
    good_rows: NDArray[np.intp]
    problems: Problems


def run_in_calls(
    model: Model, tensors: Tensors, rows: int, wanted: Sequence[str], call_rows: int
) -> Inference:
    """Run the model, no more than ``call_rows`` rows at a time; see :func:`run_isolating`."""
    if rows <= call_rows:
        return run_isolating(model, tensors, rows, wanted)
    parts = []
    for start in range(0, rows, call_rows):
        some = slice(start, min(start + call_rows, rows))
        part = run_isolating(model, take(tensors, some), some.stop - start, wanted)
        problems = {start + row: problem for row, problem in part.problems.items()}
        parts.append(Inference(part.arrays, start + part.good_rows, problems))
    return Inference(
        {name: np.concatenate([part.arrays[name] for part in parts]) for name in wanted},
        np.concatenate([part.good_rows for part in parts]),
        {row: problem for part in parts for row, problem in part.problems.items()},
    )


def run_isolating(model: Model, tensors: Tensors, rows: int, wanted: Sequence[str]) -> Inference:
    """Run the model; if it fails, halve the batch until the culprits stand alone.

    The probe row runs before the search and after it, so that a device which breaks on the way
    makes no dead letters. With ``c`` culprits among ``n`` rows that takes about ``2 c log2(n / c)``
    calls.

    Raises:
        Broken: the model fails on its probe row too, so no row is to blame.
        Terminated: a stop was asked for.
    """
    try:
        return Inference(model.run(tensors, wanted), np.arange(rows), {})
    except InferenceError as error:
        model.probe()
        if rows == 1:
            return Inference(_no_rows(model, tensors, wanted), np.arange(0), {0: _problem(error)})
    inference = _search(model, tensors, rows, wanted)
    if inference.problems:
        model.probe()
    return inference


def _search(model: Model, tensors: Tensors, rows: int, wanted: Sequence[str]) -> Inference:
    parts: list[dict[str, NDArray[Any]]] = [_no_rows(model, tensors, wanted)]
    good: list[NDArray[np.intp]] = [np.arange(0)]
    problems: Problems = {}
    middle = rows // 2
    pending = [(middle, rows), (0, middle)]
    while pending:
        start, stop = pending.pop()
        try:
            parts.append(model.run(take(tensors, slice(start, stop)), wanted))
            good.append(np.arange(start, stop))
        except InferenceError as error:
            if stop - start == 1:
                problems[start] = _problem(error)
            else:
                middle = (start + stop) // 2
                pending += [(middle, stop), (start, middle)]
    return Inference(_joined(parts, wanted), np.concatenate(good), problems)


def _no_rows(model: Model, tensors: Tensors, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
    return model.run(take(tensors, slice(0, 0)), wanted)


def _joined(
    parts: Sequence[dict[str, NDArray[Any]]], wanted: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """Return the parts one after the other; without a scored row, the empty first one."""
    scored = parts[1:] or parts
    return {name: np.concatenate([part[name] for part in scored]) for name in wanted}


def _problem(error: InferenceError) -> Problem:
    return Problem(
        Reason.INFERENCE_FAILED,
        Stage.INFER,
        f"The model fails on this event: {error}",
        exception="onnxruntime.InferenceError",
    )
