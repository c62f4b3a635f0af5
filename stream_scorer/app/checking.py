"""``check``: everything that can be wrong before traffic, as far as it can be found in one go.

A step that fails takes with it only the steps that need its result. What stops ``run`` is judged by
the functions that ``run`` uses.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from stream_scorer.app.example_events import largest_ints
from stream_scorer.app.preflight import look_at_cluster
from stream_scorer.app.schema_checks import judge_pinning, look_at_reading, look_at_writing
from stream_scorer.app.trial import judge_clients
from stream_scorer.avro.schema import Schema
from stream_scorer.check.contract import judge_features, judge_outputs, mistakes
from stream_scorer.check.findings import Finding, each_of, error, skipped, warning
from stream_scorer.check.model import (
    judge_model,
    judge_nulls,
    judge_packages,
    judge_scores,
    judge_trees,
)
from stream_scorer.check.plans import judge_names
from stream_scorer.config.contradictions import contradictions
from stream_scorer.config.settings import KafkaConfig, ServerConfig, Settings
from stream_scorer.errors import ConfigError, RefusesToStart
from stream_scorer.model.runtime import conflicting_packages
from stream_scorer.model.session import Model
from stream_scorer.observe.server import why_not_served
from stream_scorer.pipeline.contract import Contract, make_contract, open_model, warm_up
from stream_scorer.pipeline.sources import Schemas, open_schemas, read_reader

#: How long brokers may take to answer; a person waits for it.
PATIENCE_SECONDS = 20.0

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Reach:
    """The scope of a check.

    Attributes:
        offline: whether to leave Kafka and the registry alone.
        say: hears why the brokers don't answer, while there is still patience.
        patience_seconds: how long brokers may take to answer.
        events: an Avro file of example events, to look at their values too.
    """

    offline: bool
    say: Callable[[str], None]
    patience_seconds: float = PATIENCE_SECONDS
    events: Path | None = None


def check(settings: Settings, reach: Reach) -> Iterator[Finding]:
    """Yield what is found, as it is found; no sentence comes twice."""
    seen: set[str] = set()
    for finding in _all(settings, reach):
        if finding.sentence not in seen:
            seen.add(finding.sentence)
            yield finding


def _all(settings: Settings, reach: Reach) -> Iterator[Finding]:
    if settings.kafka is not None and reach.offline:
        # What only a command that reads from Kafka asks of the settings; others asked it already.
        for mistake in contradictions(settings, need_kafka=True):
            yield error(f"{'.'.join(mistake.path)} {mistake.predicate}.", ConfigError)
    if settings.kafka is not None:
        yield from _server(settings.server, reach)
    yield from judge_packages(conflicting_packages())
    model = yield from _tried(partial(open_model, settings.model))
    if model is not None:
        yield from judge_model(model)
    schemas, reader = yield from _schemas(settings, reach)
    with closing(schemas) if schemas else nullcontext():
        contract = yield from _contract(settings, model, reader, reach.events)
        if contract is not None:
            yield from _probes(settings, contract)
            yield from _events(settings, contract, schemas, reach)
    if settings.kafka is not None:
        yield from _cluster(settings, settings.kafka, reach)


def _server(config: ServerConfig, reach: Reach) -> Iterator[Finding]:
    why = None if config.port is None else why_not_served(config.host)
    if why is None:
        return
    sentence = (
        f"server.host: {config.host} can't be listened on here ({why}); 0.0.0.0 is every address "
        "of a machine."
    )
    # Where the brokers can't be asked it is hardly the machine that the worker runs on.
    yield warning(sentence) if reach.offline else error(sentence, ConfigError)


def _tried(step: Callable[[], Result]) -> Generator[Finding, None, Result | None]:
    """Return what the step returns; if it refuses, yield why and return ``None``."""
    try:
        return step()
    except RefusesToStart as refused:
        yield from each_of(refused)
        return None


def _schemas(
    settings: Settings, reach: Reach
) -> Generator[Finding, None, tuple[Schemas | None, Schema | None]]:
    """Return the sources of schemas and the reader's; each without the other if it must be."""
    config = settings.schemas
    if reach.offline and config.registry and config.reader is None:
        yield skipped(
            "Model against schema: the reader's schema comes from the registry, which --offline "
            "does not ask; name a file in schemas.reader."
        )
        return None, None
    if settings.kafka is None and not (config.reader or config.registry or config.directory):
        yield skipped("Model against schema: `score` takes that of each file.")
        return None, None
    schemas = yield from _tried(partial(open_schemas, settings))
    if schemas is None:
        return None, (yield from _tried(partial(read_reader, settings)))
    yield from judge_pinning(settings, schemas.reader_origin)
    return schemas, schemas.reader


def _contract(
    settings: Settings, model: Model | None, reader: Schema | None, events: Path | None
) -> Generator[Finding, None, Contract | None]:
    if model is None or reader is None:
        return None
    try:
        contract = make_contract(settings, model, reader)
    except RefusesToStart as refused:
        yield from mistakes(settings, model.inputs, model.outputs, reader)
        yield from each_of(refused)
        return None
    largest: Mapping[str, int] = {}
    if events is not None:
        largest = (yield from _tried(partial(largest_ints, events, contract))) or {}
    yield from judge_features(contract.features, largest)
    yield from judge_outputs(contract.outputs.fields)
    yield from judge_names(reader)
    return contract


def _probes(settings: Settings, contract: Contract) -> Iterator[Finding]:
    model, features, outputs = contract.model, contract.features, contract.outputs
    rows = settings.batching.max_records
    if (yield from _tried(partial(warm_up, model, rows))) is None:
        return
    yield from judge_scores(model, features, outputs)
    if settings.model.non_finite == "dead_letter":
        yield from judge_nulls(model, features, outputs)
    yield from judge_trees(settings.model.path, features)


def _events(
    settings: Settings, contract: Contract, schemas: Schemas | None, reach: Reach
) -> Iterator[Finding]:
    away = reach.offline and settings.schemas.registry is not None
    yield from look_at_reading(settings, contract, None if away else schemas)
    if settings.kafka is None or schemas is None:
        return
    if away:
        yield skipped("The registry: --offline does not ask it.")
    else:
        yield from look_at_writing(settings, contract.scored, schemas)


def _cluster(settings: Settings, kafka: KafkaConfig, reach: Reach) -> Iterator[Finding]:
    if kafka.dead_letter_topic is None:
        yield warning(
            "kafka.dead_letter_topic is not set: the first event that can't be scored stops the "
            "worker (exit 5)."
        )
    refused = tuple(judge_clients(settings, kafka))
    yield from refused
    if reach.offline:
        yield skipped("Topics, rights and transactions: --offline does not ask the brokers.")
        return
    if refused:
        yield skipped("Topics, rights and transactions: no client can be made that could ask.")
        return
    report = look_at_cluster(
        settings, kafka, reach.say, reach.patience_seconds, beside_workers=True
    )
    yield from report.findings
