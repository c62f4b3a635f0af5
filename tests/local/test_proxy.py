"""The proxy on a real Kafka: what it lets pass, loses, delays and holds."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time
import uuid
from contextlib import suppress
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from stream_scorer.errors import Unreachable
from stream_scorer.local.frames import ApiKey
from stream_scorer.local.proxy import Proxy
from stream_scorer.local.rules import Way
from tests import topics
from tests.conftest import ProxiedKafka

pytestmark = pytest.mark.kafka


@pytest.fixture
def proxy(proxied: ProxiedKafka) -> Proxy:
    """The proxy in front of the broker."""
    return proxied.proxy


@pytest.fixture
def name(proxied: ProxiedKafka) -> str:
    """A topic, and the client id and transactional id of who writes to it."""
    made = f"proxy-{uuid.uuid4().hex[:8]}"
    proxied.kafka.create_topic(made)
    return made


def client(proxied: ProxiedKafka, name: str, **more: Any) -> Producer:
    """A transactional producer behind the proxy, with a request timeout of a second."""
    made = Producer(
        {
            "bootstrap.servers": proxied.kafka.bootstrap_servers,
            "client.id": name,
            "transactional.id": name,
            "transaction.timeout.ms": 30_000,
            "socket.timeout.ms": 1000,
            "retry.backoff.ms": 5,
            "log_level": 0,
            **more,
        }
    )
    made.init_transactions(topics.PATIENCE_SECONDS)
    return made


def write(producer: Producer, topic: str, *values: bytes) -> None:
    """Write in a transaction of their own."""
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value, partition=0)
    producer.commit_transaction(topics.PATIENCE_SECONDS)


def visible(proxied: ProxiedKafka, topic: str) -> list[bytes | None]:
    """What a reader of committed events gets, past the proxy."""
    return [each.value() for each in topics.read(proxied.kafka.internal_servers, topic)]


def test_clients_meet_the_proxy_only(proxied: ProxiedKafka) -> None:
    """The brokers advertise its ports; their own traffic and the tests' goes past it."""
    admin = AdminClient({"bootstrap.servers": proxied.kafka.bootstrap_servers})
    found = admin.list_topics(timeout=topics.PATIENCE_SECONDS).brokers
    assert {number: broker.port for number, broker in found.items()} == dict(proxied.proxy.ports)
    assert proxied.kafka.client_address() not in proxied.kafka.bootstrap_servers


def test_what_no_rule_concerns_passes(proxied: ProxiedKafka, proxy: Proxy, name: str) -> None:
    """Small and large, one client of two."""
    large = b"x" * 900_000
    with proxy.cut("somebody-else"), proxy.delay(name, 60, broker=2):
        write(client(proxied, name), name, b"small", large)
    assert visible(proxied, name) == [b"small", large]


def test_a_held_request_reaches_the_broker_when_it_is_released_and_no_earlier(
    proxied: ProxiedKafka, proxy: Proxy, name: str
) -> None:
    """Its client has long given up, come back by another connection, and succeeded."""
    producer = client(proxied, name)
    with proxy.hold(name, ApiKey.END_TXN) as held, proxy.watch(ApiKey.END_TXN, name) as ends:
        started = time.monotonic()
        write(producer, name, b"first")
        assert time.monotonic() - started >= 1.0
        held.caught(0)
        assert (ends.requests, ends.answers) == (2, 1)
        held.release()
        assert ends.answers == 2
    write(producer, name, b"second")
    assert visible(proxied, name) == [b"first", b"second"]


def test_a_held_request_reaches_the_broker_although_its_client_is_gone(
    proxied: ProxiedKafka, proxy: Proxy, name: str
) -> None:
    """As from a process that was killed while its bytes were on their way."""
    producer = client(proxied, name)
    producer.begin_transaction()
    producer.produce(name, b"the last word", partition=0)
    assert producer.flush(topics.PATIENCE_SECONDS) == 0
    with proxy.hold(name, ApiKey.END_TXN) as held:
        with pytest.raises(KafkaException, match="_TIMED_OUT"):
            producer.commit_transaction(0.1)
        held.caught()
        del producer
        held.release()
    topics.wait_for(lambda: visible(proxied, name) == [b"the last word"], "it is committed")


def test_what_was_held_and_never_released_never_happened(
    proxied: ProxiedKafka, proxy: Proxy, name: str
) -> None:
    """The client sees its connection close, asks again, and succeeds."""
    producer = client(proxied, name, **{"socket.timeout.ms": 20_000})
    with proxy.watch(ApiKey.END_TXN, name) as ends:
        with proxy.hold(name, ApiKey.END_TXN) as held:
            producer.begin_transaction()
            producer.produce(name, b"v", partition=0)
            with pytest.raises(KafkaException, match="_TIMED_OUT"):
                producer.commit_transaction(0.2)
            held.caught()
        producer.commit_transaction(5)
        assert (ends.requests, ends.answers) == (2, 1)
    assert visible(proxied, name) == [b"v"]


def test_nothing_to_hold_is_said(proxy: Proxy) -> None:
    """A test that waits for the wrong request fails with a sentence."""
    with (
        proxy.hold("nobody", ApiKey.END_TXN) as held,
        pytest.raises(Unreachable, match=r"no request to hold came .*'nobody'.*END_TXN"),
    ):
        held.release()


def test_a_cut_is_silent_and_ends_when_it_is_lifted(
    proxied: ProxiedKafka, proxy: Proxy, name: str
) -> None:
    """Old connections and new ones; no client hears that it is cut off."""
    producer = client(proxied, name)
    write(producer, name, b"before")
    with proxy.watch(ApiKey.PRODUCE, name) as produces, proxy.cut(name[:-1] + "*"):
        producer.begin_transaction()
        producer.produce(name, b"amid", partition=0)
        assert producer.flush(2.5) == 1
        assert produces.answers == 0
    producer.commit_transaction(topics.PATIENCE_SECONDS)
    assert visible(proxied, name) == [b"before", b"amid"]


@pytest.mark.parametrize(("way", "arrive"), [("requests", False), ("responses", True)])
def test_a_cut_may_go_one_way(
    proxied: ProxiedKafka, proxy: Proxy, name: str, way: Way, *, arrive: bool
) -> None:
    """Answers that are lost leave the client without a clue that the broker did its work."""
    producer = Producer(
        {
            "bootstrap.servers": proxied.kafka.bootstrap_servers,
            "client.id": name,
            "message.timeout.ms": 60_000,
            "log_level": 0,
        }
    )
    producer.produce(name, b"before", partition=0)
    assert producer.flush(topics.PATIENCE_SECONDS) == 0
    with proxy.cut(name, broker=1, way=way):
        producer.produce(name, b"amid", partition=0)
        assert producer.flush(1.0) == 1
        assert visible(proxied, name) == [b"before", b"amid"][: 1 + arrive]
    producer.purge()
    producer.flush(topics.PATIENCE_SECONDS)


def test_a_refused_client_hears_it_at_once(proxied: ProxiedKafka, proxy: Proxy, name: str) -> None:
    """Its connections close, and so do those that it makes."""
    errors: list[KafkaError] = []
    producer = client(proxied, name, error_cb=errors.append, **{"socket.timeout.ms": 30_000})
    with proxy.cut(name, refuse=True):
        topics.wait_for(lambda: producer.poll(0.01) or errors, "the client hears of it", 10)
        assert errors[0].code() in {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN}
    write(producer, name, b"v")
    assert visible(proxied, name) == [b"v"]


def test_a_delay_counts_each_way_and_keeps_the_order(
    proxied: ProxiedKafka, proxy: Proxy, name: str
) -> None:
    """A transaction has three round trips one after the other; more are on their way at once."""
    producer = client(proxied, name, **{"linger.ms": 0, "batch.num.messages": 1})
    values = [b"%d" % each for each in range(20)]
    with proxy.delay(name, 0.1):
        started = time.monotonic()
        write(producer, name, *values)
        assert 3 * 2 * 0.1 <= time.monotonic() - started < 20 * 2 * 0.1
    assert visible(proxied, name) == values


@pytest.mark.parametrize(("close", "seconds"), [(False, 1.0), (True, 0.0)])
def test_a_dropped_answer_is_asked_for_again(
    proxied: ProxiedKafka, proxy: Proxy, name: str, seconds: float, *, close: bool
) -> None:
    """After the request's timeout, or at once when the connection closes."""
    producer = client(proxied, name)
    with (
        proxy.watch(ApiKey.END_TXN, name) as ends,
        proxy.drop_answer(name, ApiKey.END_TXN, close=close),
    ):
        started = time.monotonic()
        write(producer, name, b"v")
        assert seconds <= time.monotonic() - started < seconds + 1.0
        assert ends.answers >= 2
    assert visible(proxied, name) == [b"v"]


def test_a_broker_that_is_down_takes_no_requests() -> None:
    """Its port is the proxy's: a connection opens, and closes at once."""
    with Proxy([1, 2]) as proxy:
        proxy.target(2, f"127.0.0.1:{proxy.ports[1]}")
        for port in proxy.ports.values():
            with socket.create_connection(("127.0.0.1", port), 10) as connection:
                assert connection.recv(1) == b""


def test_a_client_that_comes_while_it_closes_is_hung_up_on(
    recwarn: pytest.WarningsRecorder,
) -> None:
    """And no socket of it is left to the garbage collector, which would complain."""
    with Proxy([1]) as proxy:
        # While its loop stands still, so that it finds the client and its end in the same round.
        may_go_on = threading.Event()
        proxy._loop.call_soon_threadsafe(may_go_on.wait)
        client = socket.create_connection(("127.0.0.1", proxy.ports[1]))
        closing = asyncio.run_coroutine_threadsafe(proxy._close(), proxy._loop)
        may_go_on.set()
        closing.result(topics.PATIENCE_SECONDS)
    with client, suppress(ConnectionResetError):
        assert client.recv(1) == b""
    gc.collect()
    assert list(recwarn) == []


@pytest.mark.parametrize(
    "sent",
    [bytes.fromhex("16030100 00"), bytes.fromhex("00000002 0000")],
    ids=["TLS", "no header"],
)
def test_whoever_speaks_another_protocol_is_hung_up_on(proxied: ProxiedKafka, sent: bytes) -> None:
    """And no one else."""
    port = proxied.proxy.ports[1]
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(sent)
        assert connection.recv(1) == b""
    admin = AdminClient({"bootstrap.servers": proxied.kafka.bootstrap_servers})
    assert admin.list_topics(timeout=topics.PATIENCE_SECONDS).brokers
