"""A worker that was idle for so long that the brokers have forgotten its transactional id.

Kafka does that after ``transactional.id.expiration.ms``, a week; here after three seconds.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stream_scorer.errors import TransactionAborted
from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.records import Position
from tests import topics
from tests.kafka.bench import Bench, bench_on, wants_a_new_client
from tests.kafka.clusters import events

pytestmark = pytest.mark.kafka


@pytest.fixture
def bench(hurried: EmbeddedKafka) -> Iterator[Bench]:
    """A worker's clients on it."""
    with bench_on(hurried, transaction_seconds=15.0) as made:
        yield made


@pytest.mark.parametrize(
    ("records", "offsets"),
    [([b"v"], False), ([], True), ([b"v"], True)],
    ids=["records", "offsets", "both"],
)
def test_an_idle_worker_that_was_forgotten_goes_on_with_a_new_client(
    bench: Bench, records: list[bytes], *, offsets: bool
) -> None:
    """The transaction that finds it out leaves no trace; the next one is committed.

    The old client would not get on by itself: where offsets come first, it keeps the producer id
    that the brokers no longer know, and every further transaction ends like this one.
    """
    membership, producer = bench.membership(2), bench.producer()

    def commit(offset: int) -> None:
        with producer.transaction() as transaction:
            transaction.produce(bench.name, events(*records))
            if offsets:
                transaction.send_offsets({bench.source: Position(offset)}, membership)

    commit(1)
    topics.wait_for(lambda: is_forgotten(bench), "the coordinator forgets the transactional id")
    assert not wants_a_new_client(producer)
    with pytest.raises(TransactionAborted):
        commit(2)
    assert wants_a_new_client(producer)
    bench.shows(*records)
    bench.has_committed(1 if offsets else None)
    producer.rebuild()
    commit(2)
    bench.shows(*records, *records)
    bench.has_committed(2 if offsets else None)


def is_forgotten(bench: Bench) -> bool:
    """Tell whether the last that the coordinator wrote of the id is that it is gone."""
    about = [
        each.value()
        for each in topics.read(bench.servers, "__transaction_state")
        if bench.name.encode() in (each.key() or b"")
    ]
    return about[-1] is None
