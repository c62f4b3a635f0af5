"""What the brokers are asked besides the work."""

from __future__ import annotations

import gc
import weakref

import psutil
import pytest

from stream_scorer.kafka.cluster import Cluster, brokers_answer
from stream_scorer.local.kafka import EmbeddedKafka
from tests.topics import wait_for

pytestmark = pytest.mark.kafka


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


def test_a_cluster_that_is_let_go_takes_its_client_along() -> None:
    """At once: a worker asks again and again, and looks for cycles seldom."""
    gc.disable()
    try:
        cluster = Cluster({"bootstrap.servers": "127.0.0.1:1"}, warn=lambda _: None)
        gone = weakref.ref(cluster)
        del cluster
        assert gone() is None
    finally:
        gc.enable()
