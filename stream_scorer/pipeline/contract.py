"""The contract between schema and model: what they are, and what they make together."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from stream_scorer.avro.schema import Schema, leaf_paths
from stream_scorer.config.settings import ModelConfig, Settings
from stream_scorer.errors import ContractError
from stream_scorer.model.features import FeatureMap, map_features
from stream_scorer.model.fields import Missing
from stream_scorer.model.outputs import OutputMap, map_outputs
from stream_scorer.model.providers import Provider
from stream_scorer.model.session import InferenceError, Model, load_model
from stream_scorer.scoring.scored_event import PassThrough, derive, record_name


@dataclass(frozen=True, slots=True)
class Contract:
    """A model and a reader's schema that fit, and the scored event that they make."""

    model: Model
    reader: Schema
    features: FeatureMap
    outputs: OutputMap
    copied: tuple[PassThrough, ...]
    scored: Schema

    @property
    def copies(self) -> tuple[str, ...]:
        """Return the paths of the fields that are copied."""
        return tuple(each.path for each in self.copied)


def open_model(config: ModelConfig) -> Model:
    """Load the model as configured.

    Raises:
        ContractError: it can't be served.
        ConfigError: a provider is absent or did not load.
    """
    return load_model(
        config.path,
        providers=[Provider(each.name, each.options) for each in config.providers],
        intra_op_threads=config.intra_op_threads,
        inter_op_threads=config.inter_op_threads,
        enable_cpu_mem_arena=config.enable_cpu_mem_arena,
        session=config.session,
        name=config.name,
        version=config.version,
    )


def make_contract(settings: Settings, model: Model, reader: Schema) -> Contract:
    """Map the schema's fields to the model's inputs, and its outputs to the scored event.

    Raises:
        ContractError: they don't fit.
        ConfigError: two fields of the scored event have one name, or a path is unknown.
    """
    missing = settings.model.missing
    features = map_features(
        model.inputs,
        leaf_paths(reader),
        settings.model.inputs,
        Missing(missing.default, missing.fields),
    )
    if (example := features.example()) is not None:
        model.learn(example)
    outputs = map_outputs(model.outputs, settings.model.outputs)
    copied = tuple(PassThrough(each.name, each.path) for each in settings.output.pass_through)
    scored = derive(
        record_name(settings.output.record, model.name),
        reader,
        copied,
        outputs.fields,
        provenance=settings.output.provenance,
    )
    return Contract(model, reader, features, outputs, copied, scored)


def warm_up(model: Model, rows: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Run 1 row and ``rows`` rows; return the seconds that a row takes in the larger batch.

    Raises:
        ContractError: the model does not take so many rows at once.
    """
    started = clock()
    try:
        model.warm_up(rows)
    except InferenceError as error:
        raise ContractError(
            f"model.path {model.name}: the model fails for batching.max_records = {rows} rows "
            f"({error}). Export it with a dynamic batch axis, or lower batching.max_records."
        ) from error
    return (clock() - started) / rows
