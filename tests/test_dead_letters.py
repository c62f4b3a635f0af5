"""Dead letters as Kafka records: the event byte for byte, and why it is here."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from stream_scorer.dead_letters import DeadLetterFormat, record_bytes
from stream_scorer.records import DeadLetter, Problem, Reason, Stage, TopicPartition

FORMAT = DeadLetterFormat(group="fraud", version="1.2", model="mlp:7", partitions=3)
LETTER = DeadLetter(
    value=b"\x00\x01\xff",
    key=b"k",
    headers=[("trace", b"\xfe"), ("trace", None)],
    timestamp=1_700_000_000_123,
    source=TopicPartition("cards", 4),
    offset=99,
    problem=Problem(Reason.UNDECODABLE, Stage.DECODE, "2 bytes are left"),
)


def test_the_event_stays_as_it_was() -> None:
    """Value, key, timestamp, and its own headers in front, repeated and null ones too."""
    records = FORMAT.records([LETTER])
    assert (records.values, records.keys) == ([b"\x00\x01\xff"], [b"k"])
    assert records.timestamps == [1_700_000_000_123]
    headers = records.headers[0]
    assert headers is not None
    assert headers[:2] == [("trace", b"\xfe"), ("trace", None)]


def test_the_headers_say_where_it_was_and_why_it_is_here() -> None:
    """Kafka Streams' names (KIP-1034), and ours; all of them text."""
    headers = dict(FORMAT.records([LETTER]).headers[0] or [])
    del headers["trace"]
    assert headers == {
        "__streams.errors.exception": b"stream_scorer.RecordError",
        "__streams.errors.message": b"2 bytes are left",
        "__streams.errors.topic": b"cards",
        "__streams.errors.partition": b"4",
        "__streams.errors.offset": b"99",
        "stream_scorer.reason": b"undecodable",
        "stream_scorer.stage": b"decode",
        "stream_scorer.group": b"fraud",
        "stream_scorer.version": b"1.2",
        "stream_scorer.model": b"mlp:7",
    }


def test_one_letter_does_not_get_the_headers_of_another() -> None:
    """And the input's own list is not written to."""
    FORMAT.records([LETTER, LETTER])
    assert LETTER.headers == [("trace", b"\xfe"), ("trace", None)]


@pytest.mark.parametrize(("partition", "expected"), [(0, 0), (2, 2), (3, 0), (4, 1)])
def test_a_partition_of_the_input_stays_together(partition: int, expected: int) -> None:
    """Its dead letters keep their order in one partition, however few there are."""
    letter = replace(LETTER, source=TopicPartition("cards", partition))
    assert FORMAT.records([letter]).partitions == [expected]


def test_a_long_message_is_cut() -> None:
    """Headers count toward the topic's limit."""
    problem = replace(LETTER.problem, message="ü" * 5000)
    headers = dict(FORMAT.records([replace(LETTER, problem=problem)]).headers[0] or [])
    assert headers["__streams.errors.message"] == ("ü" * 2000).encode()


def test_a_letter_that_is_too_large_leaves_its_value_behind() -> None:
    """The bytes are still at the source's offset, and the fingerprint tells whether they are."""
    small = replace(FORMAT, max_bytes=1000)
    value = b"x" * 900
    records = small.records([LETTER, replace(LETTER, value=value)])
    assert records.values == [LETTER.value, None]
    headers = dict(records.headers[1] or [])
    assert headers["stream_scorer.value_bytes"] == b"900"
    digest = hashlib.sha256(value).hexdigest().encode()
    assert headers["stream_scorer.value_sha256"] == digest
    assert "stream_scorer.value_bytes" not in dict(records.headers[0] or [])


def test_a_tombstone_has_no_value_to_leave_behind() -> None:
    """Its headers alone are too large here, and there is nothing to do about that."""
    records = replace(FORMAT, max_bytes=10).records([replace(LETTER, value=None)])
    assert records.values == [None]
    assert "stream_scorer.value_bytes" not in dict(records.headers[0] or [])


def test_the_size_of_a_record_counts_bytes_not_characters() -> None:
    """A header's name is UTF-8 on the wire."""
    assert record_bytes(b"abc", b"k", [("äöü", b"1234")]) >= 3 + 1 + 6 + 4
    assert record_bytes(None, None, None) == 0
