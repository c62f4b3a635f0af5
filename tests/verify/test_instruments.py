"""The instruments: what a worker says of its transactions, and that it is injured where it must."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from confluent_kafka import TopicPartition as ClientPartition

from stream_scorer.errors import TransactionAborted
from stream_scorer.intake import at_once
from stream_scorer.records import TopicPartition
from stream_scorer.verify.hand import Hand
from stream_scorer.verify.injuries import Injuries
from stream_scorer.verify.instruments import (
    InstrumentedClient,
    InstrumentedConsumer,
    InstrumentedScorer,
)
from stream_scorer.verify.points import Act, Order, Point
from stream_scorer.verify.values import TRANSACTION_HEADER
from tests.fakes import FakeConsumer, FakeKafka
from tests.topics import wait_for
from tests.verify.injured import Noting, Told
from tests.verify.scoring import Scoring


class Rig:
    """A client with instruments around it."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.inner = Noting()
        self.injuries = told.injuries()
        self.client = InstrumentedClient(self.inner, told.file, self.injuries)

    def transaction(self) -> None:
        """Two records, their offsets, and the commit."""
        self.client.begin_transaction()
        self.client.produce("out", b"one", b"key", 0, None, 5, None)
        self.client.produce("out", b"two", None, 1, None, 6, [("trace", b"t")])
        self.client.send_offsets_to_transaction(
            [ClientPartition("in", 0, 12), ClientPartition("in", 1, 7)], b"member", 3.0
        )
        self.client.commit_transaction(4.0)


@pytest.fixture
def rig(told: Told) -> Rig:
    """A client with instruments around it."""
    return Rig(told)


def test_a_transaction_is_told_from_its_beginning_to_its_end(rig: Rig) -> None:
    """How many records, which offsets; all under one name."""
    rig.transaction()
    [(_, begun), *_] = rig.told.entries
    name = {"transaction": begun["transaction"]}
    offsets = [["in", 0, 12], ["in", 1, 7]]
    assert rig.told.entries == [
        ("begun", name),
        ("sent", {**name, "records": 2, "offsets": offsets}),
        ("committed", name),
    ]


def test_each_record_names_its_transaction_after_its_own_headers(rig: Rig) -> None:
    """All else is handed on as it came."""
    rig.transaction()
    tag = (TRANSACTION_HEADER, rig.told.entries[0][1]["transaction"].encode())
    assert [call for call in rig.inner.calls if call[0] == "produce"] == [
        ("produce", "out", b"one", b"key", 0, None, 5, [tag]),
        ("produce", "out", b"two", None, 1, None, 6, [("trace", b"t"), tag]),
    ]


def test_no_two_transactions_have_one_name_and_each_counts_its_own_records(rig: Rig) -> None:
    """A worker commits thousands."""
    rig.transaction()
    rig.transaction()
    sent = [details for what, details in rig.told.entries if what == "sent"]
    assert [each["records"] for each in sent] == [2, 2]
    assert len({each["transaction"] for each in sent}) == 2


def test_an_aborted_transaction_is_told(rig: Rig) -> None:
    """Under its name."""
    rig.client.begin_transaction()
    rig.client.abort_transaction(2.0)
    [(_, begun), aborted] = rig.told.entries
    assert aborted == ("aborted", begun)


@pytest.mark.parametrize(
    ("call", "before"),
    [
        ("begin_transaction", []),
        ("send_offsets_to_transaction", ["begun"]),
        ("commit_transaction", ["begun", "sent"]),
    ],
)
def test_what_failed_is_not_told(rig: Rig, call: str, before: list[str]) -> None:
    """A commit without an answer has an unknown outcome, and the history leaves it open."""

    def fail() -> None:
        raise TransactionAborted("the broker said no")

    rig.inner.answers[call] = fail
    with pytest.raises(TransactionAborted, match="the broker said no"):
        rig.transaction()
    assert rig.told.whats == before


def test_every_call_reaches_the_client_with_its_own_bound(rig: Rig) -> None:
    """The instruments change nothing."""
    rig.inner.answers |= {"poll": lambda: 3, "flush": lambda: 5}
    rig.client.init_transactions(1.0)
    rig.client.begin_transaction()
    assert rig.client.poll(0.5) == 3
    assert rig.client.flush(2.0) == 5
    rig.client.purge()
    rig.client.abort_transaction(6.0)
    rig.client.list_topics("out", 7.0)
    rig.client.set_sasl_credentials("prover", "secret")
    assert rig.inner.calls == [
        ("init_transactions", 1.0),
        ("begin_transaction",),
        ("poll", 0.5),
        ("flush", 2.0),
        ("purge",),
        ("abort_transaction", 6.0),
        ("list_topics", "out", 7.0),
        ("set_sasl_credentials", "prover", "secret"),
    ]


@pytest.mark.parametrize(
    ("point", "before"),
    [
        (Point.AFTER_BEGIN, ["begin_transaction"]),
        (Point.MID_PRODUCE, ["begin_transaction", "produce", "flush"]),
        (
            Point.AFTER_SEND_OFFSETS,
            ["begin_transaction", "produce", "produce", "send_offsets_to_transaction"],
        ),
        (
            Point.AFTER_COMMIT,
            [
                "begin_transaction", "produce", "produce", "send_offsets_to_transaction",
                "commit_transaction",
            ],
        ),
    ],
)  # fmt: skip
def test_a_point_lies_behind_its_step(rig: Rig, point: Point, before: list[str]) -> None:
    """What was begun is with the brokers by then, so that the injury leaves it open."""
    rig.injuries.order(Order(point, Act.ABORT))
    with pytest.raises(TransactionAborted, match="injected by verify"):
        rig.transaction()
    assert rig.inner.names == before


def test_an_abort_is_injured_before_it_happens(rig: Rig) -> None:
    """Afterwards there is nothing left to interrupt."""
    rig.client.begin_transaction()
    rig.injuries.order(Order(Point.WHILE_ABORTING, Act.ABORT))
    with pytest.raises(TransactionAborted, match="injected by verify"):
        rig.client.abort_transaction(2.0)
    assert rig.inner.names == ["begin_transaction"]


@pytest.mark.parametrize(
    ("point", "call"),
    [(Point.IN_INIT, "init_transactions"), (Point.END_UNANSWERED, "commit_transaction")],
)
def test_some_points_lie_within_a_call(rig: Rig, point: Point, call: str) -> None:
    """The request is on its way, its answer is not here yet."""
    seen: list[list[str]] = []

    def until_injured() -> None:
        wait_for(lambda: "reached" in rig.told.whats, "the injury")
        seen.append(rig.told.whats)

    rig.inner.answers[call] = until_injured
    rig.injuries.order(Order(point, Act.SLEEP))
    rig.client.init_transactions(1.0)
    rig.transaction()
    assert len(seen) == 1
    assert seen[0][-1] == "reached"
    assert rig.told.whats.index("reached") < rig.told.whats.index("committed")


@pytest.mark.parametrize(("end", "said"), [("commit", "committed"), ("abort", "aborted")])
def test_a_transaction_says_how_long_its_events_were_in_hand(
    told: Told, end: str, said: str
) -> None:
    """From the first one that was scored; one of offsets alone had none."""
    now = 10.0
    hand = Hand(lambda: now)
    client = InstrumentedClient(Noting(), told.file, told.injuries(), hand)
    hand.take()
    now = 12.0
    for _ in range(2):
        client.begin_transaction()
        client.commit_transaction(1.0) if end == "commit" else client.abort_transaction(1.0)
    ends = [details.get("held_seconds") for what, details in told.entries if what == said]
    assert ends == [2.0, None]


# ---------------------------------------------------------------------- scorer and consumer


IN = TopicPartition("in", 0)


@dataclass
class Listening:
    """Who hears of partitions, and what it heard."""

    heard: list[str] = field(default_factory=list)

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """They came."""
        self.heard.append(f"assigned {len(partitions)}")

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """They go."""
        self.heard.append(f"revoked {len(partitions)}")

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """They went."""
        self.heard.append(f"lost {len(partitions)}")


def group_of_one(told: Told) -> tuple[FakeConsumer, InstrumentedConsumer, Injuries, Listening]:
    """A member with instruments around it, and two events to read."""
    kafka, listening, injuries = FakeKafka(), Listening(), told.injuries()
    kafka.create_topic("in")
    inner = FakeConsumer(kafka, ["in"], "group")
    consumer = InstrumentedConsumer(inner, injuries)
    consumer.subscribe(listening)
    kafka.write(IN, [b"4", b"bad"])
    return inner, consumer, injuries, listening


def test_a_consumer_with_instruments_reads_what_it_would_read(told: Told) -> None:
    """From joining to leaving."""
    inner, consumer, _, listening = group_of_one(told)
    batch = consumer.poll_batch(10, 0.0, 0.0)
    assert batch.values == [b"4", b"bad"]
    assert consumer.positions() == {IN: 2}
    assert consumer.group_metadata() == inner.group_metadata()
    consumer.rewind(0.0, at_once)
    assert consumer.poll_batch(1, 0.0, 0.0).values == [b"4"]
    consumer.rewind(1.0, at_once)
    consumer.close()
    assert (inner.paused, inner.closed) == (1, True)
    assert listening.heard == ["assigned 1", "revoked 1"]
    assert told.entries == []


def test_what_the_group_gives_a_worker_is_written_down(told: Told) -> None:
    """Before the worker does anything with it."""
    kafka = FakeKafka()
    kafka.create_topic("in")
    inner = FakeConsumer(kafka, ["in"], "group")
    InstrumentedConsumer(inner, told.injuries(), history=told.file).subscribe(Listening())
    inner.poll_batch(1, 0.0, 0.0)
    assert told.entries == [("assigned", {"partitions": [["in", 0]]})]


def test_a_member_that_the_brokers_think_dead_hears_that_it_lost_its_partitions(
    told: Told,
) -> None:
    """That is no revocation, and no point lies there."""
    inner, consumer, injuries, listening = group_of_one(told)
    consumer.poll_batch(10, 0.0, 0.0)
    injuries.order(Order(Point.IN_REVOKE, Act.ABORT))
    inner.expel()
    consumer.poll_batch(10, 0.0, 0.0)
    assert listening.heard[:2] == ["assigned 1", "lost 1"]
    assert injuries.pending(Point.IN_REVOKE)


def test_only_a_fetch_that_brought_events_passes_its_point(told: Told) -> None:
    """With nothing in hand there is nothing to lose."""
    _, consumer, injuries, _ = group_of_one(told)
    consumer.poll_batch(10, 0.0, 0.0)
    injuries.order(Order(Point.AFTER_FETCH, Act.ABORT))
    assert len(consumer.poll_batch(10, 0.0, 0.0)) == 0
    consumer.rewind(0.0, at_once)
    with pytest.raises(TransactionAborted, match="injected by verify"):
        consumer.poll_batch(10, 0.0, 0.0)


def test_a_revocation_is_injured_before_the_worker_hears_of_it(told: Told) -> None:
    """Whatever it gathered is uncommitted then."""
    _, consumer, injuries, listening = group_of_one(told)
    consumer.poll_batch(10, 0.0, 0.0)
    injuries.order(Order(Point.IN_REVOKE, Act.ABORT))
    with pytest.raises(TransactionAborted, match="injected by verify"):
        consumer.close()
    assert listening.heard == ["assigned 1"]


def test_the_point_behind_scoring_lies_behind_scoring(told: Told) -> None:
    """The scores are there and get lost."""
    _, consumer, injuries, _ = group_of_one(told)
    batch = consumer.poll_batch(10, 0.0, 0.0)
    scorer = InstrumentedScorer(Scoring(), injuries)
    assert list(scorer.score(batch).scored.values) == [b"0:0:1.000000"]
    injuries.order(Order(Point.AFTER_SCORING, Act.ABORT))
    with pytest.raises(TransactionAborted, match="injected by verify"):
        scorer.score(batch)
    assert told.whats == ["reached"]


def test_a_scorer_hears_which_record_the_brokers_refuse(told: Told) -> None:
    """The worker's rejection reaches it."""
    inner = Noting()
    InstrumentedScorer(inner, told.injuries()).reject(IN, 4, "too old", is_letter=True)
    assert inner.calls == [("reject", IN, 4, "too old", True)]


def test_what_is_read_again_is_no_longer_in_hand(told: Told) -> None:
    """It says for how long it was; if nothing was scored, nothing."""
    now = 10.0
    hand = Hand(lambda: now)
    inner = Noting()
    consumer = InstrumentedConsumer(inner, told.injuries(), hand, told.file)
    consumer.rewind(0.0, at_once)
    hand.take()
    now = 10.5
    consumer.rewind(0.0, at_once)
    assert told.entries == [("dropped", {"held_seconds": 0.5})]
    assert inner.names == ["rewind", "rewind"]


def test_only_the_first_events_of_a_set_pass_the_point_of_its_beginning(told: Told) -> None:
    """So that what is injured there has all of its time before it."""
    _, consumer, injuries, _ = group_of_one(told)
    batch = consumer.poll_batch(10, 0.0, 0.0)
    hand = Hand()
    scorer = InstrumentedScorer(Scoring(), injuries, hand)
    scorer.score(batch)
    injuries.order(Order(Point.SET_OPENED, Act.ABORT))
    scorer.score(batch)
    hand.put_down()
    with pytest.raises(TransactionAborted, match="injected by verify"):
        scorer.score(batch)


def test_a_model_can_be_slower_by_so_much_a_row(told: Told) -> None:
    """And what it gives is the same."""
    _, consumer, injuries, _ = group_of_one(told)
    batch = consumer.poll_batch(10, 0.0, 0.0)
    started = time.monotonic()
    scored = InstrumentedScorer(Scoring(), injuries, seconds_per_row=0.05).score(batch)
    assert time.monotonic() - started >= 0.05 * len(batch)
    assert list(scored.scored.values) == [b"0:0:1.000000"]
