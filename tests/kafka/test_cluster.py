"""What the brokers are asked besides the work."""

from __future__ import annotations

import gc
from contextlib import closing

import psutil
import pytest

from stream_scorer.errors import Unreachable
from stream_scorer.kafka import cluster as module
from stream_scorer.kafka.cluster import Cluster, brokers_answer
from stream_scorer.local.frames import ApiKey
from stream_scorer.local.kafka import EmbeddedKafka
from tests.conftest import ProxiedKafka
from tests.topics import wait_for

pytestmark = pytest.mark.kafka

NOBODY = {"bootstrap.servers": "127.0.0.1:1"}


def test_a_frozen_broker_does_not_answer(mortal: EmbeddedKafka) -> None:
    """Its kernel still takes the connection, which alone is no answer; and it may come back."""
    servers = {"bootstrap.servers": mortal.bootstrap_servers}
    wait_for(lambda: brokers_answer(servers, 5.0), "the broker answers")
    broker = mortal._brokers[1]._java
    assert broker is not None
    broker.pause()
    try:
        process = psutil.Process(broker.pid)
        wait_for(lambda: process.status() == psutil.STATUS_STOPPED, "it is frozen")
        assert not brokers_answer(servers, 1.0)
    finally:
        broker.resume()
    wait_for(lambda: brokers_answer(servers, 5.0), "the broker answers again")


def test_a_cluster_that_is_closed_leaves_no_client_behind() -> None:
    """Not after a question that failed, either: a worker looks for cycles seldom."""
    gc.disable()
    try:
        process = psutil.Process()
        before = process.num_threads()
        with closing(Cluster(NOBODY, warn=lambda _: None, request_seconds=0.1)) as cluster:
            with pytest.raises(Unreachable):
                cluster.topic("events")
            assert process.num_threads() > before
        wait_for(lambda: process.num_threads() == before, "its threads end")
    finally:
        gc.enable()


def test_a_question_that_a_client_waits_with_is_asked_by_another(
    proxied: ProxiedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client may wait for an answer, or a controller, that is gone, as long as it is let."""
    monkeypatch.setattr(module, "QUESTION_SECONDS", 1.0)
    proxied.kafka.create_topic("asked-twice", 3)
    name = "asks-twice"
    properties = {"bootstrap.servers": proxied.kafka.bootstrap_servers, "client.id": name}
    with closing(Cluster(properties, warn=pytest.fail, request_seconds=20.0)) as cluster:
        assert "asked-twice" in cluster.topic_names()
        with proxied.proxy.drop_answer(name, ApiKey.METADATA):
            facts = cluster.topic("asked-twice")
    assert facts is not None
    assert facts.partitions == 3
    assert facts.max_message_bytes is not None


def test_settings_that_nobody_tells_are_no_missing_right(proxied: ProxiedKafka) -> None:
    """Without an answer nothing is known; to take it for a refusal would forget every limit."""
    proxied.kafka.create_topic("untold", 1)
    name = "asks-for-settings"
    properties = {"bootstrap.servers": proxied.kafka.bootstrap_servers, "client.id": name}
    with (
        closing(Cluster(properties, warn=pytest.fail, request_seconds=1.0)) as cluster,
        proxied.proxy.drop_answer(name, ApiKey.DESCRIBE_CONFIGS, times=9),
        pytest.raises(Unreachable, match="Topic untold: "),
    ):
        cluster.topic("untold")
