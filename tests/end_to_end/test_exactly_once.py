"""Each event has exactly one trace, in order, whatever dies or hangs."""

from __future__ import annotations

import itertools
import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from stream_scorer.app.stopping import BOUND_SECONDS, STUCK_EXIT_CODE
from stream_scorer.local.kafka import EmbeddedKafka
from tests import topics
from tests.end_to_end.test_watching import SERVER, Watched
from tests.end_to_end.workers import Process, Scoring, assert_each_event_has_one_trace, event_value

pytestmark = pytest.mark.kafka

PARTITIONS = 4


def numbered(first: int, count: int) -> list[topics.Event]:
    """Return events for all partitions in turn; every hundredth is malformed."""
    return [
        topics.Event(
            event_value(f"e{each}")[: -3 if each % 100 == 7 else None],
            b"k%d" % each,
            each % PARTITIONS,
        )
        for each in range(first, first + count)
    ]


def done(scoring: Scoring) -> int:
    """Return how many events, and control markers of the input, the group has behind it."""
    return sum(topics.committed(scoring.bootstrap_servers, scoring.group, scoring.source).values())


def some_are_scored(scoring: Scoring) -> bool:
    """Tell whether the workers are in the middle of it."""
    return done(scoring) > 0


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_worker_that_is_killed_loses_and_doubles_nothing(scoring: Scoring, protocol: str) -> None:
    """Two workers, one is killed amid a backlog, another comes; both group protocols."""
    consumer = {"group.protocol": "consumer"}
    settings = {"kafka": {"consumer": consumer}} if protocol == "consumer" else {}
    # Small sets, so that the kill is likely to meet an open transaction.
    scoring.set_up(
        {**settings, "batching": {"max_records": 64, "transaction_max_records": 256}},
        partitions=PARTITIONS,
    )
    scoring.write(numbered(0, 30_000))
    victim, _ = scoring.start(), scoring.start()
    topics.wait_for(lambda: some_are_scored(scoring), "the first events are scored")
    victim.send(signal.SIGKILL)
    scoring.write(numbered(30_000, 4_000))
    scoring.start()
    scoring.wait_until_done()
    assert_each_event_has_one_trace(scoring, 34_000)


def test_a_worker_that_was_frozen_for_longer_than_its_session_is_no_harm(
    scoring: Scoring,
) -> None:
    """It wakes up with a set in hand that is someone else's by now, and is fenced."""
    scoring.set_up(
        {"batching": {"max_records": 64, "transaction_max_records": 256}}, partitions=PARTITIONS
    )
    scoring.write(numbered(0, 30_000))
    zombie = scoring.start()
    topics.wait_for(lambda: some_are_scored(scoring), "the first events are scored")
    zombie.send(signal.SIGSTOP)
    try:
        scoring.start()
        scoring.wait_until_done()
    finally:
        zombie.send(signal.SIGCONT)
    scoring.write(numbered(30_000, 4_000))
    scoring.wait_until_done()
    assert_each_event_has_one_trace(scoring, 34_000)
    assert zombie.stop() == 0


def test_two_workers_of_one_transactional_id_stay_exact_until_one_of_them_ends(
    scoring: Scoring,
) -> None:
    """They fence each other, and say so; the third time is enough, and the other one goes on."""
    scoring.set_up({"kafka": {"transactional_id": "{group_id}-constant"}}, partitions=PARTITIONS)
    twins = scoring.start(), scoring.start()
    for worker in twins:
        worker.wait_for("partitions assigned")
    batches = itertools.count(0, 500)
    ended: list[Process] = []

    def one_has_ended() -> bool:
        ended.extend(each for each in twins if each not in ended and each.exit_code_so_far())
        if not ended:
            scoring.write(numbered(next(batches), 500))
        return bool(ended)

    topics.wait_for(one_has_ended, "one of them is fenced three times")
    (loser,) = ended
    survivor = next(each for each in twins if each is not loser)
    assert loser.exit_code() == 2
    last = loser.words().splitlines()[-1]
    assert last.startswith("Error: Another process has the transactional id")
    assert "Set kafka.transactional_id" in last
    assert "Another process has the transactional id" in survivor.words()
    scoring.workers.remove(loser)
    scoring.wait_until_done()
    assert_each_event_has_one_trace(scoring, next(batches))
    assert survivor.stop() == 0


OwnKafka = tuple[EmbeddedKafka, Scoring]


@contextmanager
def own_kafka(tmp_path: Path, **given: Any) -> Iterator[OwnKafka]:
    """Brokers for one test alone."""
    with EmbeddedKafka(folder=tmp_path / "kafka", **given) as kafka:
        folder = tmp_path / "scorer"
        folder.mkdir()
        scoring = Scoring(kafka.bootstrap_servers, folder, kafka.create_topic)
        try:
            yield kafka, scoring
        finally:
            scoring.end()


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[OwnKafka]:
    """A broker to be killed.

    It does not end transactions by itself. While a single broker comes up, Kafka 4.4 leaves markers
    of transactions out that end then (see docs/exactly-once.md, the limits).
    """
    never = {"transaction.abort.timed.out.transaction.cleanup.interval.ms": "600000"}
    with own_kafka(tmp_path, properties=never) as made:
        yield made


@pytest.fixture
def freezable(tmp_path: Path) -> Iterator[OwnKafka]:
    """A broker to be frozen; its controller, frozen with it, does not take it for dead."""
    with own_kafka(tmp_path, properties={"broker.session.timeout.ms": "600000"}) as made:
        yield made


def test_a_worker_outlives_its_broker(mortal: OwnKafka) -> None:
    """A killed broker is an outage, not an exit: the worker waits, and goes on where it was.

    It dies while thousands of events are in hand, and no transaction is about to end: a commit that
    the only broker has begun is one of those that Kafka 4.4 may leave half done.
    """
    kafka, scoring = mortal
    pauses = {"commit_interval": "20s", "min_commit_interval": "20s"}
    scoring.set_up({"batching": pauses, "server": SERVER}, partitions=PARTITIONS)
    scoring.write(numbered(0, 4))
    watched = Watched(scoring.start())
    scoring.wait_until_done()  # with a commit; the next one is not before its 20 s are over
    scoring.write(numbered(4, 3_996))
    topics.wait_for(
        lambda: watched.metric("stream_scorer_events_consumed_total") >= 4_000, "all are in hand"
    )
    assert done(scoring) == 4
    kafka.kill()
    watched.worker.wait_for("waiting; the place is kept and nothing is lost")
    kafka.start()
    words = [json.loads(line)["message"] for line in watched.worker.words().splitlines()]
    assert len(words) < 60, "an outage is said once, by the worker and by the client"
    scoring.write(numbered(4_000, 4_000))
    scoring.wait_until_done()
    assert_each_event_has_one_trace(scoring, 8_000)
    assert watched.worker.stop() == 0


def test_a_stop_while_the_brokers_are_away_is_a_clean_one(
    mortal: OwnKafka,
) -> None:
    """There is nobody to tell; whatever was open is aborted by them."""
    kafka, scoring = mortal
    scoring.set_up()
    scoring.write([topics.Event(event_value("e"))])
    worker = scoring.start()
    scoring.wait_until_done()
    kafka.kill()
    assert worker.stop() == 0


@pytest.mark.parametrize("said", ["", "transaction aborted"], ids=["commit", "new producer"])
def test_a_stop_while_nobody_answers_is_bounded(freezable: OwnKafka, said: str) -> None:
    """A commit is given up in doubt; whether it counts, the next worker hears from the brokers."""
    kafka, scoring = freezable
    scoring.set_up(partitions=PARTITIONS)
    scoring.write(numbered(0, 30_000))
    # So small are its sets that it is in the middle of them for many seconds.
    worker = scoring.start("batching.max_records=8", "batching.transaction_max_records=8")
    topics.wait_for(lambda: some_are_scored(scoring), "the first events are scored")
    assert done(scoring) < 15_000
    kafka.pause()
    try:
        worker.wait_for(said)
        started = time.monotonic()
        assert worker.stop() in (0, STUCK_EXIT_CODE)
        assert time.monotonic() - started < BOUND_SECONDS + 2
    finally:
        kafka.resume()
    scoring.workers.clear()
    scoring.start()
    scoring.wait_until_done()
    assert_each_event_has_one_trace(scoring, 30_000)


def test_one_broker_of_three_may_die(tmp_path: Path) -> None:
    """Leaders, coordinators and the transaction log move; nobody stops."""
    with own_kafka(tmp_path, brokers=3) as (kafka, scoring):
        scoring.set_up(partitions=PARTITIONS)
        scoring.write(numbered(0, 8_000))
        worker = scoring.start()
        topics.wait_for(lambda: some_are_scored(scoring), "the first events are scored")
        kafka.kill(2)
        scoring.write(numbered(8_000, 2_000))
        scoring.wait_until_done()
        assert_each_event_has_one_trace(scoring, 10_000)
        assert worker.stop() == 0
