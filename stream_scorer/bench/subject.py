"""The scorer to measure: its settings, its model and schema, and its events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stream_scorer.avro.framing import ByFingerprint, ById, prefix_for
from stream_scorer.avro.plan import compile_plan
from stream_scorer.avro.schema import Schema
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
from stream_scorer.pipeline.contract import Contract, warm_up
from stream_scorer.pipeline.pipeline import Pipeline, make_scorer, open_pipeline
from stream_scorer.pipeline.sources import only, open_schemas, read_reader
from stream_scorer.scoring.scorer import Scorer

Environment = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Subject:
    """The scorer to measure.

    Attributes:
        settings: the user's own.
        words: settings, as for ``--set``, with which a worker reads this run's schemas.
        events: the events to score.
        model: name and version.
        intra_op_threads: of the model.
    """

    settings: Settings
    words: tuple[str, ...]
    events: FramedEvents
    model: str
    intra_op_threads: int


def prepare(
    plan: Plan, environment: Environment, folder: Path, warn: Callable[[str], None]
) -> tuple[Subject, Scorer]:
    """Load model and schema as ``run`` does; return the subject, and the scorer.

    The scorer holds the model. Release it before measuring a worker, which loads its own.

    Args:
        plan: the plan of the run.
        environment: may provide settings.
        folder: the folder for the schemas of the run.
        warn: is called with the warnings that ``check`` would show.

    Raises:
        ConfigError: a setting or a file is invalid.
        ContractError: model and schema don't match, or the events can't be read.
        Unreachable: the reader's schema is in the registry, which does not answer.
    """
    settings = load(plan.config, plan.overrides, environment, need_kafka=plan.own_cluster)
    judged = open_pipeline(settings, only(read_reader(settings)))
    contract, model = judged.contract, judged.contract.model
    heed(judge_reader(contract.reader, contract.features.wanted, contract.copies), warn)
    events = _events(plan, contract)
    _can_be_read(settings, contract, events.schema)
    warm_up(model, settings.batching.max_records)
    lay_out_schemas(folder, events.schema, contract.scored, contract.reader)
    words = for_schemas(folder)
    of_this_run = load(plan.config, (*plan.overrides, *words), environment, need_kafka=False)
    scorer = make_scorer(Pipeline(of_this_run, contract, open_schemas(of_this_run)))
    framed = FramedEvents(events, _prefix(settings, events.schema))
    named = f"{model.name} {model.version}".strip()
    return Subject(settings, words, framed, named, model.threads.intra_op), scorer


def _events(plan: Plan, contract: Contract) -> Events:
    if plan.source is not None:
        return FileEvents.of(plan.source)
    return MadeUpEvents(contract.reader, needs_of(contract.features))


def _can_be_read(settings: Settings, contract: Contract, writer: Schema) -> None:
    reader = contract.reader
    if settings.schemas.framing == "none" and writer != reader:
        raise ContractError(
            "--input: with schemas.framing none an event does not name its schema, so the file's "
            "schema must be schemas.reader, but it differs. Set schemas.reader to the file's "
            "schema, or use a file with the reader's schema."
        )
    try:
        compile_plan(writer, reader, contract.features.wanted, contract.copies)
    except ContractError as refused:
        raise ContractError(
            f"--input: its events can't be read with the reader's schema: {refused}"
        ) from refused


def _prefix(settings: Settings, writer: Schema) -> bytes:
    framing = settings.schemas.framing
    if framing == "confluent":
        return prefix_for(framing, ById(WRITER_ID))
    return prefix_for(framing, ByFingerprint(writer.fingerprint))
