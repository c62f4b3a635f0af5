"""What the brokers are asked besides the work."""

from __future__ import annotations

import psutil
import pytest

from stream_scorer.kafka.cluster import brokers_answer
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
