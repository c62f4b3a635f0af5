"""How far the numbers can be trusted: said, where it must be."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import fastavro
import pytest

from stream_scorer.avro.schema import parse
from stream_scorer.bench.alone import Refusals
from stream_scorer.bench.events import FileEvents
from stream_scorer.bench.made_up import MadeUpEvents
from stream_scorer.bench.remarks import (
    on_events,
    on_latencies,
    on_the_run,
    refuse_if_none_is_scored,
)
from stream_scorer.errors import ContractError
from tests.bench.measured import alone, latency
from tests.scorers import EVENT

MADE_UP = MadeUpEvents(parse(dict(EVENT)), {})
FEW = Refusals(1_000, Counter({"undecodable": 9}), "too short")
MANY = Refusals(1_000, Counter({"inference_failed": 140, "undecodable": 9}), "no such category")
ALL = Refusals(1_000, Counter({"missing_feature": 1_000}), "'a' is null")


@pytest.fixture
def a_file(tmp_path: Path) -> FileEvents:
    """Three events."""
    path = tmp_path / "events.avro"
    with path.open("wb") as file:
        fastavro.writer(file, dict(EVENT), [{"event_id": "x", "a": 1.0, "b": 2.0}] * 3)
    return FileEvents.of(path)


def test_made_up_events_are_called_so() -> None:
    """And real ones are asked for."""
    [said] = on_events(MADE_UP, alone(refusals=FEW), 1_000)
    assert "made up from the schema" in said
    assert "--input events.avro" in said


def test_many_dead_letters_are_told_with_the_most_frequent_reason() -> None:
    """With one sentence of a letter's; a few change nothing."""
    [_, said] = on_events(MADE_UP, alone(refusals=MANY), 1_000)
    assert said.startswith("15% of the events become dead letters (inference_failed: no such")
    assert said.endswith("Provide real ones with --input events.avro.")


def test_a_file_that_is_repeated_is_told(a_file: FileEvents) -> None:
    """Not if it is long enough."""
    [said] = on_events(a_file, alone(), 4)
    assert said.startswith("The file's 3 events were repeated")
    assert list(on_events(a_file, alone(), 3)) == []
    [_, said] = on_events(a_file, alone(refusals=MANY), 4)
    assert "--input" not in said


def test_a_file_that_was_not_read_to_its_end_is_told(a_file: FileEvents) -> None:
    """It is larger than what is kept."""
    cut = FileEvents(a_file.schema, 3, cut=True, _endless=iter(()))
    assert any("its end was not used" in said for said in on_events(cut, alone(), 3))


def test_without_one_scored_event_there_is_nothing_to_measure(a_file: FileEvents) -> None:
    """The reason is the model's or the schema's."""
    with pytest.raises(
        ContractError, match=r"made up .* \(missing_feature: 'a' is null\).*--input"
    ):
        refuse_if_none_is_scored(MADE_UP, alone(refusals=ALL))
    with pytest.raises(ContractError, match="None of the events of --input") as refused:
        refuse_if_none_is_scored(a_file, alone(refusals=ALL))
    assert "Provide real ones" not in str(refused.value)
    refuse_if_none_is_scored(MADE_UP, alone(refusals=MANY))


def test_a_rate_that_was_not_held_is_told_by_whose_fault() -> None:
    """The writer's first: what it does not write nobody can score."""
    assert list(on_latencies([latency()])) == []
    slow, behind = latency(written_rate=400.0, kept_up=False), latency(kept_up=False, on_the_way=99)
    [of_the_writer, of_the_worker] = on_latencies([slow, behind])
    assert of_the_writer.startswith("Only 400 of 500 events/s could be written")
    assert of_the_worker.startswith("At 500 events/s the worker falls behind: 99 events")


def test_what_is_not_as_in_production_is_told() -> None:
    """One's own cluster has real brokers."""
    assert any("without replication" in said for said in on_the_run(embedded=True))
    assert not any("without replication" in said for said in on_the_run(embedded=False))
