"""`stream-scorer run` as its own process, and what comes of it on the topics."""

from __future__ import annotations

import contextlib
import io
import signal
import struct
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fastavro
import psutil
from confluent_kafka import Message
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from stream_scorer.config import load
from stream_scorer.pipeline.pipeline import open_pipeline
from stream_scorer.pipeline.sources import only, read_schema
from tests import topics
from tests.scorers import scorer

CreateTopic = Callable[[str, int, Mapping[str, str]], None]

#: A dead member is noticed after a second, and what it left open is aborted after two.
QUICK: Mapping[str, Any] = {
    "consumer": {"session.timeout.ms": "1500", "heartbeat.interval.ms": "200"},
    "producer": {"transaction.timeout.ms": "2000"},
}


class Process:
    """A running worker; its log is a file of JSON lines."""

    def __init__(self, config: Path, log: Path, overrides: Sequence[str]) -> None:
        self.log = log
        sets = [word for each in overrides for word in ("--set", each)]
        with log.open("wb") as out:
            self.process = subprocess.Popen(  # noqa: S603 - the command line is ours
                [sys.executable, "-m", "stream_scorer", "run", "-c", config.name, *sets],
                cwd=config.parent,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def said(self, text: str) -> bool:
        """Tell whether the log has this text; the worker still runs, or it does."""
        words = self.log.read_text()
        if text in words:
            return True
        assert self.process.poll() is None, f"the worker ended: {words}"
        return False

    def wait_for(self, text: str) -> None:
        """Return once the log has this text."""
        topics.wait_for(lambda: self.said(text), lambda: f"{text!r} in the log: {self.words()}")

    def cpu_seconds(self) -> float:
        """Return how much it has computed."""
        return float(psutil.Process(self.process.pid).cpu_times().user)

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def exit_code(self) -> int:
        """Wait for its end and return how it ended."""
        return self.process.wait(topics.PATIENCE_SECONDS)

    def exit_code_so_far(self) -> int | None:
        """Return how it ended, ``None`` while it runs."""
        return self.process.poll()

    def stop(self) -> int:
        """Ask it to stop, and return how it ended."""
        self.send(signal.SIGTERM)
        return self.exit_code()

    def words(self) -> str:
        """Return all that it said."""
        return self.log.read_text()


@dataclass
class Scoring:
    """An input, an output, a dead-letter topic, a config, and the workers started on them."""

    bootstrap_servers: str
    folder: Path
    create_topic: CreateTopic
    name: str = field(default_factory=lambda: f"e2e-{uuid.uuid4().hex[:8]}")
    config: Path = Path()
    workers: list[Process] = field(default_factory=list)

    @property
    def source(self) -> str:
        """The input topic."""
        return f"{self.name}.in"

    @property
    def output(self) -> str:
        """The output topic."""
        return f"{self.name}.out"

    @property
    def dead(self) -> str:
        """The dead-letter topic."""
        return f"{self.name}.dead"

    @property
    def group(self) -> str:
        """The consumer group."""
        return f"{self.name}-group"

    def set_up(self, settings: Mapping[str, Any] | None = None, **created: Any) -> None:
        """Create the topics and write the config of ``tests.scorers``, with these settings."""
        self.create_topics(**created)
        self.config = scorer(self.folder, self.with_kafka(settings or {}))

    def create_topics(
        self,
        partitions: int = 1,
        output: Mapping[str, str] | None = None,
        dead: Mapping[str, str] | None = None,
        source: Mapping[str, str] | None = None,
    ) -> None:
        """Create the three topics, with these settings of theirs."""
        self.create_topic(self.source, partitions, source or {})
        self.create_topic(self.output, partitions, output or {})
        self.create_topic(self.dead, partitions, {"max.message.bytes": "1200000", **(dead or {})})

    def change_topic(self, topic: str, setting: str, value: str) -> None:
        """Give a topic another setting, and return once its brokers say so."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers})
        entry = ConfigEntry(setting, value, incremental_operation=AlterConfigOpType.SET)
        changed = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
        for future in admin.incremental_alter_configs([changed]).values():
            future.result()
        asked = ConfigResource(ResourceType.TOPIC, topic)

        def is_changed() -> bool:
            return bool(admin.describe_configs([asked])[asked].result()[setting].value == value)

        topics.wait_for(is_changed, f"{topic} has {setting}={value}")

    def with_kafka(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings with the topics, and without a budget unless they have one."""
        kafka = {
            "bootstrap_servers": self.bootstrap_servers,
            "group_id": self.group,
            "input_topics": [self.source],
            "output_topic": self.output,
            "dead_letter_topic": self.dead,
            **QUICK,
            **settings.get("kafka", {}),
        }
        return {"dead_letters": {"budget": None}, **settings, "kafka": kafka}

    def start(self, *overrides: str) -> Process:
        """Start a worker; it may not have joined when this returns."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        worker = Process(self.config, log, overrides)
        self.workers.append(worker)
        return worker

    def write(self, events: Sequence[topics.Event], **more: Any) -> None:
        """Write events to the input."""
        topics.write(self.bootstrap_servers, self.source, events, **more)

    def scored(self) -> list[Message]:
        """Return the scored events that a reader of committed events gets."""
        return topics.read(self.bootstrap_servers, self.output)

    def dead_letters(self) -> list[Message]:
        """Return the dead letters that a reader of committed events gets."""
        return topics.read(self.bootstrap_servers, self.dead)

    def reasons(self) -> list[str]:
        """Return the dead letters' reasons."""
        return [headers_of(each)["stream_scorer.reason"].decode() for each in self.dead_letters()]

    def wait_until_done(self) -> None:
        """Return once the group is at the end of the input, and readers get all that came of it."""
        topics.wait_for(self._is_done, self._how_far)

    def _how_far(self) -> str:
        done = topics.committed(self.bootstrap_servers, self.group, self.source)
        there = topics.ends(self.bootstrap_servers, self.source)
        words = "\n".join(worker.words() for worker in self.workers)
        return f"the end of the input; committed {done} of {there}\n{words}"

    def _is_done(self) -> bool:
        for worker in self.workers:
            ended = worker.process.poll()
            assert ended in (None, 0, -signal.SIGKILL), worker.words()
        servers = self.bootstrap_servers
        return topics.lag(servers, self.group, self.source) == 0 and all(
            topics.is_settled(servers, topic) for topic in (self.output, self.dead)
        )

    def read(self, prefix_bytes: int = 0) -> list[dict[str, Any]]:
        """Return the scored events as records, without their framing."""
        with contextlib.chdir(self.folder):
            settings = load(self.config, [], {}, need_kafka=False)
            reader = read_schema(settings.schemas.reader or Path("event.avsc"))
            schema = fastavro.parse_schema(open_pipeline(settings, only(reader)).output_schema)
        records = []
        for message in self.scored():
            bare = io.BytesIO(message.value()[prefix_bytes:])
            record = fastavro.schemaless_reader(bare, schema, None)
            assert isinstance(record, dict)
            records.append(record)
        return records

    def end(self) -> None:
        """Kill the workers that still run."""
        for worker in self.workers:
            worker.process.kill()
            worker.process.wait()


def headers_of(message: Message) -> dict[str, bytes]:
    """Return a message's headers by name."""
    return {name: content or b"" for name, content in message.headers() or []}


def event_value(event_id: str, a: float = 1.0, b: float = 2.0) -> bytes:
    """Encode an event as ``tests.scorers.EVENT`` has it, by hand: Avro is not what is tested."""
    text = event_id.encode()
    length = len(text) << 1
    prefix = bytes([length]) if length < 128 else bytes([length & 0x7F | 0x80, length >> 7])
    return prefix + text + struct.pack("<dd", a, b)


def assert_each_event_has_one_trace(scoring: Scoring, events: int) -> None:
    """A scored event or a dead letter; per partition the scored ones are in the input's order."""
    scored: dict[int, list[int]] = {}
    for record in scoring.read():
        source = record["source"]
        scored.setdefault(source["partition"], []).append(source["offset"])
    assert all(offsets == sorted(offsets) for offsets in scored.values())
    traces = Counter((source, offset) for source, offsets in scored.items() for offset in offsets)
    for letter in scoring.dead_letters():
        headers = headers_of(letter)
        source = int(headers["__streams.errors.partition"])
        traces[source, int(headers["__streams.errors.offset"])] += 1
    assert set(traces.values()) == {1}
    assert len(traces) == events
