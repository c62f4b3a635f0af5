"""Model and schema together, each part judged by itself so that all mistakes come out at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from stream_scorer.avro.schema import Schema, leaf_paths
from stream_scorer.check.findings import Finding, each_of, ok, warning
from stream_scorer.check.wording import counted, some, type_text
from stream_scorer.config.settings import ModelConfig, Settings
from stream_scorer.errors import RefusesToStart
from stream_scorer.model.features import FeatureMap, map_features
from stream_scorer.model.fields import Missing, has_null
from stream_scorer.model.outputs import OutputField, map_outputs
from stream_scorer.model.tensors import OutputSpec, TensorSpec
from stream_scorer.scoring.scored_event import PassThrough, derive

Part = Callable[[], object]


def judge_features(
    features: FeatureMap, largest: Mapping[str, int] = MappingProxyType({})
) -> Iterator[Finding]:
    """Say what fills each tensor, and which of it loses digits on the way.

    ``largest`` is how far from 0 the ints of example events get, by field.
    """
    for mapped in features.tensor_maps:
        paths = [feature.path for feature in mapped.features]
        yield ok(f"Input {mapped.spec} takes {counted(len(paths), 'field')}: {some(paths)}.")
    yield from map(warning, features.lossy())
    every = (feature for mapped in features.tensor_maps for feature in mapped.features)
    rejected = [each.path for each in every if has_null(each.type) and each.fill.value is None]
    if rejected:
        yield ok(
            f"Where {some(list(dict.fromkeys(rejected)))} is null, the event is a dead letter "
            "(missing_feature), since model.missing rejects it."
        )
    for limit, paths in features.inexact_ints().items():
        for path in dict.fromkeys(paths):
            if (found := largest.get(path, 0)) > limit:
                yield warning(
                    f"The model takes {path} as a float, and the events have ints up to ±{found} "
                    f"there: beyond ±{limit} they lose their last digits. Export the model with an "
                    "integer input if they matter."
                )
        yield ok(f"As floats, ints up to ±{limit} are exact, larger ones rounded: {some(paths)}.")


def judge_outputs(fields: Sequence[OutputField]) -> Iterator[Finding]:
    """Say what the scored event holds of the model."""
    named = [f"{field.name} ({type_text(field.type)})" for field in fields]
    yield ok(f"The scored event gets {some(named)}.")


def mistakes(
    settings: Settings,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[OutputSpec],
    reader: Schema,
) -> Iterator[Finding]:
    """Yield an error for each tensor, output and copied field that does not fit.

    Mapping everything together, as the scorer's contract does, ends at the first one. What is only
    wrong together (a tensor that isn't there, two fields of one name) is not among these.
    """
    parts = (
        *_inputs(settings.model, inputs, reader),
        *_outputs(settings.model, outputs),
        *_copied(settings, reader),
    )
    for part in parts:
        try:
            part()
        except RefusesToStart as refused:
            yield from each_of(refused)


def _inputs(model: ModelConfig, inputs: Sequence[TensorSpec], reader: Schema) -> Iterator[Part]:
    fields, chosen = leaf_paths(reader), model.inputs or {}
    for spec in inputs:
        paths = chosen.get(spec.name)
        wanted = paths if paths is not None else (spec.name,)
        policies = {path: what for path, what in model.missing.fields.items() if path in wanted}
        yield partial(
            map_features,
            [spec],
            fields,
            None if paths is None else {spec.name: paths},
            Missing(model.missing.default, policies),
        )


def _outputs(model: ModelConfig, outputs: Sequence[OutputSpec]) -> Iterator[Part]:
    if model.outputs is None:
        yield partial(map_outputs, outputs, None)
        return
    for name, selector in model.outputs.items():
        yield partial(map_outputs, outputs, {name: selector})


def _copied(settings: Settings, reader: Schema) -> Iterator[Part]:
    for each in settings.output.pass_through:
        copied = [PassThrough(each.name, each.path)]
        yield partial(derive, "Scored", reader, copied, (), provenance=False)
