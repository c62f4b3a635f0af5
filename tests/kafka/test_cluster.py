"""What the brokers are asked besides the work."""

from __future__ import annotations

import gc
from contextlib import closing

import psutil
import pytest

from stream_scorer.errors import Unreachable
from stream_scorer.kafka.cluster import Cluster, brokers_answer
from stream_scorer.local.kafka import EmbeddedKafka
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
