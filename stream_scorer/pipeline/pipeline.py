"""The pipeline: bytes of events in, scores out, with everything checked before the first event."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stream_scorer.avro.encoder import compile_encoder
from stream_scorer.config import loading
from stream_scorer.config.settings import Settings
from stream_scorer.pipeline.contract import Contract, make_contract, open_model, warm_up
from stream_scorer.pipeline.scores import Scores, ScoresReader, encoded
from stream_scorer.pipeline.sources import Schemas, only, open_schemas
from stream_scorer.records import TopicLimits
from stream_scorer.scoring.holding import Lacking, lacks_nothing
from stream_scorer.scoring.scorer import Policies, ReadSide, Scorer, WriteSide


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Which model scores.

    Attributes:
        name: ``model.name``, by default the name of the file.
        version: ``model.version``; empty if it is not set.
        sha256: of the model file, in hexadecimal.
        providers: the execution providers in use, in ONNX Runtime's order of preference.
    """

    name: str
    version: str
    sha256: str
    providers: tuple[str, ...]


class Pipeline:
    """A model, its schemas and the contract between them: loaded, checked, ready to score.

    :func:`stream_scorer.load` returns one. It belongs to one thread at a time. Close it when you
    are done, or use it in a ``with`` statement: it may hold connections to a registry.
    ``settings``, ``contract`` and ``schemas`` are for the package's own use.
    """

    def __init__(self, settings: Settings, contract: Contract, schemas: Schemas) -> None:
        self.settings = settings
        self.contract = contract
        self.schemas = schemas

    @property
    def model(self) -> ModelInfo:
        """Which model scores."""
        model = self.contract.model
        return ModelInfo(model.name, model.version, model.sha256, tuple(model.providers_in_use))

    @property
    def input_fields(self) -> tuple[str, ...]:
        """The fields that an event must have: those the model reads, then those that are copied.

        A nested field is a dotted path, as in the configuration.
        """
        return tuple(dict.fromkeys((*self.contract.features.wanted, *self.contract.copies)))

    @property
    def output_schema(self) -> dict[str, Any]:
        """The Avro schema of the scored event, as plain JSON values."""
        schema: dict[str, Any] = self.contract.scored.json
        return schema

    def score(self, events: Sequence[bytes | None] | Sequence[Mapping[str, Any]]) -> Scores:
        """Score events, and return what the model says of each.

        A value is scored as ``run`` scores it: framed as ``schemas.framing`` says, resolved from
        its writer's schema. A record is a ``dict`` of the reader's schema, as ``fastavro`` takes
        it; a name that the schema does not have is a problem of that record.

        Args:
            events: all of them values (``bytes``; ``None`` is a tombstone), or all of them records.

        Returns:
            The scores by output field, and the events that have none.

        Raises:
            TypeError: some events are records and some are not.
            ContractError: records are given, and fastavro does not take the reader's schema.
            Unanswered: the registry does not answer, so some events can't be read now.
            Broken: the model fails on known-good input.
        """
        records = [each for each in events if isinstance(each, Mapping)]
        if not records:
            values: list[Any] = list(events)
            return self._reader.read(self._of_values.score, values, {})
        if len(records) < len(events):
            raise TypeError("Score values and records in calls of their own.")
        written, unfit = encoded(records, self.contract.reader)
        return self._reader.read(self._of_records.score, written, unfit)

    def close(self) -> None:
        """Close the registry's connections, if there are any."""
        self.schemas.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @cached_property
    def _of_values(self) -> Scorer:
        return _scorer(self, self.schemas, b"")

    @cached_property
    def _of_records(self) -> Scorer:
        return _scorer(self, only(self.contract.reader), b"")

    @cached_property
    def _reader(self) -> ScoresReader:
        return ScoresReader(self.contract.scored, self.contract.outputs.fields)


def load(path: str | Path, *, overrides: Sequence[str] = ()) -> Pipeline:
    """Return the pipeline of a configuration file: model, schemas and contract, checked and warm.

    The file needs no ``kafka`` section. Settings come from the environment too, as for every
    command (docs/configuration.md).

    Args:
        path: the configuration file.
        overrides: settings that win over the file, each ``a.b=value`` as for ``--set``.

    Raises:
        ConfigError: a setting or a file is wrong, or a provider is absent.
        ContractError: the model can't be served, or does not fit the schema.
        Unreachable: the registry does not answer.
    """
    settings = loading.load(Path(path), overrides, os.environ, need_kafka=False)
    with ExitStack() as stack:
        pipeline = open_pipeline(settings)
        stack.callback(pipeline.close)
        warm_up(pipeline.contract.model, settings.batching.max_records)
        stack.pop_all()
    return pipeline


def open_pipeline(settings: Settings, schemas: Schemas | None = None) -> Pipeline:
    """Load the model, open the schemas, and make the contract between them.

    Args:
        settings: model, fields and outputs.
        schemas: where schemas come from, as configured unless given; closed if the rest fails.

    Raises:
        ConfigError: a setting or a file is wrong, or a provider is absent.
        ContractError: the model can't be served, or does not fit the schema.
        Unreachable: the registry does not answer.
    """
    with ExitStack() as stack:
        if schemas is not None:
            stack.callback(schemas.close)
        model = open_model(settings.model)
        if schemas is None:
            schemas = open_schemas(settings)
            stack.callback(schemas.close)
        pipeline = Pipeline(settings, make_contract(settings, model, schemas.reader), schemas)
        stack.pop_all()
    return pipeline


def make_scorer(
    pipeline: Pipeline,
    limits: Callable[[], TopicLimits] = TopicLimits,
    *,
    lacking: Lacking = lacks_nothing,
) -> Scorer:
    """Return the scorer of a worker; the scored events' schema may be registered for that.

    ``limits`` are what the output topic takes, as it is known now; ``lacking`` says whether it has
    so many partitions.
    """
    prefix = pipeline.schemas.prefix_for(pipeline.contract.scored)
    return _scorer(pipeline, pipeline.schemas, prefix, limits, lacking)


def _scorer(
    pipeline: Pipeline,
    schemas: Schemas,
    prefix: bytes,
    limits: Callable[[], TopicLimits] = TopicLimits,
    lacking: Lacking = lacks_nothing,
) -> Scorer:
    settings, contract = pipeline.settings, pipeline.contract
    return Scorer(
        read=ReadSide(schemas.framing, schemas.source, contract.reader),
        features=contract.features,
        model=contract.model,
        outputs=contract.outputs,
        write=WriteSide(
            compile_encoder(contract.scored),
            prefix,
            contract.copied,
            settings.output.provenance,
            settings.output.partition,
            limits,
            lacking,
        ),
        policies=Policies(settings.model.non_finite, settings.output.tombstones),
        call_rows=settings.batching.max_records,
        clock=time.perf_counter,
        now_micros=lambda: time.time_ns() // 1000,
    )
