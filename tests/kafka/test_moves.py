"""What a worker sees when leaders and coordinators move in the middle of a transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.local.moves import Moves
from stream_scorer.records import Position
from tests.kafka.bench import Bench, attempt, bench_on, flushed, wants_a_new_client
from tests.kafka.clusters import events

pytestmark = pytest.mark.kafka

#: As by default: longer than a coordinator takes to come up on a busy machine.
TRANSACTION_SECONDS = 15.0

MOVES: dict[str, Callable[[Moves, Bench], object]] = {
    "leader": lambda moves, bench: moves.leader(bench.name, 0),
    "transaction coordinator": lambda moves, bench: moves.transaction_coordinator(bench.name),
    "group coordinator": lambda moves, bench: moves.group_coordinator(bench.name),
}


@pytest.fixture
def bench(three_brokers: EmbeddedKafka) -> Iterator[Bench]:
    """A worker's clients on three brokers."""
    with bench_on(three_brokers, TRANSACTION_SECONDS) as made:
        yield made


@pytest.fixture
def moves(three_brokers: EmbeddedKafka) -> Moves:
    """What moves them."""
    return Moves(three_brokers.internal_servers)


@pytest.mark.parametrize("what", MOVES)
@pytest.mark.parametrize("when", ["before the offsets", "after the offsets"])
def test_a_move_in_the_middle_of_a_transaction_is_followed(
    bench: Bench, moves: Moves, what: str, when: str
) -> None:
    """The client finds the new one, and the transaction commits as a whole."""
    membership, producer = bench.membership(2), bench.producer()
    with producer.transaction() as transaction:
        transaction.produce(bench.name, events(b"before"))
        flushed(producer)
        if when == "before the offsets":
            MOVES[what](moves, bench)
        transaction.send_offsets({bench.source: Position(1)}, membership)
        if when == "after the offsets":
            MOVES[what](moves, bench)
        transaction.produce(bench.name, events(b"after"))
    bench.shows(b"before", b"after")
    bench.has_committed(1)
    if wants_a_new_client(producer):
        producer.rebuild()
    assert attempt(producer, bench, b"next", 2, membership)
    bench.shows(b"before", b"after", b"next")
    bench.has_committed(2)
