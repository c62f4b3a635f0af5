"""What a worker sees, and what readers see, when answers are lost and networks cut.

A real Kafka behind a proxy. Of our own errors it says which one, and whether the producer wants a
new client; of the broker's it says nothing.
"""

from __future__ import annotations

import time

import pytest

from stream_scorer.errors import ProducerLost, TransactionAborted, Unanswered
from stream_scorer.kafka import producer as module
from stream_scorer.local.frames import ApiKey
from stream_scorer.local.proxy import Proxy
from stream_scorer.local.rules import Way
from stream_scorer.records import Position
from tests import topics
from tests.kafka.bench import (
    Bench,
    attempt,
    flushed,
    rebuilt,
    wants_a_new_client,
    write,
)
from tests.kafka.clusters import events

pytestmark = pytest.mark.kafka

BEFORE_THE_END = (
    ApiKey.ADD_PARTITIONS_TO_TXN,
    ApiKey.PRODUCE,
    ApiKey.ADD_OFFSETS_TO_TXN,
    ApiKey.TXN_OFFSET_COMMIT,
)


# ------------------------------------------------------------------ answers that are lost


@pytest.mark.parametrize(
    ("times", "close"),
    [(1, False), (1, True), (3, True)],
    ids=["silent", "connection closed", "connection closed three times"],
)
def test_a_commit_whose_answer_is_lost_succeeds_once_and_ends_its_client(
    bench: Bench, proxy: Proxy, times: int, *, close: bool
) -> None:
    """The client asks again and says nothing of it: the first copy may still be on its way."""
    producer = bench.producer()
    with (
        proxy.watch(ApiKey.END_TXN, bench.clients) as ends,
        proxy.drop_answer(bench.clients, ApiKey.END_TXN, times=times, close=close),
    ):
        write(producer, bench, b"v")
        assert ends.requests > times
    assert wants_a_new_client(producer)
    bench.shows(b"v")


@pytest.mark.parametrize("close", [False, True], ids=["silent", "connection closed"])
@pytest.mark.parametrize("api", BEFORE_THE_END, ids=lambda api: api.name)
def test_any_other_lost_answer_costs_the_client_and_nothing_else(
    bench: Bench, proxy: Proxy, api: ApiKey, *, close: bool
) -> None:
    """Records and offsets count once and together, in this transaction or in the next."""
    membership, producer = bench.membership(1), bench.producer()
    with proxy.drop_answer(bench.clients, api, close=close):
        committed = attempt(producer, bench, b"v", 1, membership)
    assert wants_a_new_client(producer)
    written = [b"v"] if committed else []
    bench.shows(*written)
    bench.has_committed(1 if committed else None)
    producer.rebuild()
    assert attempt(producer, bench, b"next", 1, membership)
    bench.shows(*written, b"next")
    bench.has_committed(1)


def test_records_that_nobody_acknowledges_are_seen_by_no_reader(bench: Bench, proxy: Proxy) -> None:
    """They are on the broker. The record times out first, or the whole transaction does."""
    producer = bench.producer()
    with (
        proxy.drop_answer(bench.clients, ApiKey.PRODUCE, times=1000),
        pytest.raises((TransactionAborted, ProducerLost)),
    ):
        write(producer, bench, b"unheard of")
    assert wants_a_new_client(producer)
    producer.rebuild()
    write(producer, bench, b"next")
    bench.shows(b"next")


def test_an_abort_whose_answer_is_lost_aborts(bench: Bench, proxy: Proxy) -> None:
    """The loop's own error is what it hears of."""
    producer = bench.producer()
    with (
        proxy.drop_answer(bench.clients, ApiKey.END_TXN),
        pytest.raises(RuntimeError, match="a bug"),
        producer.transaction() as transaction,
    ):
        transaction.produce(bench.name, events(b"v"))
        flushed(producer)
        raise RuntimeError("a bug")
    assert wants_a_new_client(producer)
    producer.rebuild()
    write(producer, bench, b"next")
    bench.shows(b"next")


# ------------------------------------------------------------------ networks that are slow or gone


def test_a_slow_network_costs_time_and_nothing_else(bench: Bench, proxy: Proxy) -> None:
    """Answers that come within ``socket.timeout.ms`` leave no doubt."""
    membership, producer = bench.membership(1), bench.producer()
    with proxy.delay(bench.clients, 0.05):
        started = time.monotonic()
        assert attempt(producer, bench, b"v", 1, membership)
        assert time.monotonic() - started >= 3 * 2 * 0.05
    assert not wants_a_new_client(producer)
    bench.shows(b"v")
    bench.has_committed(1)


@pytest.mark.parametrize(
    ("way", "visible"), [("requests", []), ("responses", [b"v"])], ids=["requests", "answers"]
)
def test_a_commit_that_nobody_answers_is_given_up_in_doubt(
    bench: Bench, proxy: Proxy, way: Way, visible: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never came, or it came and the answer did not: a worker can't tell, and reads on anew."""
    monkeypatch.setattr(module, "INIT_TIMEOUT_SECONDS", 1.0)
    membership, producer = bench.membership(1), bench.producer()
    with pytest.raises(ProducerLost), producer.transaction() as transaction:
        transaction.produce(bench.name, events(b"v"))
        transaction.send_offsets({bench.source: Position(1)}, membership)
        flushed(producer)
        started = time.monotonic()
        cut = proxy.cut(bench.clients, way=way)
    assert time.monotonic() - started < module.longest_call_seconds(bench.transaction_seconds)
    assert wants_a_new_client(producer)
    with pytest.raises(Unanswered):
        producer.rebuild()
    cut.lift()
    topics.wait_for(lambda: rebuilt(producer), "a new client is made")
    bench.shows(*visible)
    bench.has_committed(1 if visible else None)
    write(producer, bench, b"next")
    bench.shows(*visible, b"next")


def test_brokers_that_refuse_during_a_whole_transaction_leave_no_trace_of_it(
    bench: Bench, proxy: Proxy
) -> None:
    """Connections are closed one after the other; the call ends within its bound."""
    producer = bench.producer()
    started = time.monotonic()
    with (
        proxy.cut(bench.clients, refuse=True),
        pytest.raises((TransactionAborted, ProducerLost)),
    ):
        write(producer, bench, b"v")
    assert time.monotonic() - started < module.longest_call_seconds(bench.transaction_seconds)
    assert wants_a_new_client(producer)
    topics.wait_for(lambda: rebuilt(producer), "a new client is made")
    write(producer, bench, b"next")
    bench.shows(b"next")


# ------------------------------------------------------------------ two of one name


def test_a_twin_fences_whoever_was_there_before(bench: Bench) -> None:
    """Two processes with one transactional id take turns in losing; no event is doubled."""
    producer, twin = bench.producer(), bench.producer()
    with pytest.raises(ProducerLost):
        write(producer, bench, b"of the first")
    write(twin, bench, b"of the twin")
    producer.rebuild()
    write(producer, bench, b"of the first, again")
    with pytest.raises(ProducerLost):
        write(twin, bench, b"of the twin, fenced")
    bench.shows(b"of the twin", b"of the first, again")


def test_a_twin_that_comes_in_the_middle_takes_the_transaction_away(bench: Bench) -> None:
    """Its records are on the broker already; readers never get them."""
    producer = bench.producer()
    with pytest.raises(ProducerLost), producer.transaction() as transaction:
        transaction.produce(bench.name, events(b"overtaken"))
        flushed(producer)
        twin = bench.producer()
    assert wants_a_new_client(producer)
    write(twin, bench, b"of the twin")
    bench.shows(b"of the twin")
