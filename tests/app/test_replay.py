"""``dlq list`` and ``dlq replay`` on a real Kafka: scored again exactly once, and with an end."""

from __future__ import annotations

import io
import signal
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastavro
import pytest
import yaml
from confluent_kafka import Producer

from stream_scorer.app.contract import make_contract, open_model
from stream_scorer.app.dead_letter_list import list_dead_letters
from stream_scorer.app.replay import Replayed, replay
from stream_scorer.app.schema_sources import read_schema
from stream_scorer.app.signals import hearing
from stream_scorer.avro.schema import parse
from stream_scorer.config.loading import load
from stream_scorer.config.settings import RegistryConfig, SchemasConfig, Settings
from stream_scorer.dead_letters import DeadLetterFormat
from stream_scorer.kafka.reading import read_to_end
from stream_scorer.local.registry import EmbeddedRegistry
from stream_scorer.records import DeadLetter, Problem, Reason, Stage, TopicPartition
from stream_scorer.schemas import RegistrySchemas
from tests.conftest import Kafka, TopicFactory

pytestmark = pytest.mark.kafka

GOLDEN = Path(__file__).parents[1] / "golden" / "xgboost_churn"
FORMAT = DeadLetterFormat(group="churn", version="0", model="churn", partitions=2)


@dataclass(frozen=True)
class Scene:
    """Topics with dead letters in them, and the settings of the scorer that made them."""

    bootstrap_servers: str
    source: str
    settings: Settings

    @property
    def output(self) -> str:
        """Return the topic of scored events."""
        assert self.settings.kafka is not None
        return self.settings.kafka.output_topic

    @property
    def dead_letters(self) -> str:
        """Return the topic of dead letters."""
        assert self.settings.kafka is not None
        return str(self.settings.kafka.dead_letter_topic)

    def bury(self, values: Mapping[int, bytes | None], headers: Any = None) -> None:
        """Write dead letters of events at these offsets of the source topic's partition 1."""
        letters = [
            DeadLetter(
                value,
                b"key",
                headers,
                1_700_000_000_000 + offset,
                TopicPartition(self.source, 1),
                offset,
                Problem(Reason.UNDECODABLE, Stage.DECODE, "as a test has it"),
            )
            for offset, value in values.items()
        ]
        records = FORMAT.records(letters, 0)
        producer = Producer({"bootstrap.servers": self.bootstrap_servers})
        for row, value in enumerate(records.values):
            producer.produce(
                self.dead_letters,
                value,
                records.keys[row],
                records.partitions[row],
                timestamp=records.timestamps[row],
                headers=records.headers[row],
            )
        assert producer.flush(10) == 0

    def read(self, topic: str) -> list[tuple[bytes | None, dict[str, bytes | None], int]]:
        """Return value, headers and partition of every committed record of a topic."""
        return [
            (batch.values[row], dict(batch.headers[row] or []), batch.source_of(row).partition)
            for batch in read_to_end({"bootstrap.servers": self.bootstrap_servers}, topic)
            for row in range(len(batch))
        ]


@pytest.fixture
def scene(kafka: Kafka, topic: TopicFactory, tmp_path: Path) -> Scene:
    """A scorer of the churn model whose dead-letter topic is still empty."""
    source = topic(2)
    config = {
        "kafka": {
            "bootstrap_servers": kafka.bootstrap_servers,
            "group_id": f"group-of-{source}",
            "input_topics": [source],
            "output_topic": topic(2),
            "dead_letter_topic": topic(2),
        },
        "schemas": {"framing": "none", "reader": str(GOLDEN / "event.avsc")},
        "model": {
            "path": str(GOLDEN / "model.onnx"),
            "inputs": {"features": [f"f{number:02d}" for number in range(20)]},
        },
        "output": {"pass_through": ["event_id"]},
        "server": {"port": None},
    }
    path = tmp_path / "scorer.yaml"
    path.write_text(yaml.safe_dump(config))
    return Scene(kafka.bootstrap_servers, source, load(path, (), {}, need_kafka=True))


@pytest.fixture(scope="module")
def events() -> list[bytes]:
    """Return the golden events, each encoded by fastavro."""
    encoded = []
    with (GOLDEN / "events.avro").open("rb") as file:
        reader = fastavro.reader(file)
        for event in reader:
            stream = io.BytesIO()
            fastavro.schemaless_writer(stream, fastavro.parse_schema(reader.writer_schema), event)
            encoded.append(stream.getvalue())
    return encoded


def test_a_letter_that_is_good_now_is_scored_with_its_original_coordinates(
    scene: Scene, events: list[bytes]
) -> None:
    """The output names the source topic, not the dead-letter topic."""
    scene.bury({7: events[0], 8: events[1]}, headers=[("trace", b"t")])
    assert replay(scene.settings, "output", 3) == Replayed(2, 0, 0, ())
    written = scene.read(scene.output)
    schema = fastavro.parse_schema(_scored_schema(scene.settings))
    sources: list[Any] = []
    for value, _, _ in written:
        event: Any = fastavro.schemaless_reader(io.BytesIO(value or b""), schema, None)
        sources.append(event["source"])
    assert sources == [
        {"topic": scene.source, "partition": 1, "offset": 7},
        {"topic": scene.source, "partition": 1, "offset": 8},
    ]
    assert [(headers, partition) for _, headers, partition in written] == [({"trace": b"t"}, 1)] * 2


@pytest.mark.registry
def test_without_a_reader_file_the_schema_is_that_of_the_input_topic(
    scene: Scene, events: list[bytes], registry: EmbeddedRegistry
) -> None:
    """The registry knows the input's subject; nobody registers schemas for dead letters."""
    text = (GOLDEN / "event.avsc").read_text()
    with closing(RegistrySchemas(registry.url)) as schemas:
        number = schemas.register(f"{scene.source}-value", parse(text))
    registered = RegistryConfig.model_validate({"url": registry.url, "register": True})
    settings = scene.settings.model_copy(update={"schemas": SchemasConfig(registry=registered)})
    scene.bury({3: b"\x00" + number.to_bytes(4, "big") + events[0]})
    assert replay(settings, "output", 3) == Replayed(1, 0, 0, ())


def test_what_was_replayed_is_not_replayed_again(scene: Scene, events: list[bytes]) -> None:
    """A second call finds nothing to do."""
    scene.bury({0: events[0]})
    replay(scene.settings, "output", 3)
    assert replay(scene.settings, "output", 3) == Replayed(0, 0, 0, ())
    assert len(scene.read(scene.output)) == 1


def test_a_letter_that_fails_again_is_a_letter_again_with_its_tries_counted(scene: Scene) -> None:
    """Its header says how often it was replayed; headers of the first death are gone."""
    scene.bury({0: b"\xff"})
    assert replay(scene.settings, "output", 3) == Replayed(0, 1, 0, ())
    letters = scene.read(scene.dead_letters)
    assert [headers.get("stream_scorer.replays") for _, headers, _ in letters] == [None, b"1"]
    assert letters[1][1]["__streams.errors.topic"] == scene.source.encode()


def test_a_letter_is_passed_over_once_it_was_replayed_often_enough(scene: Scene) -> None:
    """Replaying ends, though the letter fails every time."""
    scene.bury({0: b"\xff"})
    replay(scene.settings, "output", 2)
    replay(scene.settings, "output", 2)
    third = replay(scene.settings, "output", 2)
    assert (third.scored, third.dead_again) == (0, 0)
    assert third.passed_over == (
        "1 dead letters were replayed 2 times already (--max-replays); they stay.",
    )
    assert len(scene.read(scene.dead_letters)) == 3


def test_to_input_gives_events_back_to_the_partition_that_they_came_from(
    scene: Scene, events: list[bytes]
) -> None:
    """Value and own headers are as they were; the tries are counted."""
    scene.bury({0: events[0]}, headers=[("trace", b"t")])
    assert replay(scene.settings, "input", 3) == Replayed(0, 0, 1, ())
    assert scene.read(scene.source) == [
        (events[0], {"trace": b"t", "stream_scorer.replays": b"1"}, 1)
    ]


def test_a_record_that_is_no_dead_letter_is_passed_over(scene: Scene) -> None:
    """Somebody else wrote it; it stays."""
    producer = Producer({"bootstrap.servers": scene.bootstrap_servers})
    producer.produce(scene.dead_letters, b"x")
    assert producer.flush(10) == 0
    replayed = replay(scene.settings, "output", 3)
    assert replayed.passed_over == (
        "1 dead letters have no headers that say where they came from; they stay.",
    )


def test_the_list_tells_where_a_letter_came_from_and_why(scene: Scene) -> None:
    """One entry a letter; a reason picks."""
    scene.bury({41: b"\xff\xff"})
    [letter] = list_dead_letters(scene.settings)
    assert letter.source == f"{scene.source}[1]@41"
    assert (letter.reason, letter.stage, letter.message, letter.value_bytes, letter.replays) == (
        "undecodable", "decode", "as a test has it", 2, 0,
    )  # fmt: skip
    assert list(list_dead_letters(scene.settings, reason="tombstone")) == []


def _scored_schema(settings: Settings) -> Any:
    reader = read_schema(GOLDEN / "event.avsc")
    return make_contract(settings, open_model(settings.model), reader).scored.json


def test_a_stop_leaves_the_others_to_the_next_call(scene: Scene, events: list[bytes]) -> None:
    """Whenever it comes; the caller is told."""
    scene.bury({7: events[0], 8: events[1]})
    with hearing(None) as signals:
        signal.raise_signal(signal.SIGTERM)
        assert replay(scene.settings, "output", 3, signals) == Replayed(0, 0, 0, (), stopped=True)
    assert replay(scene.settings, "output", 3) == Replayed(2, 0, 0, ())
