"""What many tests share: one Kafka and one registry for the whole session, topics for each test."""

from __future__ import annotations

import os
import signal
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pytest

from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.local.proxy import Proxy
from stream_scorer.local.registry import EmbeddedRegistry
from stream_scorer.local.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Kafka(Protocol):
    """A cluster to test on: the embedded one, or the one of ``KAFKA_BOOTSTRAP_SERVERS``."""

    @property
    def bootstrap_servers(self) -> str:
        """Addresses of brokers, with commas between."""

    def create_topic(
        self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None
    ) -> None:
        """Creates a topic and returns once each partition has a leader."""


class TopicFactory(Protocol):
    """Creates a topic that no other test uses and returns its name."""

    def __call__(self, partitions: int = 1, config: Mapping[str, str] | None = None) -> str:
        """Creates the topic; returns once each partition has a leader."""


class GivenKafka:
    """The cluster that the environment names; topics get its default number of replicas."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.bootstrap_servers = bootstrap_servers

    def create_topic(
        self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None
    ) -> None:
        """Creates a topic and returns once each partition has a leader."""
        Topics(self.bootstrap_servers).create(name, partitions, replicas=-1, config=config)


@pytest.fixture(scope="session", autouse=True)
def _interrupts_are_heard() -> Iterator[None]:
    """A suite that a shell starts in the background ignores SIGINT, and so would all it starts."""
    before = signal.getsignal(signal.SIGINT)
    if before == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One broker with short timeouts, shared by the session; its log is in pytest's folder."""
    if given := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield GivenKafka(given)
        return
    with EmbeddedKafka(folder=tmp_path_factory.mktemp("kafka")) as embedded:
        yield embedded


@pytest.fixture(scope="session")
def three_brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """Three brokers that all live; leaders may move between them."""
    with EmbeddedKafka(3, folder=tmp_path_factory.mktemp("three")) as embedded:
        yield embedded


@dataclass(frozen=True)
class ProxiedKafka:
    """A broker that clients reach through a proxy only."""

    proxy: Proxy
    kafka: EmbeddedKafka


@pytest.fixture(scope="session")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxiedKafka]:
    """One broker behind a proxy; tests lift the rules that they make."""
    with (
        Proxy([1]) as proxy,
        EmbeddedKafka(folder=tmp_path_factory.mktemp("proxied"), client_ports=proxy.ports) as kafka,
    ):
        proxy.target(1, kafka.client_address())
        yield ProxiedKafka(proxy, kafka)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRegistry]:
    """One registry shared by the session; a test that stops or pauses it starts its own."""
    with EmbeddedRegistry(folder=tmp_path_factory.mktemp("registry")) as embedded:
        yield embedded


@pytest.fixture
def topic(kafka: Kafka, request: pytest.FixtureRequest) -> TopicFactory:
    """Creates topics that no other test uses, named after the test."""

    def create(partitions: int = 1, config: Mapping[str, str] | None = None) -> str:
        name = f"{request.node.originalname[:80]}-{uuid.uuid4().hex[:8]}"
        kafka.create_topic(name, partitions, config)
        return name

    return create
