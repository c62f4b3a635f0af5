"""The check of what a contender wrote finds each way to be wrong, and nothing in what is right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import backlog, events, exactness, workloads
from benchmarks.backlog import Backlog
from benchmarks.exactness import NotExact
from benchmarks.reading import Output

BACKLOG = Backlog("events", 4, 40, has_headers=False, mean_bytes=3.0, samples={0: b"", 7: b""})
ALL = (10, 10, 10, 10)


def output_of(*numbers: int, **others: Any) -> Output:
    """What a contender wrote who did everything right, and only these events, in this order."""
    events = np.array(numbers, np.int64)
    right = Output(
        numbers=events,
        partitions=events % 4,
        timestamps=backlog.timestamps_of(events),
        other_headers=(),
        values={number: b"%d" % number for number in numbers},
        mean_bytes=1.0,
    )
    return replace(right, **others)


def test_everything_in_the_order_of_its_partition_is_exact() -> None:
    """How the partitions interleave is nobody's business."""
    by_partition = [number for place in (2, 0, 3, 1) for number in range(place, 40, 4)]
    exactness.check_events(output_of(*range(40)), BACKLOG, ALL)
    exactness.check_events(output_of(*by_partition), BACKLOG, ALL)


def test_what_is_not_committed_need_not_be_there() -> None:
    """A run that was ended early has done a part of each partition."""
    exactness.check_events(output_of(0, 1, 4, 2), BACKLOG, (2, 1, 1, 0))


@pytest.mark.parametrize(
    ("numbers", "committed", "what"),
    [
        ((0, 1, 2), (1, 1, 1, 1), "Event 3 is committed, but its output is missing"),
        ((0, 1, 1, 2, 3), (1, 1, 1, 1), "Event 1 has more than one output"),
        ((0, 1, 2, 3, 4), (1, 1, 1, 1), "Event 4 has an output, but is not committed"),
        ((0, 1, 6, 2, 3), (1, 1, 2, 1), "Event 2 is out of order"),
        ((0, 1, 2, 3, -1), (1, 1, 1, 1), "Event -1 is not of the input"),
        ((0, 1, 2, 3, 40), (1, 1, 1, 1), "Event 40 is not of the input"),
    ],
)
def test_an_event_too_few_too_many_or_out_of_order_is_found(
    numbers: tuple[int, ...], committed: tuple[int, ...], what: str
) -> None:
    """The first of them is named."""
    with pytest.raises(NotExact, match=what):
        exactness.check_events(output_of(*numbers), BACKLOG, committed)


def test_how_many_are_wrong_is_said() -> None:
    """One may be an accident, thousands are none."""
    with pytest.raises(NotExact, match=r"Event 0 .* missing, and 39 others"):
        exactness.check_events(output_of(), BACKLOG, ALL)


def test_another_partition_is_found_unless_the_contender_chooses_by_key() -> None:
    """Events of one partition stay in order wherever they go together."""
    moved = output_of(*range(40), partitions=(np.arange(40) + 1) % 4)
    exactness.check_events(moved, BACKLOG, ALL, keeps_partition=False)
    with pytest.raises(NotExact, match="Event 0 is in another partition, and 39 others"):
        exactness.check_events(moved, BACKLOG, ALL)


def test_another_timestamp_is_found() -> None:
    """The output keeps the input's."""
    stamps = backlog.timestamps_of(np.arange(40))
    stamps[17] += 1
    with pytest.raises(NotExact, match=r"Event 17 has lost its timestamp\."):
        exactness.check_events(output_of(*range(40), timestamps=stamps), BACKLOG, ALL)


def test_other_headers_are_found() -> None:
    """The reader compares them as they come; the check refuses what it found."""
    with pytest.raises(NotExact, match=r"Event 5 has lost its headers\."):
        exactness.check_events(output_of(*range(40), other_headers=(5,)), BACKLOG, ALL)


def test_a_score_within_the_tolerance_is_right() -> None:
    """1e-5, absolute and of the score."""
    expected = {0: 0.0, 7: 7.00006}
    exactness.check_scores(output_of(0, 7), expected, ALL, float)


def test_a_wrong_score_is_found() -> None:
    """With what it should have been."""
    with pytest.raises(NotExact, match=r"Event 7 has the score 7 instead of 7\.001, and 0 others"):
        exactness.check_scores(output_of(0, 7), {0: 0.0, 7: 7.001}, ALL, float)


def test_a_score_that_is_not_a_number_is_wrong() -> None:
    """It compares equal to nothing."""
    values = {0: b"nan"}
    with pytest.raises(NotExact, match="Event 0 has the score nan"):
        exactness.check_scores(output_of(0, values=values), {0: 0.0}, ALL, float)


def test_an_output_that_cannot_be_read_is_not_exact() -> None:
    """It is a sentence, no traceback."""
    with pytest.raises(NotExact, match="The output of event 0 can't be read"):
        exactness.check_scores(output_of(0, values={0: b"?"}), {0: 0.0}, ALL, float)


def test_scores_of_events_that_are_not_committed_are_not_asked_for() -> None:
    """But if none is left, nothing was checked, and that is not exact either."""
    exactness.check_scores(output_of(0), {0: 0.0, 7: 7.0}, (1, 0, 0, 1), float)
    with pytest.raises(NotExact, match="No event was committed whose score is known"):
        exactness.check_scores(output_of(0), {7: 7.0}, (1, 0, 0, 1), float)


@pytest.mark.parametrize("workload", workloads.workloads(), ids=lambda workload: workload.name)
def test_every_workload_has_scores_that_tell_its_events_apart(
    workload: workloads.Workload, tmp_path: Path
) -> None:
    """Else a score in the wrong place would pass."""
    workloads.prepare(workload, tmp_path)
    samples = dict(enumerate(events.values(50, kind=workload.kind)))
    scores = exactness.expected_scores(tmp_path, samples)
    assert list(scores) == list(samples)
    assert len({round(score, 5) for score in scores.values()}) > 40
    assert workloads.has_headers(tmp_path) == workload.has_headers


def test_the_key_says_which_event_it_is() -> None:
    """Any other key says that it is none."""
    assert backlog.number_of(backlog.key_of(123)) == 123
    assert [backlog.number_of(key) for key in (None, b"", b"c-", b"x-1", b"c-1x")] == [-1] * 5


def test_the_headers_are_two_and_differ_from_event_to_event() -> None:
    """And there are none where a workload has none."""
    with_headers = replace(BACKLOG, has_headers=True)
    assert BACKLOG.headers_of(1) == []
    assert len(with_headers.headers_of(1)) == 2
    assert with_headers.headers_of(1) != with_headers.headers_of(2)
