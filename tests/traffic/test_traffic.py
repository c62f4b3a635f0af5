"""What is promised of rate, transactions and outages, on a real Kafka."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator

import pytest

from stream_scorer.errors import Unreachable
from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.local.topics import Topics
from stream_scorer.traffic.events import Burst, Outcome, Outgoing
from stream_scorer.traffic.paces import Backlog, Progress, Steady
from stream_scorer.traffic.traffic import Traffic
from tests.conftest import Kafka, TopicFactory
from tests.topics import ends, read, wait_for

pytestmark = pytest.mark.kafka


def client_of(kafka: Kafka) -> dict[str, str | int]:
    """Properties of a client."""
    return {"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0}


def events(first: int, count: int, partition: int = 0) -> tuple[Outgoing, ...]:
    """Events whose values are numbers."""
    numbers = range(first, first + count)
    return tuple(Outgoing(partition, b"k", b"%d" % each, 1_700_000_000_000) for each in numbers)


def mixed(count: int) -> Iterator[Burst]:
    """One in ten bursts a transaction, in turn committed and aborted; one partition after another.

    The values count up over those events that a reader of committed events must find.
    """
    number = 0
    for turn in range(count):
        outcome = Outcome.PLAIN
        if turn % 10 == 0:
            outcome = Outcome.ABORTED if turn % 20 else Outcome.COMMITTED
        size = 1 if outcome is Outcome.PLAIN else 3
        yield Burst(events(number, size, turn % 2), outcome)
        number += size if outcome is not Outcome.ABORTED else 0


def values(kafka: Kafka, topic: str) -> list[int]:
    """What a reader of committed events finds, sorted."""
    return sorted(int(message.value()) for message in read(kafka.bootstrap_servers, topic))


def test_committed_events_are_there_and_aborted_ones_stand_in_the_log_unseen(
    kafka: Kafka, topic: TopicFactory
) -> None:
    """Each once, in its partition; what is counted is what readers find."""
    name = topic(2)
    traffic = Traffic(client_of(kafka), name, mixed(100), Steady(2_000))
    traffic.start()
    wait_for(lambda: traffic.done, "the end of the bursts")
    traffic.check()

    assert traffic.halt() == 0
    found = values(kafka, name)
    assert found == list(range(90 + 5 * 3))
    assert traffic.acknowledged == len(found)
    # A marker ends each of the ten transactions; fifteen events were aborted.
    assert sum(ends(kafka.bootstrap_servers, name).values()) == len(found) + 15 + 10


def test_the_rate_is_kept(kafka: Kafka, topic: TopicFactory) -> None:
    """Neither faster, nor much slower on a machine with nothing else to do."""
    traffic = Traffic(
        client_of(kafka), topic(), (Burst(events(n, 5)) for n in range(40)), Steady(200)
    )
    started = time.monotonic()
    traffic.start()
    wait_for(lambda: traffic.done, "200 events")
    assert traffic.acknowledged == 200
    assert time.monotonic() - started > 39 * 5 / 200


def test_it_writes_until_it_is_halted(kafka: Kafka, topic: TopicFactory) -> None:
    """Bursts without an end are taken one by one, and what was taken arrives."""
    name = topic()
    taken = itertools.count()
    traffic = Traffic(client_of(kafka), name, (Burst(events(n, 1)) for n in taken), Steady(500))
    traffic.start()
    wait_for(lambda: traffic.acknowledged > 50, "50 events")
    assert not traffic.done
    assert traffic.halt() == 0
    assert values(kafka, name) == list(range(traffic.acknowledged))
    # The one that was taken when the halt came may not have been written.
    assert next(taken) - traffic.acknowledged in (0, 1)


def test_a_backlog_stays_as_high_as_it_shall(kafka: Kafka, topic: TopicFactory) -> None:
    """However much of it was worked off."""
    name, done = topic(), [0]
    pace = Backlog(1_000, lambda: traffic.acknowledged - done[-1])
    bursts = (Burst(events(10 * n, 10)) for n in itertools.count())
    traffic = Traffic(client_of(kafka), name, bursts, pace)
    traffic.start()
    wait_for(lambda: traffic.acknowledged >= 1_000, "a full backlog")
    done.append(50_000)
    wait_for(lambda: traffic.acknowledged >= 51_000, "a full backlog again")
    assert traffic.halt() == 0
    traffic.check()
    assert traffic.acknowledged == 51_000
    assert values(kafka, name) == list(range(51_000))


def test_a_backlog_does_not_pile_up_in_the_client_while_brokers_are_away() -> None:
    """However long; it looks again and again."""
    looked = list[bool]()

    def behind() -> int:
        looked.append(True)
        return 0

    pace = Backlog(100, behind)
    bursts = (Burst(events(10 * n, 10)) for n in itertools.count())
    traffic = Traffic({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}, "any", bursts, pace)
    traffic.start()
    wait_for(lambda: len(looked) > 50, "many looks")
    assert traffic.halt(patience_seconds=0.0) == 100
    assert traffic.acknowledged == 0


@pytest.mark.parametrize("outcome", Outcome)
def test_a_burst_may_be_larger_than_the_clients_queue(
    outcome: Outcome, kafka: Kafka, topic: TopicFactory
) -> None:
    """It waits for room."""
    name, client = topic(), {**client_of(kafka), "queue.buffering.max.messages": 10}
    traffic = Traffic(client, name, [Burst(events(0, 500), outcome)], Steady(10_000))
    traffic.start()
    wait_for(lambda: traffic.done, "its end")
    traffic.check()
    assert traffic.halt() == 0
    found = [] if outcome is Outcome.ABORTED else list(range(500))
    assert values(kafka, name) == found
    assert traffic.acknowledged == len(found)


class LateOnce:
    """Claims to be 5 s late before its second burst."""

    def __init__(self) -> None:
        self.asked: list[Progress] = []

    def wait_seconds(self, progress: Progress) -> float:
        """Say so."""
        self.asked.append(progress)
        return -5.0 if len(self.asked) == 2 else 0.0


def test_time_that_was_lost_is_made_up_for_up_to_a_second(
    kafka: Kafka, topic: TopicFactory
) -> None:
    """Else brokers that come back would get all that was due while they were away, at once."""
    pace = LateOnce()
    traffic = Traffic(client_of(kafka), topic(), (Burst(events(n, 5)) for n in range(3)), pace)
    traffic.start()
    wait_for(lambda: traffic.done, "three bursts")
    traffic.halt()
    assert [each.written for each in pace.asked] == [0, 5, 10, 15]
    lost = pace.asked[1].seconds - pace.asked[2].seconds
    assert 3.5 < lost < 4


@pytest.mark.parametrize("outcome", [Outcome.PLAIN, Outcome.COMMITTED])
def test_an_event_that_the_brokers_refuse_ends_it_aloud(
    outcome: Outcome, kafka: Kafka, topic: TopicFactory
) -> None:
    """Writing it again can't help, plainly or in a transaction."""
    too_large = (Outgoing(0, None, b"x" * 5000, 0),)
    name = topic(1, {"max.message.bytes": "1000"})
    bursts = (Burst(too_large, outcome) for _ in itertools.count())
    traffic = Traffic(client_of(kafka), name, bursts, Steady(100))
    traffic.start()
    wait_for(lambda: traffic.done, "its end")
    with pytest.raises(Unreachable, match=f"don't accept the events for {name} .*size"):
        traffic.check()
    assert traffic.acknowledged == 0


def test_a_partition_that_was_added_is_written_to(kafka: Kafka, topic: TopicFactory) -> None:
    """As soon as the client can see it; it looks when it must."""
    name, grown = topic(1), threading.Event()

    def bursts() -> Iterator[Burst]:
        while not grown.is_set():
            yield Burst(events(0, 1))
        yield Burst(events(1, 1, partition=1))
        yield Burst(events(2, 1, partition=1), Outcome.COMMITTED)

    traffic = Traffic(client_of(kafka), name, bursts(), Steady(100))
    traffic.start()
    wait_for(lambda: traffic.acknowledged > 1, "the first events")
    Topics(kafka.bootstrap_servers).add_partitions(name, 1)
    grown.set()
    wait_for(lambda: traffic.done, "the end of the bursts")
    traffic.check()
    traffic.halt()
    found = read(kafka.bootstrap_servers, name)
    assert [each.value() for each in found if each.partition() == 1] == [b"1", b"2"]


@pytest.fixture(scope="module")
def mortal() -> Iterator[EmbeddedKafka]:
    """A broker that the last tests may kill."""
    with EmbeddedKafka() as kafka:
        yield kafka


def test_nothing_is_lost_while_the_broker_is_killed(mortal: EmbeddedKafka) -> None:
    """What was in the client's queue arrives when the broker is back, and so does a transaction."""
    mortal.create_topic("events", 2)
    traffic = Traffic(client_of(mortal), "events", mixed(10_000), Steady(300))
    traffic.start()
    wait_for(lambda: traffic.acknowledged > 100, "100 events")
    mortal.kill()
    before = traffic.acknowledged
    mortal.start()
    wait_for(lambda: traffic.acknowledged > before + 300, "300 events after the restart")
    assert traffic.halt() == 0
    traffic.check()

    found = values(mortal, "events")
    assert set(found) == set(range(max(found) + 1))
    # A transaction whose outcome the kill left open may have been written twice.
    assert traffic.acknowledged <= len(found) <= traffic.acknowledged + 3


def test_the_halt_does_not_wait_for_a_broker_that_is_away(mortal: EmbeddedKafka) -> None:
    """It says how many events have an unknown fate."""
    mortal.create_topic("more")
    taken = itertools.count()
    traffic = Traffic(client_of(mortal), "more", (Burst(events(n, 1)) for n in taken), Steady(300))
    traffic.start()
    wait_for(lambda: traffic.acknowledged > 100, "100 events")
    mortal.kill()
    reached = next(taken)
    wait_for(lambda: next(taken) > reached + 100, "events that nobody takes")
    started = time.monotonic()
    in_doubt = traffic.halt(patience_seconds=0.5)
    assert in_doubt > 0
    assert time.monotonic() - started < 15
    acknowledged = traffic.acknowledged
    assert traffic.halt() == in_doubt
    assert traffic.acknowledged == acknowledged
