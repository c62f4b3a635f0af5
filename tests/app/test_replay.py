"""``dlq list`` and ``dlq replay`` on a real Kafka: scored again exactly once, and with an end."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import fastavro
import pytest
import yaml
from confluent_kafka import Producer
from confluent_kafka import TopicPartition as ClientPartition
from confluent_kafka.admin import AdminClient

from stream_scorer.app.dead_letter_list import list_dead_letters
from stream_scorer.app.replay import Replayed, replay
from stream_scorer.app.signals import hearing
from stream_scorer.avro.schema import parse
from stream_scorer.cli.main import main
from stream_scorer.config.loading import load
from stream_scorer.config.settings import RegistryConfig, SchemasConfig, Settings
from stream_scorer.dead_letters import DeadLetterFormat
from stream_scorer.kafka.reading import read_to_end
from stream_scorer.local.registry import EmbeddedRegistry
from stream_scorer.pipeline.pipeline import open_pipeline
from stream_scorer.pipeline.sources import only, read_schema
from stream_scorer.records import DeadLetter, Problem, Reason, Stage, TopicPartition
from stream_scorer.schemas import RegistrySchemas
from tests.conftest import Kafka, TopicFactory
from tests.topics import PATIENCE_SECONDS, wait_for

pytestmark = pytest.mark.kafka

GOLDEN = Path(__file__).parents[1] / "golden" / "xgboost_churn"
FORMAT = DeadLetterFormat(group="churn", version="0", model="churn", partitions=2)


@dataclass(frozen=True)
class Scene:
    """Topics with dead letters in them, and the settings of the scorer that made them."""

    bootstrap_servers: str
    source: str
    settings: Settings
    config: Path

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

    @property
    def group(self) -> str:
        """Return the group of the scorer."""
        assert self.settings.kafka is not None
        return self.settings.kafka.group_id

    def bury(
        self,
        values: Mapping[int, bytes | None],
        headers: Any = None,
        *,
        group: str | None = None,
        partition: int = 1,
    ) -> None:
        """Write dead letters of events at these offsets of a partition of the source topic."""
        letters = [
            DeadLetter(
                value,
                b"key",
                headers,
                1_700_000_000_000 + offset,
                TopicPartition(self.source, partition),
                offset,
                Problem(Reason.UNDECODABLE, Stage.DECODE, "as a test has it"),
            )
            for offset, value in values.items()
        ]
        records = replace(FORMAT, group=group or self.group).records(letters, 0)
        producer = Producer({"bootstrap.servers": self.bootstrap_servers})
        refused: list[Any] = []
        for row, value in enumerate(records.values):
            producer.produce(
                self.dead_letters,
                value,
                records.keys[row],
                records.partitions[row],
                timestamp=records.timestamps[row],
                headers=records.headers[row],
                on_delivery=lambda error, _: refused.append(error) if error else None,
            )
        assert producer.flush(10) == 0
        assert refused == []

    def read(self, topic: str) -> list[tuple[bytes | None, dict[str, bytes | None], int]]:
        """Return value, headers and partition of every committed record of a topic."""
        return [
            (batch.values[row], dict(batch.headers[row] or []), batch.source_of(row).partition)
            for batch in read_to_end({"bootstrap.servers": self.bootstrap_servers}, topic)
            for row in range(len(batch))
        ]


MakeScene = Callable[..., Scene]


@pytest.fixture
def make_scene(kafka: Kafka, topic: TopicFactory, tmp_path: Path) -> MakeScene:
    """Makes a scorer of the churn model whose dead-letter topic is still empty."""
    return partial(_make_scene, kafka, topic, tmp_path)


@pytest.fixture
def scene(make_scene: MakeScene) -> Scene:
    """Return one whose topics have two partitions each."""
    return make_scene()


def _make_scene(
    kafka: Kafka, topic: TopicFactory, tmp_path: Path, output: int = 2, dead: int = 2
) -> Scene:
    source = topic(2)
    config = {
        "kafka": {
            "bootstrap_servers": kafka.bootstrap_servers,
            "group_id": f"group-of-{source}",
            "input_topics": [source],
            "output_topic": topic(output),
            "dead_letter_topic": topic(dead),
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
    return Scene(kafka.bootstrap_servers, source, load(path, (), {}, need_kafka=True), path)


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
        (
            events[0],
            {
                "trace": b"t",
                "stream_scorer.replays": b"1",
                "stream_scorer.replayed_for": scene.group.encode(),
            },
            1,
        )
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


def test_the_list_has_a_line_for_each(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a header holds: others may write to the topic."""
    scene.bury({1: b"\xff"}, group="a\nb\x1b[31m")
    assert main(["dlq", "list", "-c", str(scene.config)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "group a\\nb\\x1b[31m  1 bytes" in line


def _scored_schema(settings: Settings) -> Any:
    reader = read_schema(GOLDEN / "event.avsc")
    return open_pipeline(settings, only(reader)).output_schema


def test_a_stop_leaves_the_others_to_the_next_call(scene: Scene, events: list[bytes]) -> None:
    """Whenever it comes; the caller is told."""
    scene.bury({7: events[0], 8: events[1]})
    with hearing(None) as signals:
        signal.raise_signal(signal.SIGTERM)
        assert replay(scene.settings, "output", 3, signals) == Replayed(0, 0, 0, (), stopped=True)
    assert replay(scene.settings, "output", 3) == Replayed(2, 0, 0, ())


def test_dead_letters_of_another_group_wait_for_whoever_names_it(
    scene: Scene, events: list[bytes]
) -> None:
    """The list shows whose they are; each group has its own memory of what was replayed."""
    scene.bury({1: events[0]})
    scene.bury({2: events[1], 3: b"\xff"}, group="another")
    shown = sorted(letter.group for letter in list_dead_letters(scene.settings))
    assert shown == ["another", "another", scene.group]
    mine = replay(scene.settings, "output", 3)
    assert (mine.scored, mine.dead_again) == (1, 0)
    assert mine.passed_over == ("2 dead letters are of the group another (--group); they stay.",)
    others = replay(scene.settings, "output", 3, group="another")
    assert (others.scored, others.dead_again) == (1, 1)
    assert [letter.group for letter in list_dead_letters(scene.settings)].count("another") == 3
    assert replay(scene.settings, "output", 3, group="another").dead_again == 1


def test_what_the_input_s_headers_say_of_replays_says_nothing(
    scene: Scene, events: list[bytes]
) -> None:
    """Only what the dead letter's writer added counts, in the list too."""
    headers = [
        ("stream_scorer.replays", b"x"),
        ("stream_scorer.value_bytes", b"y"),
        ("stream_scorer.group", b"z"),
        ("__streams.errors.partition", b"-"),
    ]
    scene.bury({1: events[0]}, headers=headers)
    scene.bury({2: events[1]}, headers=[("stream_scorer.replays", b"99")])
    listed = list(list_dead_letters(scene.settings))
    assert [(each.group, each.replays) for each in listed] == [(scene.group, 0)] * 2
    assert replay(scene.settings, "output", 3) == Replayed(2, 0, 0, ())


def test_a_dead_letter_topic_of_more_partitions_than_the_output_is_no_mistake(
    make_scene: MakeScene, events: list[bytes]
) -> None:
    """Events go to the partitions of their own."""
    scene = make_scene(output=2, dead=5)
    scene.bury({1: events[0]})
    assert replay(scene.settings, "output", 3) == Replayed(1, 0, 0, ())


def test_an_event_of_a_partition_that_the_output_lacks_is_a_dead_letter_again(
    make_scene: MakeScene, events: list[bytes]
) -> None:
    """The others are scored, and the replay ends."""
    scene = make_scene(output=1)
    scene.bury({1: events[0]}, partition=0)
    scene.bury({2: events[1]}, partition=1)
    assert replay(scene.settings, "output", 3) == Replayed(1, 1, 0, ())
    again = [each for each in list_dead_letters(scene.settings) if each.replays == 1]
    assert [(each.source, each.reason) for each in again] == [
        (f"{scene.source}[1]@2", "rejected_by_broker")
    ]


def test_what_comes_from_a_partition_that_is_gone_is_not_given_back(
    scene: Scene, events: list[bytes]
) -> None:
    """It is passed over; the replay ends."""
    scene.bury({1: events[0]})
    scene.bury({2: events[1]}, partition=7)
    replayed = replay(scene.settings, "input", 3)
    assert replayed == Replayed(
        0, 0, 1, (f"1 dead letters are of {scene.source} [7], which is gone; they stay.",)
    )


@pytest.mark.parametrize("expired", [5, 6])
def test_dead_letters_that_have_expired_are_no_loss(
    scene: Scene, events: list[bytes], expired: int
) -> None:
    """The replay goes on with what is left, also if that is nothing."""
    scene.bury(dict(enumerate(events[:3])))
    assert replay(scene.settings, "output", 3).scored == 3
    scene.bury(dict(enumerate(events[3:6], 3)))
    admin = AdminClient({"bootstrap.servers": scene.bootstrap_servers})
    for future in admin.delete_records([ClientPartition(scene.dead_letters, 1, expired)]).values():
        future.result()
    assert replay(scene.settings, "output", 3) == Replayed(6 - expired, 0, 0, ())


def test_sizes_that_a_worker_can_run_with_do_not_stop_a_replay(
    scene: Scene, events: list[bytes]
) -> None:
    """Nor the list: librdkafka compares them with a default that a worker does not have."""
    override = "kafka.common.receive.message.max.bytes=20000000"
    settings = load(scene.config, [override], {}, need_kafka=True)
    scene.bury({1: events[0]})
    assert [each.replays for each in list_dead_letters(settings)] == [0]
    assert replay(settings, "output", 3) == Replayed(1, 0, 0, ())


def test_a_dead_letter_topic_that_was_made_anew_is_replayed_from_its_start(
    kafka: Kafka, scene: Scene, events: list[bytes]
) -> None:
    """Also if it holds as many dead letters as were replayed before."""
    scene.bury(dict(enumerate(events[:2])))
    assert replay(scene.settings, "output", 3).scored == 2
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    admin.delete_topics([scene.dead_letters])[scene.dead_letters].result(PATIENCE_SECONDS)
    wait_for(
        lambda: scene.dead_letters not in admin.list_topics(timeout=PATIENCE_SECONDS).topics,
        "the topic is gone",
    )
    kafka.create_topic(scene.dead_letters, 2)
    scene.bury(dict(enumerate(events[2:4], 2)))
    assert replay(scene.settings, "output", 3) == Replayed(2, 0, 0, ())


def test_two_replays_at_once_share_the_dead_letters_and_end(
    make_scene: MakeScene, events: list[bytes]
) -> None:
    """One of them has no partition until the other leaves."""
    scene = make_scene(dead=1)
    scene.bury({number: events[number % len(events)] for number in range(500)}, partition=0)
    command = [sys.executable, "-m", "stream_scorer", "dlq", "replay", "-c", str(scene.config)]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603
        for _ in range(2)
    ]
    said = [each.communicate(timeout=90) for each in both]
    assert [each.returncode for each in both] == [0, 0], said
    assert sum(int(out.split()[0]) for out, _ in said) == 500
    assert len(scene.read(scene.output)) == 500
