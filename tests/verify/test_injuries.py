"""Injuries: a worker does to itself what it was ordered to do, where, and as often."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stream_scorer.errors import TransactionAborted
from stream_scorer.verify.history import HistoryReader
from stream_scorer.verify.injuries import Injuries
from stream_scorer.verify.points import Act, Order, Point
from tests.topics import wait_for
from tests.verify.injured import Told

POINT = Point.AFTER_FETCH


def passed(injuries: Injuries, passes: int, point: Point = POINT) -> list[int]:
    """Which of so many passes were aborted."""
    aborted = []
    for number in range(passes):
        try:
            injuries.passing(point)
        except TransactionAborted:
            aborted.append(number)
    return aborted


def test_nothing_happens_without_an_order(told: Told) -> None:
    """A worker under proof is a worker."""
    injuries = told.injuries()
    assert not any(injuries.pending(point) for point in Point)
    assert passed(injuries, 3) == []
    assert told.entries == []


def test_an_order_is_carried_out_once_at_its_point_alone(told: Told) -> None:
    """And the history says so before it happens."""
    injuries = told.injuries()
    injuries.order(Order(POINT, Act.ABORT))
    assert passed(injuries, 1, Point.AFTER_COMMIT) == []
    assert injuries.pending(POINT)
    assert passed(injuries, 3) == [0]
    assert not injuries.pending(POINT)
    assert told.entries == [("reached", {"point": "after-fetch", "act": "abort"})]


def test_an_order_for_several_passes_is_carried_out_so_often(told: Told) -> None:
    """One after the other."""
    injuries = told.injuries()
    injuries.order(Order(POINT, Act.ABORT, times=3))
    assert passed(injuries, 5) == [0, 1, 2]


def test_a_share_of_the_passes_follows_from_the_dice(tmp_path: Path) -> None:
    """The same worker is injured at the same passes again."""
    found = []
    for run in (1, 2):
        told = Told(tmp_path / str(run))
        injuries = told.injuries(seed=7)
        injuries.order(Order(POINT, Act.ABORT, times=1_000, share=1 / 3))
        found.append(passed(injuries, 300))
        told.file.close()
    assert found[0] == found[1]
    assert 70 < len(found[0]) < 130


def test_what_was_ordered_can_be_taken_back(told: Told) -> None:
    """Also where nothing was."""
    injuries = told.injuries()
    injuries.order(Order(POINT, Act.KILL, times=0))
    injuries.order(Order(POINT, Act.KILL))
    injuries.order(Order(POINT, Act.KILL, times=0))
    assert not injuries.pending(POINT)
    assert passed(injuries, 2) == []


def test_the_last_order_for_a_point_counts(told: Told) -> None:
    """A second fault at the same point replaces the first."""
    injuries = told.injuries()
    injuries.order(Order(POINT, Act.KILL))
    injuries.order(Order(POINT, Act.ABORT))
    assert passed(injuries, 2) == [0]


def test_a_worker_can_be_ordered_to_sleep(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as the order says."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    injuries = told.injuries()
    injuries.order(Order(POINT, Act.SLEEP, seconds=14.0))
    injuries.passing(POINT)
    assert slept == [14.0]


INJURED = """
import pathlib, random, signal, sys
from stream_scorer.verify.history import HistoryFile
from stream_scorer.verify.injuries import Injuries
from stream_scorer.verify.points import Act, Order, Point

history = HistoryFile(pathlib.Path(sys.argv[1]), "worker-1.1")
injuries = Injuries(history, random.Random(1))
injuries.order(Order(Point.AFTER_COMMIT, Act(sys.argv[2])))
if sys.argv[3] == "during":
    with injuries.during(Point.AFTER_COMMIT):
        signal.pause()
injuries.passing(Point.AFTER_COMMIT)
history.write("went on")
"""


def injured(path: Path, act: Act, how: str = "passing") -> subprocess.Popen[bytes]:
    """A process that injures itself."""
    return subprocess.Popen([sys.executable, "-c", INJURED, path, act, how])  # noqa: S603 - ours


@pytest.mark.parametrize("how", ["passing", "during"])
@pytest.mark.parametrize("act", [Act.KILL, Act.TERMINATE])
def test_a_worker_ends_itself_by_the_signal(tmp_path: Path, act: Act, how: str) -> None:
    """In the middle of what it does, having said so."""
    process = injured(tmp_path / "history", act, how)
    assert process.wait(60) == -signal.Signals[act]
    read = list(HistoryReader(tmp_path / "history").new())
    assert [(each.what, each.details["act"]) for each in read] == [("reached", act)]


def test_a_frozen_worker_goes_on_where_it_was(tmp_path: Path) -> None:
    """It does not know that it was away."""
    process = injured(tmp_path / "history", Act.FREEZE)
    reader = HistoryReader(tmp_path / "history")
    state = Path(f"/proc/{process.pid}/stat")
    wait_for(lambda: state.read_text().rpartition(")")[2].split()[0] == "T", "the process to stop")
    assert [each.what for each in reader.new()] == ["reached"]
    process.send_signal(signal.SIGCONT)
    assert process.wait(60) == 0
    assert [each.what for each in reader.new()] == ["went on"]


def test_a_call_that_fails_under_an_injury_fails_as_ever(told: Told) -> None:
    """And what was ordered has happened by then."""
    injuries = told.injuries()
    injuries.order(Order(POINT, Act.SLEEP))
    with pytest.raises(TransactionAborted, match="no coordinator"), injuries.during(POINT):
        raise TransactionAborted("no coordinator")
    assert told.whats == ["reached"]
