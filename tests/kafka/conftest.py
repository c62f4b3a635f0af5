"""The Kafkas that these tests run on."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from stream_scorer.kafka import producer
from stream_scorer.kafka.client_config import Property
from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.local.proxy import Proxy
from tests.conftest import Kafka, ProxiedKafka, TopicFactory
from tests.kafka.bench import Bench, bench_on
from tests.kafka.clusters import QUICK_GROUP, FakeCluster, RealCluster
from tests.kafka.under_test import Cluster

#: How soon a client of the classic protocol hears of partitions that were added.
NEW_PARTITIONS: dict[str, Property] = {"topic.metadata.refresh.interval.ms": 500}


@pytest.fixture
def group() -> str:
    """A group that no other test uses; its name does for a transactional id too."""
    return f"group-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def real(kafka: Kafka, topic: TopicFactory) -> Iterator[RealCluster]:
    """A real Kafka, with the group protocol that is the default."""
    cluster = RealCluster(kafka.bootstrap_servers, topic, QUICK_GROUP)
    yield cluster
    cluster.close()


@pytest.fixture(scope="session")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A broker that tests may kill and freeze; they leave it running."""
    with EmbeddedKafka(folder=tmp_path_factory.mktemp("mortal")) as kafka:
        yield kafka


@pytest.fixture(scope="session")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A broker that forgets and cleans up within seconds what Kafka keeps for days."""
    properties = {
        "transactional.id.expiration.ms": "3000",
        "transaction.remove.expired.transaction.cleanup.interval.ms": "200",
        "log.cleaner.backoff.ms": "100",
    }
    folder = tmp_path_factory.mktemp("hurried")
    with EmbeddedKafka(folder=folder, properties=properties) as kafka:
        yield kafka


@pytest.fixture(
    params=[
        "fake",
        pytest.param("classic", marks=pytest.mark.kafka),
        pytest.param("consumer", marks=pytest.mark.kafka),
    ]
)
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """The fake Kafka, and a real one with either group protocol (KIP-848 is ``consumer``)."""
    if request.param == "fake":
        yield FakeCluster()
        return
    kafka: Kafka = request.getfixturevalue("kafka")
    create: TopicFactory = request.getfixturevalue("topic")
    settings = {**QUICK_GROUP, **NEW_PARTITIONS}
    if request.param == "consumer":
        settings = {"group.protocol": "consumer", "log_level": 0, **NEW_PARTITIONS}
    made = RealCluster(kafka.bootstrap_servers, create, settings)
    yield made
    made.close()


@pytest.fixture
def proxy(proxied: ProxiedKafka) -> Proxy:
    """What stands before the broker of the bench."""
    return proxied.proxy


@pytest.fixture
def bench(proxied: ProxiedKafka, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A worker's clients behind the proxy; readers go past it.

    A request is given up after ``socket.timeout.ms``, 2 s, and sent again.
    """
    monkeypatch.setattr(producer, "ATTEMPT_SECONDS", 0.5)
    with bench_on(proxied.kafka, transaction_seconds=4.0) as made:
        yield made
