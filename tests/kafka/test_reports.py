"""Which records of a burst are refused, told from what the client reports; no broker is needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from confluent_kafka import KafkaError, Message

from stream_scorer.kafka.reports import ONE_BY_ONE, Reports
from stream_scorer.records import ScoredEvents

NAMED, OTHER = KafkaError.INVALID_RECORD, KafkaError._INVALID_DIFFERENT_RECORD
TIMESTAMP, SIZE = KafkaError.INVALID_TIMESTAMP, KafkaError.MSG_SIZE_TOO_LARGE
PURGED = KafkaError._PURGE_QUEUE


def events(*values: bytes, timestamps: Sequence[int] | None = None) -> ScoredEvents:
    """Return events of one partition."""
    rows = len(values)
    times = np.array(timestamps or [1] * rows, np.int64)
    return ScoredEvents(values, [b"k"] * rows, [None] * rows, times, np.zeros(rows, np.int64))


def failed(
    reports: Reports, codes: Sequence[int], values: Sequence[bytes], partition: int = 0, **of: Any
) -> None:
    """Report a batch as the client does: offsets count from -1."""
    for row, (code, value) in enumerate(zip(codes, values, strict=True)):
        message = Message(
            topic=of.get("topic", "out"),
            partition=partition,
            offset=of.get("offset", row - 1),
            key=b"k",
            value=value,
        )
        reports.heard(KafkaError(code), message)


def named(reports: Reports) -> dict[int, str]:
    """Return what a refusal names."""
    return dict(reports.refusal("refused", {}).refused)


def burst(*produced: ScoredEvents) -> Reports:
    """Return the reports of a burst in which this was produced."""
    reports = Reports()
    reports.begin()
    for each in produced:
        reports.producing("out", each)
    return reports


def test_records_are_numbered_over_all_that_was_produced() -> None:
    """Where their neighbours are said to be no culprits."""
    reports = burst(events(b"a", b"b"), events(b"c", b"d"))
    failed(reports, [NAMED, OTHER, OTHER, NAMED], [b"a", b"b", b"c", b"d"])
    assert set(named(reports)) == {0, 3}
    assert "failed to validate record" in named(reports)[3]


def test_a_batch_of_which_all_have_one_error_names_nobody() -> None:
    """It has one culprit: the others are not to blame."""
    reports = burst(events(b"a", b"b", b"c"))
    failed(reports, [TIMESTAMP] * 3, [b"a", b"b", b"c"])
    assert named(reports) == {}


def test_such_a_batch_is_told_from_one_that_names_its_culprits() -> None:
    """Also if they are of one partition, and of one error."""
    reports = burst(events(b"a", b"b", b"c", b"d", b"e"))
    failed(reports, [NAMED, OTHER, NAMED], [b"a", b"b", b"c"])
    failed(reports, [NAMED, NAMED], [b"d", b"e"])
    assert set(named(reports)) == {0, 2}


def test_a_record_alone_in_its_partition_is_the_culprit() -> None:
    """Whatever the error; what was purged because of it is no report of a refusal."""
    reports = burst(events(b"a", b"b", b"c"))
    failed(reports, [SIZE], [b"a"])
    failed(reports, [PURGED, PURGED], [b"b", b"c"], partition=1)
    assert set(named(reports)) == {0}


def test_a_client_that_counts_no_offsets_makes_nobody_a_culprit() -> None:
    """Each message looks like a batch then, and a batch of one would be sure."""
    reports = burst(events(b"a", b"b"))
    failed(reports, [TIMESTAMP, TIMESTAMP], [b"a", b"b"], offset=-1)
    assert named(reports) == {}


def test_records_that_look_alike_in_a_report_are_not_blamed_for_each_other() -> None:
    """Timestamps are not reported; the same ones are refused together."""
    reports = burst(events(b"a", b"a", b"b", b"b", timestamps=[1, 9, 5, 5]))
    failed(reports, [OTHER, NAMED, NAMED, NAMED], [b"a", b"a", b"b", b"b"])
    assert set(named(reports)) == {2, 3}


def test_after_a_refusal_of_nobody_the_next_burst_goes_one_by_one() -> None:
    """Each report has a number then; once it is over the client is replaced."""
    reports = burst(events(b"a", b"a"))
    failed(reports, [TIMESTAMP, TIMESTAMP], [b"a", b"a"])
    assert named(reports) == {}
    assert reports.fitted({})["batch.num.messages"] == 1
    reports.begin()
    reports.producing("out", events(b"z"))
    reports.producing("out", events(b"a", b"a"))
    hears = reports.callbacks(1)
    callback = next(hears)
    assert callback is not None
    callback(KafkaError(TIMESTAMP), Message(topic="out", value=b"a"))
    assert set(named(reports)) == {2}
    assert reports.fitted({}) == {}


def test_a_slow_client_is_not_kept() -> None:
    """What it was made for is written, or will be found again."""
    reports = burst(events(b"a", b"b"))
    failed(reports, [TIMESTAMP, TIMESTAMP], [b"a", b"b"])
    assert named(reports) == {}
    reports.begin()
    assert reports.written()
    assert reports.fitted({}) == {}
    reports.begin()
    assert not reports.written()


def test_a_batch_that_is_too_large_makes_the_later_ones_smaller() -> None:
    """They would be refused each time; what the brokers take wins as soon as it is known."""
    reports = burst(events(b"a", b"b"))
    failed(reports, [SIZE, SIZE], [b"a", b"b"])
    assert reports.refusal("refused", {"batch.size": 4000}).refused == {}
    assert reports.fitted({"batch.size": 4000}) == {"batch.size": 1000, **ONE_BY_ONE}
    reports.fit({"batch.size": 2000})
    assert reports.fitted({"batch.size": 4000})["batch.size"] == 2000


def test_what_the_client_itself_does_not_take_has_a_number() -> None:
    """It is larger than any topic takes, and is never sent."""
    reports = burst(events(b"a"), events(b"b", b"c"))
    reports.not_taken(1, KafkaError(SIZE))
    assert set(named(reports)) == {2}
