"""The readers of a proof on a real Kafka: what they see, and what they say when nobody answers."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace

import fastavro
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as ClientPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from stream_scorer.dead_letters import DeadLetterFormat
from stream_scorer.kafka.client_config import Property
from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.local.ports import ReservedPort
from stream_scorer.records import (
    DeadLetter,
    Headers,
    Problem,
    Reason,
    Stage,
    TopicPartition,
)
from stream_scorer.verify.follower import Follower
from stream_scorer.verify.positions import LogEnds
from stream_scorer.verify.readers import Readers, Watched
from stream_scorer.verify.subject import Scored
from stream_scorer.verify.tracing import UNREADABLE
from stream_scorer.verify.values import TRANSACTION_HEADER, InputEvent, Trace
from tests import topics
from tests.conftest import Kafka, TopicFactory
from tests.topics import Event

pytestmark = pytest.mark.kafka

SCHEMA = {
    "type": "record",
    "name": "Scored",
    "fields": [
        {"name": "risk", "type": "float"},
        {
            "name": "source",
            "type": {
                "type": "record",
                "name": "Source",
                "fields": [
                    {"name": "topic", "type": "string"},
                    {"name": "partition", "type": "int"},
                    {"name": "offset", "type": "long"},
                ],
            },
        },
    ],
}
BLOCKED_SECONDS = 1.0


def scored(source: TopicPartition, offset: int, score: float) -> Event:
    """A scored event, of transaction ``t1``."""
    stream = io.BytesIO()
    at = {"topic": source.topic, "partition": source.partition, "offset": offset}
    fastavro.schemaless_writer(stream, SCHEMA, {"risk": score, "source": at})
    return Event(stream.getvalue(), b"key", headers=[(TRANSACTION_HEADER, b"t1")])


def dead_letter(source: TopicPartition, offset: int, reason: Reason) -> Event:
    """A dead letter as the output writes it, of transaction ``t1``."""
    problem = Problem(reason, Stage.DECODE, "message")
    letter = DeadLetter(b"\0", b"key", None, 0, source, offset, problem)
    [headers] = DeadLetterFormat("group", "1", "model", partitions=1).records([letter], 0).headers
    return Event(b"\0", b"key", headers=[*(headers or ()), (TRANSACTION_HEADER, b"t1")])


def expectation(headers: Headers) -> tuple[Reason | None, float | None]:
    """An event says itself what it must become."""
    fate = dict(headers).get("fate") or b"0"
    return (None, float(fate)) if fate[:1].isdigit() else (Reason(fate.decode()), None)


def client_of(bootstrap_servers: str) -> dict[str, Property]:
    """Properties of the proof's clients."""
    return {"bootstrap.servers": bootstrap_servers, "log_level": 0}


@pytest.fixture
def watched(topic: TopicFactory) -> Watched:
    """Topics and a group that no other test uses."""
    name = topic()
    return Watched(
        name, topic(), topic(), f"group-{name}", Scored(SCHEMA, b""), "risk", expectation
    )


@pytest.fixture
def readers(kafka: Kafka, watched: Watched) -> Iterator[Readers]:
    """Readers that wait for a transaction's end for a moment only."""
    with Readers(client_of(kafka.bootstrap_servers), watched, patience_seconds=1.0) as readers:
        yield readers


def test_traces_are_read_from_scored_events_and_dead_letters(
    kafka: Kafka, watched: Watched, readers: Readers
) -> None:
    """By the field ``source`` of the ones and the headers of the others."""
    source = TopicPartition(watched.input, 3)
    servers = kafka.bootstrap_servers
    topics.write(servers, watched.output, [scored(source, 7, 0.25)], transaction="a")
    topics.write(servers, watched.output, [scored(source, 8, 0.5)], transaction="b", commit=False)
    topics.write(servers, watched.dead_letters, [dead_letter(source, 9, Reason.TOO_LARGE)])
    expected = [
        Trace(TopicPartition(watched.output, 0), 0, source, 7, b"key", "t1", None, 0.25),
        Trace(
            TopicPartition(watched.dead_letters, 0), 0, source, 9, b"key", "t1",
            Reason.TOO_LARGE, None,
        ),
    ]  # fmt: skip
    assert by_place(readers.traces_to_the_end()) == by_place(expected)
    assert by_place(readers.all_traces()) == by_place(expected)
    assert list(readers.traces_to_the_end()) == []


def test_a_record_that_can_t_be_read_is_a_trace_of_no_event(
    kafka: Kafka, watched: Watched, readers: Readers
) -> None:
    """So that the checker says where it stands."""
    servers = kafka.bootstrap_servers
    values = [b"", b"\xff" * 30, None]
    topics.write(servers, watched.output, [Event(value) for value in values])
    topics.write(
        servers,
        watched.dead_letters,
        [
            Event(b"\0"),
            Event(b"\0", headers=[("__streams.errors.topic", None)]),
            replace(dead_letter(UNREADABLE, 1, Reason.TOO_LARGE), headers=[
                ("__streams.errors.topic", b"in"), ("__streams.errors.partition", b"\xff"),
            ]),
        ],
    )  # fmt: skip
    traces = list(readers.traces_to_the_end())
    assert len(traces) == 6
    assert {(trace.source, trace.transaction) for trace in traces} == {(UNREADABLE, "")}


def test_the_input_is_read_committed_with_what_must_become_of_it(
    kafka: Kafka, watched: Watched, readers: Readers
) -> None:
    """Aborted events and control markers are offsets without an event."""
    servers, source = kafka.bootstrap_servers, TopicPartition(watched.input, 0)
    fates = [b"0.5", b"undecodable"]
    plain = [Event(b"v", b"k", headers=[("fate", fate)]) for fate in fates]
    topics.write(servers, watched.input, plain)
    topics.write(servers, watched.input, [Event(b"aborted")], transaction="c", commit=False)
    topics.write(servers, watched.input, [Event(b"committed")], transaction="d")
    assert list(readers.events_to_the_end()) == [
        InputEvent(source, 0, b"k", None, 0.5),
        InputEvent(source, 1, b"k", Reason.UNDECODABLE, None),
        InputEvent(source, 4, None, None, 0.0),
    ]
    assert readers.events_until() == {source: 5}
    assert readers.input_ends() == {source: 6}


def test_offsets_are_what_the_group_has_committed(
    kafka: Kafka, watched: Watched, readers: Readers
) -> None:
    """0 before it has committed anything."""
    source = TopicPartition(watched.input, 0)
    topics.wait_for(lambda: readers.offsets() == {source: 0}, "the coordinator is there")
    committer = Consumer(
        {**client_of(kafka.bootstrap_servers), "group.id": watched.group}  # not a member
    )
    committer.commit(offsets=[ClientPartition(watched.input, 0, 17)], asynchronous=False)
    committer.close()
    assert readers.offsets() == readers.latest_offsets() == {source: 17}


def test_an_open_transaction_holds_back_traces_and_stable_offsets(
    kafka: Kafka, watched: Watched, readers: Readers
) -> None:
    """What was committed before it is known all the same; its end lets everything go."""
    servers, source = kafka.bootstrap_servers, TopicPartition(watched.input, 0)
    topics.write(servers, watched.input, [Event(b"v")] * 3)
    topics.wait_for(lambda: readers.latest_offsets() == {source: 0}, "the coordinator is there")
    writer = Producer({**client_of(servers), "transactional.id": f"{watched.group}-writer"})
    member = Consumer({**client_of(servers), "group.id": watched.group})
    writer.init_transactions(20)
    writer.begin_transaction()
    event = scored(source, 0, 1.0)
    writer.produce(watched.output, event.value, event.key, 0, headers=list(event.headers))
    writer.flush(20)
    writer.send_offsets_to_transaction(
        [ClientPartition(watched.input, 0, 3)], member.consumer_group_metadata(), 20
    )
    assert readers.offsets(BLOCKED_SECONDS) is None
    assert readers.latest_offsets() == {source: 0}
    assert readers.traces(BLOCKED_SECONDS) == []
    with closing(LogEnds(client_of(servers), [watched.output])) as ends:
        assert ends.settled(0.5) == {TopicPartition(watched.output, 0): (0, 1)}
    writer.commit_transaction(20)
    assert [trace.score for trace in readers.traces_to_the_end()] == [1.0]
    assert readers.offsets() == {source: 3}
    assert readers.ends()[TopicPartition(watched.output, 0)] == (2, 2)
    member.close()


def test_partitions_that_are_added_are_followed(kafka: Kafka, topic: TopicFactory) -> None:
    """From their beginning, beside those that were there."""
    name, servers = topic(), kafka.bootstrap_servers
    topics.write(servers, name, [Event(b"0")])
    with closing(Follower(client_of(servers), [name])) as follower:
        values: list[bytes] = []

        def got(*expected: bytes) -> bool:
            values.extend(message.value() for message in follower.read(0.1))
            return sorted(values) == list(expected)

        topics.wait_for(lambda: got(b"0"), "the first is read")
        admin = AdminClient(client_of(servers))
        admin.create_partitions([NewPartitions(name, 3)])[name].result()
        topics.wait_for(lambda: len(follower.next_offsets()) == 3 or got(b"0"), "they are seen")
        topics.write(servers, name, [Event(b"2", partition=2), Event(b"3")])
        topics.wait_for(lambda: got(b"0", b"2", b"3"), "they are read")


def test_a_client_that_starts_over_hands_nothing_over_twice(
    kafka: Kafka, topic: TopicFactory
) -> None:
    """As after an offset that its broker did not know for a moment."""
    name, servers = topic(), kafka.bootstrap_servers
    topics.write(servers, name, [Event(b"0"), Event(b"1")])
    with closing(Follower(client_of(servers), [name])) as follower:
        values: list[bytes] = []

        def got(*expected: bytes) -> bool:
            values.extend(message.value() for message in follower.read(0.1))
            return values == list(expected)

        topics.wait_for(lambda: got(b"0", b"1"), "both are read")
        follower._client.seek(ClientPartition(name, 0, 0))
        topics.write(servers, name, [Event(b"2")])
        topics.wait_for(lambda: got(b"0", b"1", b"2"), "only the new one is read")
        assert follower.has_reached({TopicPartition(name, 0): 3})


def test_who_reads_while_brokers_are_frozen_waits_for_none_and_goes_on_afterwards(
    kafka: Kafka, watched: Watched, readers: Readers
) -> None:
    """There is nothing new, and nothing is known; no call raises or takes long."""
    if not isinstance(kafka, EmbeddedKafka):
        pytest.skip("only an embedded broker can be frozen")
    source = TopicPartition(watched.input, 0)
    topics.write(kafka.bootstrap_servers, watched.output, [scored(source, 0, 1.0)])
    topics.wait_for(lambda: readers.traces(0.1), "the first is read")
    topics.wait_for(readers.offsets, "the coordinator is there")
    kafka.pause()
    try:
        assert says_nothing_soon(readers)
    finally:
        kafka.resume()
    topics.write(kafka.bootstrap_servers, watched.output, [scored(source, 1, 0.5)])
    topics.wait_for(readers.offsets, "the offsets are said again")
    topics.wait_for(readers.input_ends, "the ends are said again")
    assert [trace.source_offset for trace in readers.traces_to_the_end()] == [1]


def test_who_reads_without_any_broker_waits_for_none(watched: Watched) -> None:
    """Nobody listens there; closing takes no broker either."""
    port = ReservedPort()
    with Readers(client_of(f"127.0.0.1:{port.number}"), watched) as readers:
        assert says_nothing_soon(readers)
    port.release()


def says_nothing_soon(readers: Readers) -> bool:
    """Tell whether nothing comes back, within the time that each call was given and a look."""
    began = time.monotonic()
    assert readers.traces(0.2) == []
    assert readers.events(0.2) == []
    assert readers.offsets(0.3) is readers.latest_offsets(0.3) is readers.input_ends(0.3) is None
    return time.monotonic() - began < 6.0


def by_place(traces: Iterable[Trace]) -> list[Trace]:
    """Traces by topic and offset; a reader gets topics in any order."""
    return sorted(traces, key=lambda trace: (trace.place, trace.offset))
