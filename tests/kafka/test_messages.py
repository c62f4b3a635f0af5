"""What the client hands over, as it does: real clients, and brokers of librdkafka's in memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from confluent_kafka import Consumer, Message
from confluent_kafka import TopicPartition as ClientPartition

from stream_scorer.kafka.messages import batch_of
from stream_scorer.records import Batch, Reason
from tests.kafka.raw_producer import RawHeaders, RawProducer, mocked

_names = itertools.count()

#: Names that are not UTF-8: Latin-1, a lone continuation, cut off, overlong, a surrogate, too far.
NO_TEXT = [b"gr\xf6sse", b"\x80", b"ab\xe2\x82", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"]


@pytest.fixture(scope="module")
def brokers() -> Iterator[str]:
    """Return the address of brokers in memory."""
    with mocked() as address:
        yield address


@pytest.fixture
def handed_over(brokers: str) -> Callable[[list[RawHeaders]], list[Message]]:
    """Return what the client hands over of records with these headers, valued 0, 1 and so on."""

    def messages(headers: list[RawHeaders]) -> list[Message]:
        topic = f"events-{next(_names)}"
        with closing(RawProducer(brokers)) as producer:
            for number, each in enumerate(headers):
                producer.write(topic, b"%d" % number, b"k%d" % number, each, timestamp=7 + number)
            producer.flush()
        with closing(Consumer({"bootstrap.servers": brokers, "group.id": "g"})) as client:
            client.assign([ClientPartition(topic, 0, 0)])
            found: list[Message] = []
            while len(found) < len(headers):
                found += client.consume(len(headers) - len(found), 10)
            return found

    return messages


def test_ordinary_headers_are_handed_over_as_they_are(
    handed_over: Callable[[list[RawHeaders]], list[Message]],
) -> None:
    """Repeated, empty and null ones, in any script."""
    headers: RawHeaders = [(b"a", b""), ("größe".encode(), b"\xff\x00"), (b"", b"x"), (b"a", None)]
    batch = batch_of(handed_over([headers, ()]))
    assert batch.headers == [[("a", b""), ("größe", b"\xff\x00"), ("", b"x"), ("a", None)], None]
    assert batch.problems == {}


@pytest.mark.parametrize("name", NO_TEXT)
def test_a_header_s_name_that_is_no_text_costs_its_event_the_headers_and_no_other(
    handed_over: Callable[[list[RawHeaders]], list[Message]], name: bytes
) -> None:
    """Value, key, time and place are there; what is wrong is said."""
    good: RawHeaders = [(b"trace", b"t")]
    batch = batch_of(handed_over([good, [(b"trace", b"t"), (name, b"2")], good]))
    assert batch.headers == [[("trace", b"t")], None, [("trace", b"t")]]
    assert (batch.values, batch.keys) == ([b"0", b"1", b"2"], [b"k0", b"k1", b"k2"])
    assert batch.timestamps.tolist() == [7, 8, 9]
    assert list(batch.problems) == [1]
    assert batch.problems[1].reason is Reason.UNDECODABLE
    assert batch.problems[1].headers_lost
    assert "header" in batch.problems[1].message


def test_a_batch_may_have_nothing_but_such_events(
    handed_over: Callable[[list[RawHeaders]], list[Message]],
) -> None:
    """First, last and in a row."""
    batch: Batch = batch_of(handed_over([[(name, None)] for name in NO_TEXT]))
    assert batch.headers == [None] * len(NO_TEXT)
    assert list(batch.problems) == list(range(len(NO_TEXT)))
    assert list(batch.take(batch.source_index[3:] + 2).problems) == [0, 1, 2]


def test_the_client_ends_a_header_s_name_at_a_zero_byte(
    handed_over: Callable[[list[RawHeaders]], list[Message]],
) -> None:
    """Nobody here can know of what is behind it."""
    batch = batch_of(handed_over([[(b"a\x00b", b"1"), (b"\x00\xff", b"2")]]))
    assert batch.headers == [[("a", b"1"), ("", b"2")]]
