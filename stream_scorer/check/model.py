"""The model by itself: what it runs on, and what its scores depend on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_scorer.check.findings import Finding, error, ok, skipped, warning
from stream_scorer.check.wording import some
from stream_scorer.errors import ConfigError
from stream_scorer.model.features import FeatureMap, TensorMap
from stream_scorer.model.outputs import OutputMap
from stream_scorer.model.probes import (
    batch_dependence,
    batch_dependence_warning,
    run_dependence,
    run_dependence_warning,
)
from stream_scorer.model.session import InferenceError, Model
from stream_scorer.model.tensors import repeat
from stream_scorer.model.trees import fed_with_nan

_ROWS = 8
_SEED = 7


def judge_packages(conflict: str | None) -> Iterator[Finding]:
    """Judge what :func:`~stream_scorer.model.runtime.conflicting_packages` says."""
    if conflict is not None:
        yield error(conflict, ConfigError)


def judge_model(model: Model) -> Iterator[Finding]:
    """Say how the model runs."""
    yield ok(
        f"model.path: {model.name} (sha256 {model.sha256[:12]}…, {model.size_bytes / 1024:,.0f} "
        f"KiB) runs on {', '.join(model.providers_in_use)}; {model.threads.reason}."
    )
    if model.one_row_at_a_time:
        yield warning(
            "The model's batch axis has the fixed size 1, so each event is an inference call of "
            "its own: export it with a dynamic first axis to score batches."
        )


def judge_scores(model: Model, features: FeatureMap, outputs: OutputMap) -> Iterator[Finding]:
    """Judge whether an event's score depends on chance, or on the events beside it.

    A random model differs beside other rows too, so chance is asked first.
    """
    for rows in (made_up_rows(features), repeat(features.example(), _ROWS)):
        try:
            random = run_dependence_warning(run_dependence(model, rows, outputs.wanted))
            if random is not None:
                yield warning(random)
            elif not model.one_row_at_a_time:
                found = batch_dependence_warning(batch_dependence(model, rows, outputs.wanted))
                yield ok("Scores do not depend on the batch.") if found is None else warning(found)
        except InferenceError:
            continue
        return
    yield skipped(
        "Whether scores depend on the batch, or on chance: the model takes none of the made-up "
        "rows."
    )


def judge_nulls(model: Model, features: FeatureMap, outputs: OutputMap) -> Iterator[Finding]:
    """Judge what the model makes of what null becomes: NaN, a number, a text."""
    troubled = fields_that_must_not_be_nan(model, features, outputs)
    if troubled:
        yield warning(
            f"Where {some(troubled)} is null, the model gets NaN and gives no finite score, so the "
            "event is a dead letter (non_finite_score). Set model.missing.default to reject or to "
            "a value, or model.missing.fields.<field>."
        )
    for mapped in features.tensor_maps:
        for index, feature in enumerate(mapped.features):
            value = feature.fill.value
            if value is None or _is_nan(value):
                continue
            if not _scores(model, outputs, features.example(), (mapped, index), value):
                yield warning(
                    f"Where {feature.path} is null, the model gets {value!r} and gives no finite "
                    "score, so the event is a dead letter. Set "
                    f"model.missing.fields.{feature.path} to another value, or to reject."
                )


def judge_trees(path: Path, features: FeatureMap) -> Iterator[Finding]:
    """Judge whether null becomes a NaN that goes astray in trees."""
    for operator, paths in fed_with_nan(path, features).items():
        yield warning(
            f"Where {some(paths)} is null, {operator} gets NaN, and the model does not say which "
            "branch a missing value takes (nodes_missing_value_tracks_true is absent or 0), so it "
            "may take the wrong one without a sign. Compare such scores with the training "
            "library's; if they differ, export the model with these tracks, or set "
            "model.missing.default to reject or to a value, or model.missing.fields.<field>."
        )


def fields_that_must_not_be_nan(
    model: Model, features: FeatureMap, outputs: OutputMap
) -> tuple[str, ...]:
    """Return the fields whose null becomes a NaN that the model can't score; it is asked."""
    return tuple(
        feature.path
        for mapped in features.tensor_maps
        for index, feature in enumerate(mapped.features)
        if _is_nan(feature.fill.value)
        if not _scores(model, outputs, features.example(), (mapped, index), np.nan)
    )


def made_up_rows(features: FeatureMap) -> dict[str, NDArray[Any]]:
    """Return rows of a fixed seed: small numbers, and symbols where the field is an enum."""
    numbers = np.random.default_rng(_SEED)
    return {mapped.spec.name: _made_up(mapped, numbers) for mapped in features.tensor_maps}


def _made_up(mapped: TensorMap, numbers: np.random.Generator) -> NDArray[Any]:
    shape = (_ROWS, *mapped.row_shape)
    dtype = mapped.spec.dtype
    if dtype == "string":
        texts = np.full(shape, "", dtype=object)
        for index, feature in enumerate(mapped.features):
            if feature.type.symbols:
                texts.reshape(_ROWS, -1)[:, index] = numbers.choice(feature.type.symbols, _ROWS)
        return texts
    if dtype.kind == "f":
        return numbers.normal(size=shape).astype(dtype)
    return numbers.integers(0, 2, size=shape).astype(dtype)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and bool(np.isnan(value))


def _scores(
    model: Model,
    outputs: OutputMap,
    row: dict[str, NDArray[Any]],
    place: tuple[TensorMap, int],
    value: Any,
) -> bool:
    """Return whether a row that has a finite score keeps one with this value in its place."""
    mapped, index = place
    try:
        if outputs.non_finite(model.run(row, outputs.wanted)).any():
            return True  # the plain row has no finite score either, so it is not the value's doing
        cells = row[mapped.spec.name].reshape(1, -1)
        cells[0, index if len(mapped.features) > 1 else slice(None)] = value
        return not outputs.non_finite(model.run(row, outputs.wanted)).any()
    except InferenceError:
        return False
