"""A worker in this process, between real clients, and an input of which nothing is ordinary."""

from __future__ import annotations

import io
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import chdir, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import fastavro

from stream_scorer.app.clients import make_output, read_properties
from stream_scorer.app.loop import pace_of
from stream_scorer.app.replay_progress import Progress
from stream_scorer.app.written_topics import OutputTopics, WrittenTopics
from stream_scorer.config import load
from stream_scorer.kafka.cluster import TopicFacts
from stream_scorer.kafka.consumer import EventConsumer
from stream_scorer.kafka.offset_reset import OffsetReset
from stream_scorer.kafka.reading import bounds_of, read_to_end
from stream_scorer.observe.logs import Log
from stream_scorer.pipeline.pipeline import make_scorer, open_pipeline
from stream_scorer.pipeline.sources import only, read_schema
from stream_scorer.records import Batch
from stream_scorer.scoring.told_letters import ToldLetter
from stream_scorer.worker import Worker
from tests.end_to_end.workers import event_value
from tests.kafka.raw_producer import RawHeaders, RawProducer
from tests.scorers import kafka_section, scorer

NOW = time.time_ns() // 1_000_000
DAY = 86_400_000
PATIENCE_SECONDS = 150.0

NAMES = [
    *(b"gr\xf6sse", b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\x80", b"", b"a\x00b", b"trace"),
    *("größe".encode(), "\U0001f980".encode(), b"n" * 3000, b"__value_schema_id"),
    *(b"stream_scorer.replays", b"stream_scorer.replayed_for", b"stream_scorer.value_bytes"),
    *(b"stream_scorer.group", b"stream_scorer.reason", b"stream_scorer.timestamp"),
    *(b"__streams.errors.topic", b"__streams.errors.offset", b"__streams.errors.exception"),
]
TIMES = [-1, 1, -5, NOW, NOW - DAY, NOW + DAY, NOW - 400 * DAY, 2**40, -(2**40), 2**62, -(2**62)]
SIZES = [0, 1, 2, 7, 100, 5_000, 30_000]


@dataclass(frozen=True)
class Odd:
    """An event as no good producer writes it."""

    value: bytes | None
    key: bytes | None
    headers: RawHeaders
    timestamp: int


def odd_events(seed: int, count: int) -> Iterator[Odd]:
    """Return so many, the same ones for a seed; some of them are good."""
    chance = random.Random(seed)  # noqa: S311 - it draws examples

    def some_bytes() -> bytes | None:
        if chance.random() < 0.2:
            return None
        return chance.randbytes(chance.choice(SIZES))

    for number in range(count):
        value = event_value(f"e{number}")
        if chance.random() < 0.3:
            at = chance.randrange(len(value))
            value = value[:at] + chance.randbytes(1) + value[at + 1 :]
        headers = [
            (chance.choice(NAMES), some_bytes() if chance.random() < 0.5 else b"1")
            for _ in range(chance.choice([0, 0, 0, 1, 2, 9]))
        ]
        yield Odd(
            value if chance.random() < 0.7 else some_bytes(),
            some_bytes(),
            headers,
            chance.choice(TIMES),
        )


@dataclass
class Edge:
    """Three topics on some brokers, and what a worker makes of the one for the others.

    ``facts`` is what the worker knows of the two topics that it writes to, beside their partitions.
    """

    bootstrap_servers: str
    folder: Path
    source: str
    output: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    _scored_schema: Any = None

    @property
    def dead(self) -> str:
        """The dead-letter topic."""
        return f"{self.output}.dead-letters"

    def write(self, events: Iterator[Odd], partitions: int) -> None:
        """Write the events to the input, to one partition after the other."""
        with closing(RawProducer(self.bootstrap_servers)) as producer:
            for number, odd in enumerate(events):
                producer.write(
                    self.source,
                    odd.value,
                    odd.key,
                    odd.headers,
                    partition=number % partitions,
                    timestamp=odd.timestamp,
                )
            producer.flush()

    def run(self, partitions: int) -> None:
        """Let a worker go to the end of the input; whatever stops it is raised."""
        kafka_settings = kafka_section(self.bootstrap_servers, self.source, self.output)
        merged = {**self.settings, "dead_letters": {"budget": None}, "kafka": kafka_settings}
        with chdir(self.folder):
            settings = load(scorer(self.folder, merged), [], {}, need_kafka=True)
            reader = read_schema(self.folder / "event.avsc")
            schemas = replace(only(reader), framing=settings.schemas.framing)
            pipeline = open_pipeline(settings, schemas)
        kafka = settings.kafka
        assert kafka is not None
        output = TopicFacts(self.output, partitions, 1, None, None, None, None)
        output = replace(output, **self.facts)
        topics = WrittenTopics(
            OutputTopics(output, replace(output, name=self.dead)), lambda _: None
        )
        # Brokers in memory have no controller, which would be asked for the topics' ids.
        reset = OffsetReset(kafka.offset_reset, kafka.on_data_loss, print)
        consumer = EventConsumer(read_properties(settings, kafka), kafka.input_topics, reset)
        common = {"bootstrap.servers": self.bootstrap_servers}
        # Brokers in memory keep 5 MB of a partition.
        events = sum(end - start for start, end in bounds_of(common, self.source).values())
        progress = Progress(Log("edge"))
        deadline = time.monotonic() + PATIENCE_SECONDS

        def stopping() -> bool:
            assert time.monotonic() < deadline, f"{progress.scored} + {progress.dead_letters}"
            return progress.scored + progress.dead_letters >= events

        worker = Worker(
            consumer,
            make_scorer(pipeline, topics.scored_limits),
            make_output(settings, kafka, topics, consumer, warn=print),
            pace_of(settings),
            progress,
            stopping=stopping,
        )
        self._scored_schema = fastavro.parse_schema(pipeline.output_schema)
        worker.run()

    def _read(self, topic: str) -> Iterator[tuple[Batch, int]]:
        """Return each record of a topic, as a batch and a row of it."""
        for batch in read_to_end({"bootstrap.servers": self.bootstrap_servers}, topic):
            for row in range(len(batch)):
                yield batch, row

    def assert_each_event_has_one_trace(self) -> Counter[str]:
        """A scored event, or a dead letter with all that could be had; return what there is."""
        traces: Counter[tuple[int, int]] = Counter()
        kinds: Counter[str] = Counter()
        for batch, row in self._read(self.output):
            event: Any = fastavro.schemaless_reader(
                io.BytesIO(batch.values[row] or b""), self._scored_schema, None
            )
            traces[event["source"]["partition"], event["source"]["offset"]] += 1
            kinds["scored"] += 1
        letters = {}
        for batch, row in self._read(self.dead):
            letter = ToldLetter.of(batch.headers[row])
            assert letter is not None
            assert letter.source.topic == self.source
            traces[letter.source.partition, letter.offset] += 1
            letters[letter.source.partition, letter.offset] = (letter, batch, row)
            kinds[letter.reason] += 1
            kinds.update(f"without {each}" for each in letter.missing)
        for batch, row in self._read(self.source):
            place = batch.source_of(row).partition, int(batch.offsets[row])
            assert traces.pop(place, 0) == 1, place
            if place in letters:
                _assert_whole(batch, row, *letters[place])
        assert not traces
        return kinds


def _assert_whole(event: Batch, row: int, told: ToldLetter, letter: Batch, at: int) -> None:
    """What a dead letter does not say is missing is as it was."""
    if "value" not in told.missing:
        assert letter.values[at] == event.values[row]
    if "key" not in told.missing and not told.key_was_null:
        assert letter.keys[at] == event.keys[row]
    assert ("headers" in told.missing) or told.headers == (event.headers[row] or [])
    assert event.problems.keys().isdisjoint({row}) or "headers" in told.missing
    stamp = int(letter.timestamps[at]) if told.timestamp is None else told.timestamp
    assert stamp == int(event.timestamps[row]) or int(event.timestamps[row]) == -1
