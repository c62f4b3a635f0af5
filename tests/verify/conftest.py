"""Groups of workers that a test takes through an interleaving."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from stream_scorer import worker
from stream_scorer.kafka import producer
from stream_scorer.kafka.client_config import Property
from tests.conftest import Kafka, ProxiedKafka
from tests.kafka.clusters import QUICK_GROUP
from tests.verify.injured import Told
from tests.verify.members import Place
from tests.verify.rig import PARTITIONS, Rig

PROTOCOLS: Mapping[str, Mapping[str, Property]] = {
    "classic": QUICK_GROUP,
    "consumer": {"group.protocol": "consumer", "log_level": 0},
}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers wait no longer than a test needs."""
    for name in ("IDLE_POLL_SECONDS", "FIRST_BACKOFF_SECONDS", "AWAY_BACKOFF_SECONDS"):
        monkeypatch.setattr(worker, name, 0.02)
    monkeypatch.setattr(producer, "INIT_TIMEOUT_SECONDS", 2.0)


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    """A worker's history."""
    told = Told(tmp_path / "history")
    yield told
    told.file.close()


@pytest.fixture
def rig(request: pytest.FixtureRequest, kafka: Kafka, tmp_path: Path) -> Iterator[Rig]:
    """A group on the Kafka of the session."""
    protocol = PROTOCOLS[getattr(request, "param", "classic")]
    rig = Rig(_place(kafka, protocol, transaction_seconds=15.0), tmp_path)
    yield rig
    rig.close()


@pytest.fixture
def proxied_rig(proxied: ProxiedKafka, tmp_path: Path) -> Iterator[Rig]:
    """A group on the Kafka behind the proxy."""
    # Short, since it takes half of it until a request is given up.
    rig = Rig(_place(proxied.kafka, QUICK_GROUP, transaction_seconds=5.0), tmp_path)
    yield rig
    rig.close()


def _place(kafka: Kafka, protocol: Mapping[str, Property], transaction_seconds: float) -> Place:
    name = f"sabotage-{uuid.uuid4().hex[:8]}"
    place = Place(
        kafka.bootstrap_servers,
        name,
        f"{name}.scored",
        f"{name}.dead",
        PARTITIONS,
        group=name,
        consumer=protocol,
        transaction_seconds=transaction_seconds,
    )
    for made in (place.input, place.output, place.dead_letters):
        kafka.create_topic(made, PARTITIONS)
    return place
