"""What docker-compose.yml starts, run without containers: each service's own words and settings.

Kafka and the registry are the embedded ones with the settings of the compose file; everything else
is the image, built in a folder. Names of services become addresses, and nothing else is changed.
"""

from __future__ import annotations

import io
import json
import struct
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import fastavro
import pytest
from confluent_kafka import Message
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError

from stream_scorer.demo.stories import CARD_FRAUD
from stream_scorer.local.downloads import registry_folder
from stream_scorer.local.java import JavaProcess
from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.local.ports import ReservedPort
from tests import topics
from tests.deploy.compose import kafka_properties, lay_out, services
from tests.deploy.containers import CONFIG_FOLDER, Container, Image, ended
from tests.deploy.dockerfile import stages

pytestmark = [pytest.mark.kafka, pytest.mark.registry, pytest.mark.timeout(400)]

SERVICES = services()
SUBJECTS = "/apis/ccompat/v7/subjects"
GROUP = "card-fraud"
ENOUGH_EVENTS = 1_000
#: Three programs start at once, with the timeouts of production.
PATIENCE_SECONDS = 90.0
#: Where a broker of the compose file is and who it talks to: an embedded one has its own.
ADDRESSES = frozenset(
    {
        "process.roles", "node.id", "listeners", "advertised.listeners", "log.dirs",
        "listener.security.protocol.map", "inter.broker.listener.name",
        "controller.listener.names", "controller.quorum.voters",
    }
)  # fmt: skip


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A broker with the settings of the service ``kafka``, Kafka's own where that says nothing."""
    settings = {name: value for name, value in kafka_properties().items() if name not in ADDRESSES}
    folder = tmp_path_factory.mktemp("compose-kafka")
    with EmbeddedKafka(folder=folder, kafka_defaults=True, properties=settings) as kafka:
        yield kafka


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry with the environment of the service ``registry``; yields its host and port."""
    folder = tmp_path_factory.mktemp("compose-registry")
    ports = (ReservedPort(), ReservedPort())
    address = f"127.0.0.1:{ports[0].number}"
    arguments = [
        "-Xmx128m",
        "-Dquarkus.http.host=127.0.0.1",
        f"-Dquarkus.http.port={ports[0].number}",
        "-Dquarkus.management.host=127.0.0.1",
        f"-Dquarkus.management.port={ports[1].number}",
        *("-jar", str(registry_folder() / "quarkus-run.jar")),
    ]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SERVICES["registry"].environment.items():
            patch.setenv(name, value.replace("/tmp/", f"{folder}/"))  # noqa: S108 - the service's
        process = JavaProcess("the registry", arguments, folder / "log")
    try:
        process.wait_until(lambda: answers(f"http://{address}{SUBJECTS}"), PATIENCE_SECONDS)
        yield address
    finally:
        process.stop()
        for port in ports:
            port.release()


def answers(url: str) -> bool:
    """Whether somebody says 200 there."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own registry
            return bool(answer.status == 200)
    except OSError:
        return False


@dataclass
class Demo:
    """The services that run the image, and what came of them."""

    image: Image
    folder: Path
    hosts: dict[str, str]
    started: list[Container] = field(default_factory=list)

    @property
    def servers(self) -> str:
        """The broker's address."""
        return self.hosts["kafka:9092"]

    def mounted(self, name: str) -> Path:
        """The folder that stands for the service's /etc/stream-scorer."""
        folder = self.folder / name / "config"
        if not folder.exists():
            lay_out(SERVICES[name], PurePosixPath(CONFIG_FOLDER), folder, self.hosts)
        return folder

    def run(self, name: str, words: list[str] | None = None) -> tuple[int, str]:
        """Run a service to its end, or other words in its container; exit code and what it said."""
        mounted = self.mounted(name)
        log = mounted.parent / f"log-{len(list(mounted.parent.iterdir()))}"
        code = self.image.run(words or SERVICES[name].words, mounted, log)
        return code, log.read_text("utf-8")

    def start(self, name: str, more: dict[str, str] | None = None) -> Container:
        """Start a service."""
        mounted = self.mounted(name)
        environment = {**SERVICES[name].environment, **(more or {})}
        log = mounted.parent / "log"
        container = self.image.start(SERVICES[name].words, mounted, log, environment)
        self.started.append(container)
        return container

    def end(self) -> None:
        """End what still runs."""
        for each in self.started:
            each.kill()


@pytest.fixture(scope="module")
def demo(
    image: Image,
    broker: EmbeddedKafka,
    registry: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Demo]:
    """Topics and schemas are there."""
    hosts = {"kafka:9092": broker.bootstrap_servers, "http://registry:8080": f"http://{registry}"}
    made = Demo(image, tmp_path_factory.mktemp("compose"), hosts)
    code, said = made.run("set-up")
    assert code == 0, said
    yield made
    made.end()


@dataclass(frozen=True)
class Worker:
    """A scorer that runs, and where it is asked."""

    image: Image
    container: Container
    port: int

    def healthy(self) -> bool:
        """Whether the image's health check says so."""
        _, _, words = stages()[-1].one("HEALTHCHECK").value.partition("CMD ")
        python, *more = json.loads(words)
        program = self.image.folder / "opt/stream-scorer/bin" / python
        environment = {"STREAM_SCORER__SERVER__PORT": str(self.port)}
        return ended([program, *more], env=environment).returncode == 0


@dataclass(frozen=True)
class Done:
    """What is left when the generator was stopped and all of its events have left a trace."""

    events: int
    scored: list[Message]
    dead: list[Message]
    workers: list[Worker]
    healthy: list[bool]
    generator: Container


@pytest.fixture(scope="module")
def done(demo: Demo) -> Iterator[Done]:
    """Two scorers run, the generator ran until there were enough events."""
    with ExitStack() as stack:
        ports = [ReservedPort(), ReservedPort()]
        for port in ports:
            stack.callback(port.release)
        yield _done(demo, [port.number for port in ports])


def _done(demo: Demo, ports: list[int]) -> Done:
    workers = [
        Worker(
            demo.image,
            demo.start(name, {"STREAM_SCORER__SERVER__PORT": str(port)}),
            port,
        )
        for name, port in zip(("scorer-1", "scorer-2"), ports, strict=True)
    ]
    topics.wait_for(lambda: all(map(joined, workers)), lambda: words_of(workers), PATIENCE_SECONDS)
    generator = demo.start("generator")
    topic = CARD_FRAUD.topic
    topics.wait_for(
        lambda: sum(topics.ends(demo.servers, topic).values()) > ENOUGH_EVENTS,
        generator.said,
        PATIENCE_SECONDS,
    )
    assert generator.stop() == 0, generator.said()
    topics.wait_for(
        lambda: (
            topics.lag(demo.servers, GROUP, topic) == 0
            and topics.is_settled(demo.servers, CARD_FRAUD.output_topic)
            and topics.is_settled(demo.servers, CARD_FRAUD.dead_letter_topic)
        ),
        lambda: words_of(workers),
        PATIENCE_SECONDS,
    )
    return Done(
        sum(topics.ends(demo.servers, topic).values()),
        topics.read(demo.servers, CARD_FRAUD.output_topic),
        topics.read(demo.servers, CARD_FRAUD.dead_letter_topic),
        workers,
        [worker.healthy() for worker in workers],
        generator,
    )


def joined(worker: Worker) -> bool:
    """Whether it has partitions; it did not end."""
    assert worker.container.running(), worker.container.said()
    return "partitions assigned" in worker.container.said()


def words_of(workers: list[Worker]) -> str:
    """What they said."""
    return "\n".join(worker.container.said() for worker in workers)


# ------------------------------------------------------------------ Kafka and the registry


def test_the_health_checks_of_kafka_and_the_registry_tell_up_from_down(
    broker: EmbeddedKafka, registry: str
) -> None:
    """By the shell that their images have, without any other program."""
    ports = {"kafka": ("9092", broker.bootstrap_servers), "registry": ("8080", registry)}
    for name, (inside, address) in ports.items():
        words = SERVICES[name].tested_by or []
        here = [word.replace(f"/{inside}", f"/{address.partition(':')[2]}") for word in words]
        assert here != words
        assert ended(here).returncode == 0
        nobody = [word.replace(f"/{inside}", "/1") for word in words]
        assert ended(nobody).returncode != 0


def test_the_registry_demands_compatible_schemas(registry: str) -> None:
    """As Confluent's does by itself, and this one only by its settings."""
    with SchemaRegistryClient({"url": f"http://{registry}/apis/ccompat/v7"}) as client:
        client.register_schema("compatible-value", Schema('"int"', "AVRO"))
        with pytest.raises(SchemaRegistryError):
            client.register_schema("compatible-value", Schema('"string"', "AVRO"))


def test_the_registry_keeps_its_schemas_in_a_file(
    registry: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In its container, so that ids outlive a restart of the service."""
    assert answers(f"http://{registry}{SUBJECTS}")
    assert list(tmp_path_factory.getbasetemp().glob("compose-registry*/registry.mv.db"))


# ------------------------------------------------------------------ set-up


def test_set_up_can_be_repeated(demo: Demo) -> None:
    """As `docker compose up` does each time: what is there stays."""
    code, said = demo.run("set-up")
    assert code == 0, said
    names = (CARD_FRAUD.topic, CARD_FRAUD.output_topic, CARD_FRAUD.dead_letter_topic)
    assert all(f"Topic {name} already exists." in said for name in names)


def test_the_config_is_checked_without_and_with_the_brokers(demo: Demo) -> None:
    """`check` finds no error in what the scorers run."""
    config = SERVICES["scorer-1"].words[-1]
    for more in (["--offline"], []):
        code, said = demo.run("scorer-1", ["stream-scorer", "check", *more, "-c", config])
        assert code == 0, said


# ------------------------------------------------------------------ the demo


def test_every_event_of_the_generator_left_one_trace(done: Done) -> None:
    """Scored, or a dead letter: some events are broken."""
    assert len(done.scored) + len(done.dead) == done.events > ENOUGH_EVENTS
    assert len(done.dead) > 0


def test_scored_events_are_read_by_the_schema_that_the_registry_has(
    done: Done, registry: str
) -> None:
    """As any consumer downstream reads them."""
    value = done.scored[0].value()
    _, number = struct.unpack(">bI", value[:5])
    with SchemaRegistryClient({"url": f"http://{registry}/apis/ccompat/v7"}) as client:
        text = client.get_schema(number).schema_str
    record: Any = fastavro.schemaless_reader(
        io.BytesIO(value[5:]), fastavro.parse_schema(json.loads(text)), None
    )
    assert record["event_id"].startswith("card-fraud-")
    assert 0 <= record["score"] <= 1


def test_both_scorers_are_healthy_and_share_the_work(done: Done) -> None:
    """Each answers the image's own health check, and has scored."""
    assert done.healthy == [True, True]
    for worker in done.workers:
        with urllib.request.urlopen(f"http://127.0.0.1:{worker.port}/metrics", timeout=5) as page:
            metrics = page.read().decode()
        (line,) = (
            each
            for each in metrics.splitlines()
            if each.startswith("stream_scorer_events_scored_total")
        )
        assert float(line.split()[-1]) > 0


def test_the_generator_says_what_it_sent(done: Done) -> None:
    """All of it arrived."""
    assert f"{done.events:,} events sent to {CARD_FRAUD.topic}." in done.generator.said()


def test_scorers_stop_in_order_and_are_unhealthy_then(done: Done) -> None:
    """On the engine's SIGTERM, within the grace that they have."""
    assert [worker.container.stop() for worker in done.workers] == [0, 0]
    assert [worker.healthy() for worker in done.workers] == [False, False]
