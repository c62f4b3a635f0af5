"""Metrics that are read when a scraper asks: the lag, and what the clients say of themselves."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from stream_scorer.observe.collectors import ClientMetrics, LagMetrics
from stream_scorer.observe.lags import Lags
from tests.observe.making import CARDS, OTHER, batch, place, statistics


@pytest.fixture
def registry() -> CollectorRegistry:
    """A registry of its own for each test."""
    return CollectorRegistry()


def series(registry: CollectorRegistry, prefix: str) -> dict[str, float]:
    """All series that begin so, as the page of metrics has them."""
    lines = [
        line.rpartition(" ")
        for line in generate_latest(registry).decode().splitlines()
        if line.startswith(prefix)
    ]
    return {name: float(value) for name, _, value in lines}


@pytest.fixture
def lags(registry: CollectorRegistry) -> Lags:
    """The lags that are exported, of a worker that holds two partitions."""
    made = Lags()
    LagMetrics(registry, lambda: made.all(1000.0))
    made.assigned([CARDS, OTHER])
    return made


def test_a_lag_that_is_not_known_has_no_series(registry: CollectorRegistry, lags: Lags) -> None:
    """An alert tells it from zero by its absence."""
    assert series(registry, "stream_scorer_lag") == {}
    lags.known({CARDS: place(committed=3, end=5)}, 0.0)
    assert series(registry, "stream_scorer_lag") == {
        'stream_scorer_lag_events{partition="0",topic="cards"}': 2
    }


def test_both_lags_stand_by_partition(registry: CollectorRegistry, lags: Lags) -> None:
    """As the worker knows them at the moment of the scrape."""
    lags.read(batch([4], timestamps=[990_000]))
    lags.known({CARDS: place(end=6), OTHER: place(committed=5, end=5)}, 0.0)
    assert series(registry, "stream_scorer_lag_events") == {
        'stream_scorer_lag_events{partition="0",topic="cards"}': 2,
        'stream_scorer_lag_events{partition="1",topic="cards"}': 0,
    }
    assert series(registry, "stream_scorer_lag_seconds") == {
        'stream_scorer_lag_seconds{partition="0",topic="cards"}': 10,
        'stream_scorer_lag_seconds{partition="1",topic="cards"}': 0,
    }


def test_what_an_open_transaction_holds_back_stands_by_partition(
    registry: CollectorRegistry, lags: Lags
) -> None:
    """Its offsets, and for how long."""
    for now in (0.0, 30.0):
        lags.known({CARDS: place(committed=5, end=5, high=8), OTHER: place(end=5)}, now)
    assert series(registry, "stream_scorer_unstable") == {
        'stream_scorer_unstable_offsets{partition="0",topic="cards"}': 3,
        'stream_scorer_unstable_offsets{partition="1",topic="cards"}': 0,
        'stream_scorer_unstable_seconds{partition="0",topic="cards"}': 30,
        'stream_scorer_unstable_seconds{partition="1",topic="cards"}': 0,
    }


def test_a_partition_that_goes_takes_its_series_with_it(
    registry: CollectorRegistry, lags: Lags
) -> None:
    """Two workers that export one partition would count it twice."""
    lags.known({CARDS: place(committed=0, end=7), OTHER: place(committed=0, end=8)}, 0.0)
    lags.gone([CARDS])
    assert series(registry, "stream_scorer_lag_events") == {
        'stream_scorer_lag_events{partition="1",topic="cards"}': 8
    }


def test_what_the_clients_say_stands_by_client(registry: CollectorRegistry) -> None:
    """The last that each of them said."""
    clients = ClientMetrics(registry)
    clients.heard(statistics(brokers_up=9, messages=1))
    clients.heard(statistics(brokers_up=3, messages=11))
    clients.heard(statistics("producer", brokers_up=2, messages=12))
    assert series(registry, "kafka_") == {
        'kafka_queue_messages{client="consumer"}': 2,
        'kafka_queue_messages{client="producer"}': 2,
        'kafka_queue_messages_bytes{client="consumer"}': 3,
        'kafka_queue_messages_bytes{client="producer"}': 3,
        'kafka_brokers_up{client="consumer"}': 3,
        'kafka_brokers_up{client="producer"}': 2,
        'kafka_requests_total{client="consumer"}': 4,
        'kafka_requests_total{client="producer"}': 4,
        'kafka_requests_bytes_total{client="consumer"}': 5,
        'kafka_requests_bytes_total{client="producer"}': 5,
        'kafka_responses_total{client="consumer"}': 6,
        'kafka_responses_total{client="producer"}': 6,
        'kafka_responses_bytes_total{client="consumer"}': 7,
        'kafka_responses_bytes_total{client="producer"}': 7,
        "kafka_consumed_messages_total": 11,
        "kafka_consumed_messages_bytes_total": 9,
        "kafka_produced_messages_total": 12,
        "kafka_produced_messages_bytes_total": 9,
    }


def test_a_client_that_has_not_said_anything_has_no_series(registry: CollectorRegistry) -> None:
    """Nothing is made up for it."""
    ClientMetrics(registry)
    assert series(registry, "kafka_") == {}
