"""The stories through the real scorer, without Kafka: each event leaves the trace that it must."""

from __future__ import annotations

from pathlib import Path

import fastavro
import numpy as np
import pytest

from stream_scorer.config import Settings, load
from stream_scorer.dead_letters import DeadLetterFormat
from stream_scorer.demo.count import Place, Trace, count, dead_letter_trace, scored_trace
from stream_scorer.demo.events import FAULT_EVERY, GeneratedEvent, events
from stream_scorer.demo.stories import (
    CARD_FRAUD,
    MACHINE_TELEMETRY,
    STORIES,
    Story,
    add_scored_schema,
    lay_out,
)
from stream_scorer.pipeline.contract import Contract
from stream_scorer.pipeline.pipeline import make_scorer, open_pipeline
from stream_scorer.records import Batch, ScoredBatch, TopicPartition
from stream_scorer.scoring.scorer import Scorer

EVENTS = 2 * FAULT_EVERY * 7  # each fault of either story at least twice
BATCH_EVENTS = 512
DEAD_LETTERS = DeadLetterFormat(group="demo", version="0", model="any", partitions=1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the config's relative paths start from."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _scorer(story: Story, folder: Path) -> tuple[Scorer, Contract]:
    settings: Settings = load(lay_out(story, folder, "unused:9092"), [], {}, need_kafka=True)
    contract = open_pipeline(settings).contract
    add_scored_schema(story, folder, contract.scored.text)
    pipeline = open_pipeline(settings)
    prefix = pipeline.schemas.prefix_for(pipeline.contract.scored)
    assert prefix == b"\x00" + story.scored_schema_id.to_bytes(4, "big")
    return make_scorer(pipeline), pipeline.contract


def _batch(source: TopicPartition, run: list[GeneratedEvent], first: int) -> Batch:
    return Batch(
        [event.value for event in run],
        [event.key for event in run],
        [None] * len(run),
        np.full(len(run), 1_000, np.int64),
        (source,),
        np.zeros(len(run), np.int64),
        np.arange(first, first + len(run)),
    )


def _traces(scored: ScoredBatch, contract: Contract) -> list[Trace]:
    schema = fastavro.parse_schema(contract.scored.json)
    found = [scored_trace(value, schema, 1_000, 1_001) for value in scored.scored.values if value]
    for headers in DEAD_LETTERS.records(scored.dead_letters, 0).headers:
        assert headers is not None
        found.append(dead_letter_trace(headers, 1_000, 1_001))
    return found


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_every_event_of_the_story_leaves_the_trace_that_it_must(story: Story, folder: Path) -> None:
    """The sound ones are scored, the broken ones dead-lettered for the reason foretold."""
    scorer, contract = _scorer(story, folder)
    source = TopicPartition(story.topic, 0)
    run = list(events(story, EVENTS, seed=4))
    traces = []
    for first in range(0, EVENTS, BATCH_EVENTS):
        batch = _batch(source, run[first : first + BATCH_EVENTS], first)
        traces += _traces(scorer.score(batch), contract)
    tally = count({Place(source, i): event.reason for i, event in enumerate(run)}, traces)
    assert tally.unexpected == ()
    assert tally.exact
    assert set(tally.dead_letters) == {fault.reason for fault in story.faults}


def test_the_scored_events_of_the_stories_have_the_fields_that_people_expect(folder: Path) -> None:
    """The passed-through fields, then the outputs under their chosen names, then provenance."""
    names = {}
    for story in STORIES.values():
        _, contract = _scorer(story, folder)
        names[story.name] = [field["name"] for field in contract.scored.json["fields"]]
    provenance = ["model", "source", "scored_at"]
    assert names == {
        CARD_FRAUD.name: [
            *("event_id", "occurred_at", "card_id", "merchant_id", "channel", "amount"),
            *("fraud", "score"),
            *provenance,
        ],
        MACHINE_TELEMETRY.name: [
            *("event_id", "occurred_at", "machine_id", "tool_wear_minutes"),
            *("failure_probability", "failure_modes"),
            *provenance,
        ],
    }
