"""What is scored under proof: the real scorer gives each event the fate that was foretold."""

from __future__ import annotations

import io
import itertools
import json
import math
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest

from stream_scorer.config.loading import load
from stream_scorer.pipeline.pipeline import make_scorer, open_pipeline
from stream_scorer.records import Batch, Reason, ScoredBatch, TopicLimits, TopicPartition
from stream_scorer.scoring.scorer import Scorer
from stream_scorer.verify.events import (
    FATES,
    LARGEST_BYTES,
    NUMBER_HEADER,
    OLDEST_OUTPUT_MS,
    OUTPUT_MESSAGE_BYTES,
    PLAIN,
    SELDOM,
    Event,
    Look,
    event,
    expectation,
    fate_of,
    score_of,
)
from stream_scorer.verify.loads import all_loads
from stream_scorer.verify.subject import SCORE, lay_out, scored, topic_settings

IN = TopicPartition("in", 0)
NOW_MS = 1_800_000_000_000
KAFKA = {
    "bootstrap_servers": "nowhere:9092",
    "group_id": "proof",
    "input_topics": ["in"],
    "output_topic": "out",
    "dead_letter_topic": "dead-letters",
}
#: Events until each length of the filler was met with malformed bytes.
MANY = 9_000


@dataclass(frozen=True)
class Worker:
    """A worker's folder as a round lays it out, and what ``run`` scores with there."""

    config: Path
    scorer: Scorer
    look: Look

    def score(self, numbers: Sequence[int]) -> ScoredBatch:
        """Score the events of these numbers; each stands at the offset that is its number."""
        events = [event(number, NOW_MS, self.look) for number in numbers]
        return self.scorer.score(
            Batch(
                values=[each.value for each in events],
                keys=[each.key for each in events],
                headers=[each.headers for each in events],
                timestamps=np.array([each.timestamp_ms for each in events], np.int64),
                sources=(IN,),
                source_index=np.zeros(len(events), np.int64),
                offsets=np.array(numbers, np.int64),
            )
        )


def worker_in(folder: Path, look: Look) -> Worker:
    """A worker for events that look so."""
    config = lay_out(folder, KAFKA, "source", look=look)
    pipeline = open_pipeline(load(config, (), {}, need_kafka=True))
    scorer = make_scorer(pipeline, lambda: TopicLimits(OUTPUT_MESSAGE_BYTES))
    return Worker(config, scorer, look)


def foretold(number: int, look: Look) -> tuple[Reason | None, float | None]:
    """What the checker expects of the event, from its headers alone."""
    return expectation(event(number, NOW_MS, look).headers, look)


def batches(count: int) -> Iterator[range]:
    """The first numbers, as many at a time as a worker takes."""
    for first in range(0, count, 64):
        yield range(first, min(first + 64, count))


@pytest.mark.parametrize(
    ("look", "many"),
    [
        (PLAIN, MANY),
        (Look(SELDOM, writers=3), MANY),
        (Look(FATES, large_every=2), 600),
        *((load.look, 2_000) for load in all_loads()),
    ],
)
def test_the_scorer_does_to_each_event_what_was_foretold(
    look: Look, many: int, tmp_path: Path
) -> None:
    """To the last bit of a score; but what the brokers refuse, it can't know before they do."""
    worker = worker_in(tmp_path / "worker", look)
    known = scored(worker.config)
    schema = fastavro.parse_schema(dict(known.schema))
    found: dict[int, tuple[Reason | None, float | None]] = {}
    for numbers in batches(many):
        result = worker.score(numbers)
        for value in result.scored.values:
            assert value is not None
            assert value.startswith(known.prefix)
            body = io.BytesIO(value[len(known.prefix) :])
            row: Any = fastavro.schemaless_reader(body, schema, None)
            found[row["number"]] = (None, row[SCORE])
        for letter in result.dead_letters:
            found[letter.offset] = (letter.problem.reason, None)

    refused = {each for each in range(many) if fate_of(each, look) is Reason.REJECTED_BY_BROKER}
    assert found == {
        number: (None, score_of(number)) if number in refused else foretold(number, look)
        for number in range(many)
    }


def test_every_reason_is_met_soon_but_what_only_brokers_refuse() -> None:
    """Of the events at a steady rate; they refuse some of them too."""
    assert {fate_of(number) for number in range(MANY)} == {None, *FATES}


def test_each_fate_is_as_rare_as_its_prime() -> None:
    """And most events are scored, so that their order and count are tested most."""
    fates = Counter(map(fate_of, range(100_000)))
    expected = {
        Reason.REJECTED_BY_BROKER: 2003,
        Reason.TOO_LARGE: 1009,
        Reason.NON_FINITE_SCORE: 401,
        Reason.INFERENCE_FAILED: 307,
        Reason.UNDECODABLE: 211,
    }
    for reason, every in expected.items():
        assert fates[reason] == pytest.approx(100_000 / every, rel=0.02)
    assert fates[None] > 98_000


def test_all_scores_are_exact_in_single_precision() -> None:
    """Equality, not closeness, is what the checker asks for."""
    for number in range(20_000):
        score = score_of(number)
        assert float(np.float32(score)) == score


def test_neighbours_have_different_scores() -> None:
    """A score that went to the wrong event is seen."""
    scores = [score_of(number) for number in range(20_000)]
    assert all(one != other for one, other in itertools.pairwise(scores))


def test_the_output_refuses_what_is_to_be_refused_and_nobody_else_does() -> None:
    """By its size and its age; the dead-letter topic takes both."""
    settings = topic_settings()
    refused, large, plain = event(2002, NOW_MS), event(1008, NOW_MS), event(0, NOW_MS)
    oldest = NOW_MS - int(settings["out"]["message.timestamp.before.max.ms"])
    assert refused.timestamp_ms < oldest < plain.timestamp_ms
    assert oldest == NOW_MS - OLDEST_OUTPUT_MS
    largest = int(settings["out"]["max.message.bytes"])
    assert len(plain.value) < largest < len(large.value)
    assert len(large.value) < int(settings["dead-letters"]["max.message.bytes"])
    assert set(settings["dead-letters"]) == {"max.message.bytes"}


def test_an_event_is_known_by_its_header_also_where_its_value_is_malformed() -> None:
    """Whoever reads the input can't decode it either."""
    malformed = event(210, NOW_MS)
    assert malformed.headers == [(NUMBER_HEADER, b"210")]
    assert expectation(malformed.headers) == (Reason.UNDECODABLE, None)
    assert expectation([("other", b"1"), (NUMBER_HEADER, b"7")]) == (None, score_of(7))


def test_an_event_of_one_number_is_always_the_same() -> None:
    """Whoever writes it again after an outage writes the same."""
    assert event(7, NOW_MS) == event(7, NOW_MS)
    assert event(7, NOW_MS) == Event(b"key-7", event(7, 0).value, NOW_MS, [(NUMBER_HEADER, b"7")])


def test_a_non_finite_score_is_the_models_own(tmp_path: Path) -> None:
    """A feature is NaN; the event itself is well-formed."""
    config = lay_out(tmp_path, KAFKA, "source")
    schema = fastavro.parse_schema(json.loads((config.parent / "event.avsc").read_text()))
    row: Any = fastavro.schemaless_reader(io.BytesIO(event(400, NOW_MS).value), schema, None)
    assert math.isnan(row["b"])


@pytest.mark.parametrize("partition", ["source", "key"])
def test_a_worker_is_laid_out_with_the_kafka_of_its_round(partition: str, tmp_path: Path) -> None:
    """In a folder that need not exist; the settings are ones that ``run`` takes."""
    settings = load(lay_out(tmp_path / "a" / "b", KAFKA, partition), (), {}, need_kafka=True)
    assert settings.kafka is not None
    assert settings.kafka.group_id == "proof"
    assert settings.output.partition == partition
    assert settings.dead_letters.budget is None


def test_large_events_are_nearly_as_large_as_the_output_takes() -> None:
    """And no compression makes them small on their way."""
    look = Look(FATES, large_every=2)
    values = [event(number, NOW_MS, look).value for number in range(1, 100, 2)]
    assert all(LARGEST_BYTES < len(value) < OUTPUT_MESSAGE_BYTES for value in values)
    assert all(len(zlib.compress(value)) > len(value) / 2 for value in values)
    assert len(set(values)) == len(values)
    assert len(event(2, NOW_MS, look).value) < 100


def test_of_some_events_a_third_is_bad() -> None:
    """For every reason; what brokers refuse stays seldom."""
    [look] = [each.look for each in all_loads() if "third" in each.name]
    fates = Counter(fate_of(number, look) for number in range(100_000))
    assert 1 - fates[None] / 100_000 == pytest.approx(1 / 3, abs=0.01)
    assert set(fates) == {None, *FATES}
    assert fates[Reason.REJECTED_BY_BROKER] < 10


def test_several_writers_write_with_schemas_of_their_own(tmp_path: Path) -> None:
    """The workers have them in a folder, and each event names its own."""
    look = Look(SELDOM, writers=3)
    settings = load(lay_out(tmp_path, KAFKA, "source", look=look), (), {}, need_kafka=True)
    assert (settings.schemas.framing, settings.schemas.directory) == (
        "single_object",
        tmp_path / "schemas",
    )
    prefixes = {event(number, NOW_MS, look).value[:10] for number in range(3)}
    assert len(prefixes) == len(list((tmp_path / "schemas").iterdir())) == 3
