"""The throughput benchmark on a real Kafka: what it counts, and that it refuses what is wrong."""

from __future__ import annotations

import sys
import uuid
from dataclasses import replace

import pytest
from confluent_kafka import Consumer, Producer

from benchmarks import reading, transactions, workloads
from benchmarks.arena import Arena, arena, checked
from benchmarks.contenders import committing, entered, ours, pass_through
from benchmarks.contenders.contender import Contender, Job
from benchmarks.exactness import NotExact
from tests.conftest import Kafka, TopicFactory
from tests.topics import PATIENCE_SECONDS, Event, write

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def place(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Arena:
    """A small backlog of events with headers."""
    (workload,) = workloads.named(["mlp-30-headers"])
    name = f"headers-{uuid.uuid4().hex[:8]}"
    return arena(kafka, workload, tmp_path_factory.mktemp("arena"), 20_000, name)


@pytest.mark.parametrize("contender", entered.core(), ids=lambda contender: contender.name)
def test_a_contender_is_exact_with_headers(place: Arena, contender: Contender) -> None:
    """Every event once, in order, with timestamp, headers and score; else it raises."""
    found = checked(place, contender, "exact")
    assert found.run.committed == (5_000,) * 4
    assert found.run.peak_rss_mib > 20
    assert 1 <= found.transactions <= 20_000 / 500


def test_the_ceiling_writes_values_as_long_as_ours(place: Arena) -> None:
    """To within two bytes: an offset in a scored event has one to four."""
    written = {
        contender.name: checked(place, contender, "length").output_bytes
        for contender in (ours.contender(), pass_through.contender())
    }
    assert written["pass-through"] == pytest.approx(written["stream-scorer"], abs=2)


def test_a_contender_that_alters_a_score_is_refused(place: Arena) -> None:
    """The sentence names it, and the topic where one can look."""
    wrong = replace(ours.contender(), score_of=lambda job, value: ours.score_of(job, value) + 1e-3)
    with pytest.raises(NotExact, match=r"The output of stream-scorer, .* has the score"):
        checked(place, wrong, "altered")


def test_a_contender_that_loses_headers_is_refused(place: Arena) -> None:
    """A copy that does not know of them."""
    (plain,) = workloads.named(["mlp-30"])

    def command(job: Job) -> tuple[str, ...]:
        folder = job.folder / "plain"
        workloads.prepare(plain, folder)
        return pass_through.contender().command(replace(job, folder=folder))

    with pytest.raises(NotExact, match=r"Event \d+ has lost its headers, and \d+,\d+ others"):
        checked(place, Contender("loses headers", command), "headers")


def test_a_contender_that_ends_by_itself_is_a_sentence_with_its_log(place: Arena) -> None:
    """It is no result."""
    quits = Contender("quitter", lambda _: (sys.executable, "-c", "raise SystemExit('no way')"))
    with pytest.raises(
        RuntimeError, match=r"quitter failed\. It ended with exit code 1 after 0 events\."
    ):
        checked(place, quits, "quits")
    (log,) = place.folder.glob("quitter*.log")
    assert log.read_text() == "no way\n"


def test_a_contender_is_ended_when_its_time_is_up(place: Arena) -> None:
    """It waits for events that never come; what it has done is exact, and is all that counts."""
    endless = replace(place, backlog=replace(place.backlog, events=30_000))
    _, _, batched = entered.core()
    run = checked(endless, batched, "endless", limit_seconds=1.0).run
    assert run.seconds >= 1.0
    assert 0 < sum(run.committed) <= 20_000


def test_transactions_are_counted_by_the_control_records_that_they_leave(
    kafka: Kafka, topic: TopicFactory, place: Arena
) -> None:
    """Plain writes and transactions without offsets leave none among the offsets."""
    before = transactions.ends(kafka.bootstrap_servers)
    write(kafka.bootstrap_servers, topic(), [Event(b"1")])
    write(kafka.bootstrap_servers, topic(), [Event(b"1")], transaction=uuid.uuid4().hex)
    assert transactions.ended_since(kafka.bootstrap_servers, before) == 0
    job = Job(
        kafka.bootstrap_servers, uuid.uuid4().hex, place.backlog.topic, topic(4), place.folder
    )
    _copy_in_transactions(job, 7)
    assert transactions.ended_since(kafka.bootstrap_servers, before) == 7


def _copy_in_transactions(job: Job, transactions: int) -> None:
    """Copy a thousand events in each of so many transactions."""
    servers = {"bootstrap.servers": job.bootstrap_servers}
    reset = {"auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer = Consumer({**servers, **reset, "group.id": job.group})
    producer = Producer({**servers, "transactional.id": job.group})
    each = committing.Transactions(consumer, producer, job.commit_seconds)
    consumer.subscribe([job.input_topic])
    for _ in range(transactions):
        messages = consumer.consume(1_000, PATIENCE_SECONDS)
        each.begin()
        for message in committing.without_errors(messages):
            producer.produce(job.output_topic, message.value(), partition=message.partition())
        each.commit()
    consumer.close()


def test_the_reader_compares_headers_and_keeps_samples(kafka: Kafka, place: Arena) -> None:
    """Read as if it were an output, the input is what it should be."""
    output = reading.read(kafka.bootstrap_servers, place.backlog.topic, place.backlog)
    assert sorted(output.numbers.tolist()) == list(range(20_000))
    assert output.other_headers == ()
    assert output.values == place.backlog.samples
    plain = replace(place.backlog, has_headers=False)
    assert len(reading.read(kafka.bootstrap_servers, plain.topic, plain).other_headers) == 20_000
