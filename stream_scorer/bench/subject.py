"""The scorer that is measured: its settings, its model and schema, and its events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stream_scorer.app.contract import Contract, make_contract, make_scorer, open_model, warm_up
from stream_scorer.app.schema_sources import open_schemas, read_reader
from stream_scorer.avro.framing import ByFingerprint, ById, prefix_for
from stream_scorer.avro.schema import Schema
from stream_scorer.bench.alone import Alone, measure_alone
from stream_scorer.bench.events import Events, FileEvents, FramedEvents
from stream_scorer.bench.made_up import MadeUpEvents
from stream_scorer.bench.needs import needs_of
from stream_scorer.bench.overrides import WRITER_ID, for_schemas, lay_out_schemas
from stream_scorer.bench.plan import Plan
from stream_scorer.check.findings import heed
from stream_scorer.check.plans import judge_reader
from stream_scorer.config.loading import load
from stream_scorer.config.settings import Settings
from stream_scorer.errors import ContractError
from stream_scorer.scoring.reading import compile_reading

Environment = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured.

    Attributes:
        settings: the user's own.
        words: settings, as ``--set`` takes them, by which a worker reads this run's schemas.
        events: what is scored.
        alone: the scorer without Kafka.
        model: name and version.
        intra_op_threads: of the model.
    """

    settings: Settings
    words: tuple[str, ...]
    events: FramedEvents
    alone: Alone
    model: str
    intra_op_threads: int


def prepare(
    plan: Plan, environment: Environment, folder: Path, warn: Callable[[str], None]
) -> Subject:
    """Load model and schema as ``run`` does, and measure the scorer alone.

    The model is let go before this returns, so that a worker has the machine for itself.

    Args:
        plan: what is asked for.
        environment: where settings may come from.
        folder: takes the schemas of the run.
        warn: hears what ``check`` would warn of.

    Raises:
        ConfigError: a setting or a file is wrong.
        ContractError: model and schema don't fit, the events can't be read, or the model takes
            none of those that were made up.
        Unreachable: the registry has the reader's schema and does not answer.
    """
    settings = load(plan.config, plan.overrides, environment, need_kafka=plan.own_cluster)
    model = open_model(settings.model)
    reader = read_reader(settings)
    contract = make_contract(settings, model, reader)
    heed(judge_reader(reader, contract.wanted), warn)
    events = _events(plan, contract)
    _can_be_read(settings, contract, events.schema)
    lay_out_schemas(folder, events.schema, contract.scored, reader)
    words = for_schemas(folder)
    framed = FramedEvents(events, _prefix(settings, events.schema))
    warm_up(model, settings.batching.max_records)
    given = load(plan.config, (*plan.overrides, *words), environment, need_kafka=False)
    schemas = open_schemas(given)
    scorer = make_scorer(given, contract, schemas.source, schemas.prefix_for(contract.scored))
    alone = measure_alone(scorer, framed, settings.batching.max_records)
    _takes_some(alone, plan.source)
    return Subject(
        settings,
        words,
        framed,
        alone,
        f"{model.name} {model.version}".strip(),
        model.threads.intra_op,
    )


def _events(plan: Plan, contract: Contract) -> Events:
    if plan.source is not None:
        return FileEvents.of(plan.source)
    return MadeUpEvents(contract.reader, needs_of(contract.features))


def _can_be_read(settings: Settings, contract: Contract, writer: Schema) -> None:
    reader = contract.reader
    if settings.schemas.framing == "none" and writer != reader:
        raise ContractError(
            "--input: with schemas.framing none an event says nothing of its schema, so the file's "
            "must be schemas.reader, and it is another one. Name the file's schema in "
            "schemas.reader, or give a file of the reader's."
        )
    copied = tuple(each.path for each in contract.copied)
    try:
        compile_reading(writer, reader, contract.features.wanted, copied)
    except ContractError as refused:
        raise ContractError(
            f"--input: its events can't be read as the reader's schema: {refused}"
        ) from refused


def _prefix(settings: Settings, writer: Schema) -> bytes:
    framing = settings.schemas.framing
    if framing == "confluent":
        return prefix_for(framing, ById(WRITER_ID))
    return prefix_for(framing, ByFingerprint(writer.fingerprint))


def _takes_some(alone: Alone, source: Path | None) -> None:
    refusals = alone.refusals
    if refusals.reasons.total() < refusals.events:
        return
    [(reason, _)] = refusals.reasons.most_common(1)
    what = f"the events of {source}" if source else "the events that were made up"
    advice = "" if source else " Give --input events.avro with real ones."
    raise ContractError(
        f"None of {what} can be scored ({reason}: {refusals.example}), so there is nothing to "
        f"measure.{advice}"
    )
