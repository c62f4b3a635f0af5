"""What becomes of a worker whose consumer is cut off from the group's coordinator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient

from stream_scorer.errors import Unanswered
from stream_scorer.kafka import offset_reset
from stream_scorer.kafka.client_config import Property
from stream_scorer.local.frames import ApiKey
from stream_scorer.local.proxy import Proxy
from tests import topics
from tests.conftest import ProxiedKafka
from tests.kafka.bench import Bench, attempt, bench_on
from tests.kafka.clusters import gather, joined, values_of

pytestmark = pytest.mark.kafka

PROTOCOLS: dict[str, dict[str, Property]] = {
    "classic": {"heartbeat.interval.ms": 100, "session.timeout.ms": 2000, "log_level": 0},
    "consumer": {"group.protocol": "consumer", "log_level": 0},
}


@pytest.fixture(params=PROTOCOLS)
def bench(request: pytest.FixtureRequest, proxied: ProxiedKafka) -> Iterator[Bench]:
    """A worker's clients behind the proxy, with either group protocol."""
    with bench_on(proxied.kafka, 15.0, PROTOCOLS[request.param]) as made:
        yield made


def members(bench: Bench) -> int:
    """Return how many members the group has, as its coordinator says."""
    admin = AdminClient({"bootstrap.servers": bench.servers, "log_level": 0})
    described = admin.describe_consumer_groups([bench.name])[bench.name]
    return len(described.result(topics.PATIENCE_SECONDS).members)


def test_a_worker_that_is_cut_off_past_its_session_commits_nothing(
    bench: Bench, proxy: Proxy
) -> None:
    """Its producer still reaches the brokers; its membership is no longer good for a commit."""
    membership, producer = bench.membership(1), bench.producer()
    assert members(bench) == 1
    with proxy.cut(bench.name):
        topics.wait_for(lambda: members(bench) == 0, "the group lets it go")
        assert not attempt(producer, bench, b"of one that is gone", 1, membership)
    bench.shows()
    bench.has_committed(None)


def test_a_worker_that_is_not_told_what_is_committed_takes_no_events(
    bench: Bench, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks again at each poll, and reads on from there once it is told."""
    monkeypatch.setattr(offset_reset, "BROKER_TIMEOUT_SECONDS", 0.5)
    bench.cluster.write(bench.source, [b"first", b"second"])
    consumer = joined(bench.cluster.consumer(bench.input, bench.name))
    gather(consumer, 2)
    assert attempt(bench.producer(), bench, b"out", 1, consumer.group_metadata())
    consumer.rewind()
    with proxy.drop_answer(bench.name, ApiKey.OFFSET_FETCH, times=1000, close=True):
        for _ in range(2):
            with pytest.raises(Unanswered):
                consumer.poll_batch(10, 0.1)
    monkeypatch.undo()

    def told() -> bool:
        try:
            return values_of([consumer.poll_batch(10, 0.1)]) == [b"second"]
        except Unanswered:
            return False

    topics.wait_for(told, "it reads on from what is committed")
