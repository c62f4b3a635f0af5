"""Dead letters as Kafka records: the event byte for byte, and why it is here."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from stream_scorer.dead_letters import DeadLetterFormat, counted, record_bytes
from stream_scorer.records import (
    DeadLetter,
    Headers,
    Problem,
    Reason,
    Stage,
    TopicLimits,
    TopicPartition,
)

NOW = 1_700_000_001_000
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
    records = FORMAT.records([LETTER], NOW)
    assert (records.values, records.keys) == ([b"\x00\x01\xff"], [b"k"])
    assert records.timestamps == [1_700_000_000_123]
    headers = records.headers[0]
    assert headers is not None
    assert headers[:2] == [("trace", b"\xfe"), ("trace", None)]


def test_the_headers_say_where_it_was_and_why_it_is_here() -> None:
    """Kafka Streams' names (KIP-1034), and ours; all of them text."""
    headers = dict(FORMAT.records([LETTER], NOW).headers[0] or [])
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
    FORMAT.records([LETTER, LETTER], NOW)
    assert LETTER.headers == [("trace", b"\xfe"), ("trace", None)]


@pytest.mark.parametrize(("partition", "expected"), [(0, 0), (2, 2), (3, 0), (4, 1)])
def test_a_partition_of_the_input_stays_together(partition: int, expected: int) -> None:
    """Its dead letters keep their order in one partition, however few there are."""
    letter = replace(LETTER, source=TopicPartition("cards", partition))
    assert FORMAT.records([letter], NOW).partitions == [expected]


def test_a_long_message_is_cut() -> None:
    """Headers count toward the topic's limit."""
    problem = replace(LETTER.problem, message="ü" * 5000)
    headers = dict(FORMAT.records([replace(LETTER, problem=problem)], NOW).headers[0] or [])
    assert headers["__streams.errors.message"] == ("ü" * 2000).encode()


def test_a_letter_that_is_too_large_leaves_its_value_behind() -> None:
    """The bytes are still at the source's offset, and the fingerprint tells whether they are."""
    small = replace(FORMAT, limits=TopicLimits(max_bytes=1000))
    value = b"x" * 900
    records = small.records([LETTER, replace(LETTER, value=value)], NOW)
    assert records.values == [LETTER.value, None]
    headers = dict(records.headers[1] or [])
    assert headers["stream_scorer.value_bytes"] == b"900"
    digest = hashlib.sha256(value).hexdigest().encode()
    assert headers["stream_scorer.value_sha256"] == digest
    assert "stream_scorer.value_bytes" not in dict(records.headers[0] or [])


def test_a_tombstone_has_no_value_to_leave_behind() -> None:
    """Its headers alone are too large here, and there is nothing to do about that."""
    records = replace(FORMAT, limits=TopicLimits(max_bytes=10)).records(
        [replace(LETTER, value=None)], NOW
    )
    assert records.values == [None]
    assert "stream_scorer.value_bytes" not in dict(records.headers[0] or [])


HOUR = 3_600_000
ANY = TopicLimits()


def headers_of(letter: DeadLetter, limits: TopicLimits = ANY) -> dict[str, bytes | None]:
    """Return the headers of a letter's record, in a topic with these limits."""
    return dict(replace(FORMAT, limits=limits).records([letter], NOW).headers[0] or [])


@pytest.mark.parametrize(
    ("limits", "timestamp"),
    [
        (TopicLimits(before_max_ms=HOUR), NOW - HOUR - 1),
        (TopicLimits(after_max_ms=HOUR), NOW + HOUR + 1),
        (TopicLimits(after_max_ms=HOUR), 2**63 - 1),
        (TopicLimits(), 0),
        (TopicLimits(), -7),
        (TopicLimits(), -(2**63)),
    ],
)
def test_a_time_that_the_topic_does_not_take_is_in_a_header(
    limits: TopicLimits, timestamp: int
) -> None:
    """The record has that of its writing; the client has no other word for 0 and below."""
    letter = replace(LETTER, timestamp=timestamp)
    assert replace(FORMAT, limits=limits).records([letter], NOW).timestamps == [-1]
    assert headers_of(letter, limits)["stream_scorer.timestamp"] == b"%d" % timestamp


def test_a_topic_that_sets_the_time_itself_loses_none() -> None:
    """The broker replaces the record's, or may do so; the header keeps the event's."""
    limits = TopicLimits(may_set_time=True)
    records = replace(FORMAT, limits=limits).records([LETTER], NOW)
    assert records.timestamps == [LETTER.timestamp]
    assert headers_of(LETTER, limits)["stream_scorer.timestamp"] == b"1700000000123"
    assert "stream_scorer.timestamp" not in headers_of(replace(LETTER, timestamp=-1), limits)


@pytest.mark.parametrize("timestamp", [-1, NOW - HOUR, NOW + HOUR, 1])
def test_any_other_time_is_the_record_s(timestamp: int) -> None:
    """An event without one has none in a header either."""
    limits = TopicLimits(before_max_ms=NOW, after_max_ms=HOUR)
    letter = replace(LETTER, timestamp=timestamp)
    assert replace(FORMAT, limits=limits).records([letter], NOW).timestamps == [timestamp]
    assert "stream_scorer.timestamp" not in headers_of(letter, limits)


def test_a_letter_that_was_refused_goes_without_its_time_and_then_without_all_else() -> None:
    """What the topic takes may not be known. Headers say what is missing."""
    once, twice = (replace(LETTER, refusals=each) for each in (1, 2))
    records = FORMAT.records([once, twice], NOW)
    assert records.timestamps.tolist() == [-1, -1]
    assert records.values == [LETTER.value, None]
    assert headers_of(once)["stream_scorer.timestamp"] == b"1700000000123"
    told = headers_of(twice)
    assert told["stream_scorer.value_bytes"] == b"3"
    assert told["stream_scorer.headers_lost"] == b"2"
    assert told["stream_scorer.key_bytes"] == b"1"
    assert "trace" not in told


def test_a_key_or_headers_that_do_not_fit_are_left_out_once_the_value_is() -> None:
    """A record is never too large for what an event had in it."""
    limits = TopicLimits(max_bytes=1500)
    letters = [
        replace(LETTER, key=b"k" * 2000),
        replace(LETTER, headers=[("h" * 2000, None)]),
        replace(LETTER, headers=[("h", b"")] * 300),
        replace(LETTER, problem=replace(LETTER.problem, message="m" * 2000), key=b"k" * 10**6),
    ]
    records = replace(FORMAT, limits=limits).records(letters, NOW)
    rows = zip(records.values, records.keys, records.headers, strict=True)
    assert all(record_bytes(*row) <= 1500 for row in rows)
    assert headers_of(letters[0], limits)["stream_scorer.key_bytes"] == b"2000"
    assert headers_of(letters[1], limits)["stream_scorer.headers_lost"] == b"1"
    assert records.keys[1] == LETTER.key


def test_a_topic_that_is_compacted_gets_a_key() -> None:
    """Of the event's place; the replay takes it off again."""
    records = replace(FORMAT, limits=TopicLimits(needs_key=True)).records(
        [LETTER, replace(LETTER, key=None), replace(LETTER, key=b"")], NOW
    )
    assert records.keys == [b"k", b"cards-4-99", b""]
    assert dict(records.headers[1] or [])["stream_scorer.key_added"] == b"true"
    assert "stream_scorer.key_added" not in dict(records.headers[0] or [])


def test_headers_that_nobody_has_are_said_to_be_lost() -> None:
    """The client could not hand them over."""
    problem = replace(LETTER.problem, headers_lost=True)
    letter = replace(LETTER, headers=None, problem=problem)
    assert headers_of(letter)["stream_scorer.headers_lost"] == b"unreadable"


def test_replays_are_counted_by_the_writer_and_by_nobody_else() -> None:
    """A producer's header of that name is one of the event's own."""
    pretended: list[Headers] = [
        [("stream_scorer.replays", b"9")],
        [("stream_scorer.replays", b"x"), ("stream_scorer.replayed_for", b"fraud")],
        counted([], 9, "another"),
        [*counted([], 9, "fraud"), ("trace", b"t")],
    ]
    for headers in pretended:
        records = FORMAT.records([replace(LETTER, headers=headers)], NOW)
        written = records.headers[0] or []
        assert written[: len(headers)] == headers
        assert "stream_scorer.replays" not in dict(written[len(headers) :])
    letter = replace(LETTER, headers=counted([("a", b"")], 2, "fraud"))
    written = FORMAT.records([letter], NOW).headers[0] or []
    assert written[0] == ("a", b"")
    assert [name for name, _ in written].count("stream_scorer.replays") == 1
    assert dict(written)["stream_scorer.replays"] == b"2"
    assert "stream_scorer.replayed_for" not in dict(written)


def test_a_message_may_hold_what_is_no_text() -> None:
    """Half a surrogate can't be written as UTF-8."""
    problem = replace(LETTER.problem, message="a\ud800b")
    assert headers_of(replace(LETTER, problem=problem))["__streams.errors.message"] == b"a?b"


def test_the_size_of_a_record_counts_bytes_not_characters() -> None:
    """A header's name is UTF-8 on the wire."""
    assert record_bytes(b"abc", b"k", [("äöü", b"1234")]) >= 3 + 1 + 6 + 4
    assert record_bytes(None, None, None) == 0
