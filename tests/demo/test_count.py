"""The count: it is exact when all is well, and names each way in which it is not."""

from __future__ import annotations

import io

import fastavro
import pytest
from rich.console import Console

from stream_scorer.demo.count import (
    Place,
    Trace,
    count,
    dead_letter_trace,
    scored_trace,
)
from stream_scorer.demo.table import table_of, verdict_of
from stream_scorer.records import Headers, Reason, TopicPartition

SOURCE = TopicPartition("payments", 3)
EXPECTED = {
    Place(SOURCE, 0): None,
    Place(SOURCE, 1): Reason.UNDECODABLE,
    Place(SOURCE, 2): None,
    Place(SOURCE, 3): None,
}
SCORED_SCHEMA = fastavro.parse_schema(
    {
        "type": "record",
        "name": "Scored",
        "fields": [
            {"name": "score", "type": "float"},
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
)


def _trace(offset: int, reason: Reason | None = None, seen_ms: int = 1_050) -> Trace:
    return Trace(Place(SOURCE, offset), reason, 1_000, seen_ms)


ALL_WELL = [_trace(0), _trace(1, Reason.UNDECODABLE), _trace(2), _trace(3)]


def test_one_right_trace_for_each_event_is_exact() -> None:
    """The case that the demo is about."""
    tally = count(EXPECTED, ALL_WELL)
    assert tally.exact
    assert (tally.events_in, tally.scored, tally.dead_lettered) == (4, 3, 1)
    assert tally.dead_letters == {Reason.UNDECODABLE: 1}


def test_a_missing_trace_is_not_exact() -> None:
    """Lost is lost, even if only one."""
    tally = count(EXPECTED, ALL_WELL[:-1])
    assert tally.missing == 1
    assert not tally.exact


def test_a_second_trace_is_a_duplicate_and_not_exact() -> None:
    """Whether it is scored again or dead-lettered besides."""
    for second in (_trace(2), _trace(2, Reason.TOMBSTONE)):
        tally = count(EXPECTED, [*ALL_WELL, second])
        assert (tally.duplicated, tally.missing) == (1, 0)
        assert not tally.exact


def test_a_duplicate_does_not_make_up_for_a_missing_trace() -> None:
    """The totals agree, the events don't."""
    tally = count(EXPECTED, [*ALL_WELL[:-1], _trace(2)])
    assert (tally.duplicated, tally.missing) == (1, 1)
    assert not tally.exact


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (_trace(1), "payments[3]@1 is scored, not dead-lettered as undecodable."),
        (
            _trace(1, Reason.NO_SCHEMA),
            "payments[3]@1 is dead-lettered as no_schema, not dead-lettered as undecodable.",
        ),
    ],
)
def test_the_wrong_fate_is_unexpected_and_named(wrong: Trace, sentence: str) -> None:
    """A broken event that is scored, or fails for another reason, is a wrong count."""
    tally = count(EXPECTED, [ALL_WELL[0], wrong, *ALL_WELL[2:]])
    assert tally.unexpected == (sentence,)
    assert not tally.exact


def test_a_trace_of_an_event_that_was_never_sent_is_unexpected() -> None:
    """Something else writes to the topic, or the source is wrong."""
    tally = count(EXPECTED, [*ALL_WELL, _trace(99)])
    assert tally.unexpected == ("payments[3]@99 was never sent.",)
    assert not tally.exact


def test_scored_events_of_a_partition_must_come_in_its_order() -> None:
    """A dead letter stands in another topic, and its place among them does not matter."""
    dead_letter_last = [ALL_WELL[0], *ALL_WELL[2:], ALL_WELL[1]]
    assert count(EXPECTED, dead_letter_last).exact
    swapped = count(EXPECTED, [_trace(2), _trace(0), *ALL_WELL[1:2], _trace(3)])
    assert swapped.out_of_order == 1
    assert not swapped.exact


def test_rate_and_latency_come_from_timestamps_and_sightings() -> None:
    """100 events sent at 1,000 ms and seen one a millisecond from 1,001 to 1,100 ms."""
    expected = {Place(SOURCE, offset): None for offset in range(100)}
    tally = count(expected, [_trace(i, seen_ms=1_001 + i) for i in range(100)])
    assert tally.events_per_second == pytest.approx(1_000)
    assert tally.p50_latency_ms == pytest.approx(50.5)
    assert tally.p99_latency_ms == pytest.approx(99.01)


def test_nothing_seen_is_a_count_too() -> None:
    """All missing, no rate, and no crash."""
    tally = count(EXPECTED, [])
    assert (tally.missing, tally.events_per_second, tally.exact) == (4, 0.0, False)


def test_a_scored_event_says_whose_trace_it_is() -> None:
    """By the field ``source``, behind the five bytes of framing."""
    stream = io.BytesIO()
    source = {"topic": "payments", "partition": 3, "offset": 2**40}
    fastavro.schemaless_writer(stream, SCORED_SCHEMA, {"score": 0.5, "source": source})
    value = b"\x00\x00\x00\x00\x03" + stream.getvalue()
    trace = scored_trace(value, SCORED_SCHEMA, 1_000, 1_050)
    assert trace == Trace(Place(SOURCE, 2**40), None, 1_000, 1_050)


def test_a_dead_letter_says_whose_trace_it_is_and_why() -> None:
    """By its headers, among those of the input event, which may be null."""
    headers: Headers = [
        ("traceparent", None),
        ("__streams.errors.topic", b"payments"),
        ("__streams.errors.partition", b"3"),
        ("__streams.errors.offset", b"1"),
        ("stream_scorer.reason", b"undecodable"),
    ]
    assert dead_letter_trace(headers, 1_000, 1_050) == _trace(1, Reason.UNDECODABLE)


def test_the_table_shows_every_number_and_the_verdict() -> None:
    """What the demo prints at its end."""
    console = Console(width=100, record=True, file=io.StringIO())
    tally = count(EXPECTED, ALL_WELL)
    console.print(table_of(tally), verdict_of(tally))
    text = console.export_text()
    for words in (
        "4  events in",
        "3  scored",
        "undecodable 1",
        "0  missing",
        "50 ms  p99",
        "Exact",
    ):
        assert words in text


def test_the_verdict_on_a_wrong_count_names_the_first_things_that_are_wrong() -> None:
    """Five of them, and how many more."""
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(verdict_of(count({}, [_trace(offset) for offset in range(8)])))
    text = console.export_text()
    assert "Not exact" in text
    assert "payments[3]@4 was never sent." in text
    assert "and 3 more" in text
