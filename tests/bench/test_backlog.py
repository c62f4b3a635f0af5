"""Throughput: what was done between two moments, and what an event cost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream_scorer.bench.backlog import Moment, throughput_of
from stream_scorer.bench.counters import Counters
from stream_scorer.bench.usage import Usage
from stream_scorer.errors import ConfigError

STAGES = {"poll": 0.1, "decode": 0.2, "infer": 0.3, "encode": 0.4, "commit": 0.5}
FIRST = Moment(
    at=100.0,
    done=1_000,
    # A batch of 500 was polled and is not committed yet.
    counters=Counters(1_500, 1_000, {"undecodable": 5}, STAGES, 10, 1, 0),
    usage=Usage(100.0, loop=3.0, client=1.0, other=0.5, idle=50.0),
)
LAST = Moment(
    at=104.0,
    done=101_000,
    counters=Counters(
        101_000,
        101_000,
        {"undecodable": 7},
        {stage: seconds + 0.5 for stage, seconds in STAGES.items()},
        210,
        41,
        2,
    ),
    usage=Usage(104.0, loop=5.0, client=2.0, other=1.0, idle=53.0),
)


def test_what_came_before_the_first_commit_does_not_count() -> None:
    """The start, its imports and the first batches."""
    found = throughput_of(FIRST, LAST, 101_000, 10_100_000, 2**20)
    assert found.measured_events == 100_000
    assert found.seconds == 4.0
    assert found.events_per_second == 25_000
    assert found.micros == 40.0
    assert found.event_bytes == 100
    assert found.stages["infer"] == pytest.approx(5.0)
    assert found.stages["poll"] == pytest.approx(5.0 * 100_000 / 99_500)
    assert found.rest == pytest.approx(15.0, abs=0.1)
    assert found.loop_micros == pytest.approx(40.0)
    assert (found.commits, found.aborts) == (40, 2)
    assert found.commit_seconds == pytest.approx(0.5 / 40)
    assert found.batch_rows == pytest.approx(99_500 / 200)
    assert found.dead_letters == {"undecodable": 7}  # of the whole backlog
    assert found.peak_rss_bytes == 2**20


def test_the_kernels_books_are_an_event_s_and_the_cores() -> None:
    """Unless there are none."""
    busy = throughput_of(FIRST, LAST, 101_000, 1, None).busy
    assert busy is not None
    assert (busy.loop, busy.client, busy.other) == pytest.approx((20.0, 10.0, 5.0))
    assert busy.total == pytest.approx(35.0)
    assert busy.idle_cores == pytest.approx(0.75)
    assert throughput_of(replace(FIRST, usage=None), LAST, 101_000, 1, None).busy is None


def test_a_backlog_that_is_gone_at_once_says_nothing() -> None:
    """And how large it should be."""
    at_once = replace(LAST, at=FIRST.at + 0.2)
    with pytest.raises(ConfigError, match="Set --events 2020000 or more"):
        throughput_of(FIRST, at_once, 101_000, 1, None)
    with pytest.raises(ConfigError, match="--events 100000 or more"):
        throughput_of(FIRST, replace(FIRST, done=1_000), 1_000, 1, None)
