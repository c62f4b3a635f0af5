"""The demo's producer: as fast as the client takes events, and never gone in silence."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn

import pytest

from stream_scorer.demo.stories import CARD_FRAUD, Story
from stream_scorer.demo.traffic import Traffic
from stream_scorer.errors import Broken
from tests.conftest import Kafka, TopicFactory
from tests.topics import wait_for

NOBODY = "127.0.0.1:1"
#: So many events librdkafka holds by default; one more is a BufferError.
ROOM = 100_000
AT_ONCE = 1e9


def broken(*_: object) -> NoReturn:
    """Simulates nothing."""
    raise ValueError("no events today")


def ends(traffic: Traffic) -> Callable[[], bool]:
    """Whether the traffic says that it has failed."""

    def look() -> bool:
        try:
            traffic.check()
        except Broken:
            return True
        return False

    return look


def test_a_full_client_is_waited_for() -> None:
    """It neither ends the thread nor keeps it from ending."""
    traffic = Traffic(NOBODY, CARD_FRAUD, ROOM + 5_000, AT_ONCE)
    traffic.start()
    wait_for(lambda: traffic.waiting() >= ROOM, "the client is full", 60)
    traffic.check()
    started = time.monotonic()
    traffic.halt()
    assert time.monotonic() - started < 10
    assert not traffic.done
    traffic.check()


def test_a_producer_that_fails_says_so() -> None:
    """To whoever waits for its events."""
    story: Story = replace(CARD_FRAUD, simulate=broken)
    traffic = Traffic(NOBODY, story, 10, AT_ONCE)
    traffic.start()
    wait_for(ends(traffic), "the failure is told", 30)
    with pytest.raises(Broken, match=r"The demo's producer failed: no events today\."):
        traffic.check()
    assert not traffic.done
    traffic.halt()


@pytest.mark.kafka
def test_all_events_are_sent_at_whatever_rate(kafka: Kafka, topic: TopicFactory) -> None:
    """More than the client holds, and each with its place."""
    story: Story = replace(CARD_FRAUD, topic=topic(4))
    traffic = Traffic(kafka.bootstrap_servers, story, ROOM + 20_000, AT_ONCE)
    traffic.start()
    wait_for(lambda: traffic.done, "all events are sent", 60)
    traffic.check()
    traffic.halt()
    assert len(traffic.sent) == ROOM + 20_000
