"""A worker's clients, from its settings."""

from __future__ import annotations

import uuid
from contextlib import closing
from pathlib import Path

import pytest

from stream_scorer.app.clients import make_consumer
from stream_scorer.config import load
from tests import topics
from tests.conftest import ProxiedKafka
from tests.kafka.clusters import gather, joined, values_of
from tests.scorers import kafka_section, scorer


@pytest.mark.kafka
def test_partitions_begin_though_the_network_is_slow(proxied: ProxiedKafka, tmp_path: Path) -> None:
    """Which topic a name stands for is asked by a client of its own, whose connections take long.

    What asks has no name of its own, unlike the consumer.
    """
    name = f"slow-{uuid.uuid4().hex[:8]}"
    proxied.kafka.create_topic(name)
    topics.write(proxied.kafka.bootstrap_servers, name, [topics.Event(b"a")])
    section = kafka_section(proxied.kafka.bootstrap_servers, name, f"{name}.out")
    section["consumer"] = {"client.id": "the-consumer"}
    settings = load(scorer(tmp_path, {"kafka": section}), (), {}, need_kafka=True)
    assert settings.kafka is not None
    warnings: list[str] = []
    with (
        proxied.proxy.delay("rdkafka", 0.4),
        closing(make_consumer(settings, settings.kafka, warnings.append)) as consumer,
    ):
        assert values_of(gather(joined(consumer), 1)) == [b"a"]
    assert warnings == []
