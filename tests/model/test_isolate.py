"""Inference that fails for a batch: the culprits stand alone, the others are scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from stream_scorer.errors import Broken, Terminated
from stream_scorer.model.isolate import run_in_calls, run_isolating
from stream_scorer.model.session import Model, load_model
from stream_scorer.records import Reason, Stage
from tests.model.making import passing, value, write_model

TABLE = np.array([10, 20, 30, 40], np.float32)


@pytest.fixture
def table(tmp_path: Path) -> Model:
    """A model that looks up a table: an index beyond it fails the whole batch."""
    path = write_model(
        tmp_path / "m.onnx",
        [helper.make_node("Gather", ["table", "x"], ["y"])],
        [value("x", "int64", "N")],
        [value("y", "float32", "N")],
        initializers=[numpy_helper.from_array(TABLE, "table")],
    )
    return load_model(path, name="table")


class CountingSession:
    """Passes calls on to a session and counts them; after ``lasts`` calls the device is gone."""

    def __init__(self, session: Any, lasts: int = 1 << 30) -> None:
        self.session = session
        self.lasts = lasts
        self.calls = 0
        self.most_rows = 0

    def run(self, *arguments: Any) -> list[NDArray[Any]]:
        """Runs the real session as long as it lasts."""
        self.calls += 1
        self.most_rows = max(self.most_rows, *map(len, arguments[1].values()), 0)
        if self.calls > self.lasts:
            raise RuntimeError("device lost")
        outputs: list[NDArray[Any]] = self.session.run(*arguments)
        return outputs


class ShortOfMemory:
    """Passes calls of up to two rows on to a session."""

    def __init__(self, session: Any) -> None:
        self.session = session

    def run(self, names: list[str], tensors: Any, options: Any) -> list[NDArray[Any]]:
        """Runs the real session unless there are more than two rows."""
        if len(tensors["x"]) > 2:
            raise RuntimeError("Failed to allocate memory for requested buffer of size 4194304")
        outputs: list[NDArray[Any]] = self.session.run(names, tensors, options)
        return outputs


def test_a_good_batch_is_one_call(table: Model) -> None:
    """Nothing is probed that does not fail."""
    session = CountingSession(table._session)
    table._session = session

    inference = run_isolating(table, {"x": np.array([0, 3])}, 2, ["y"])

    assert inference.arrays["y"].tolist() == [10, 40]
    assert inference.good_rows.tolist() == [0, 1]
    assert inference.problems == {}
    assert session.calls == 1


@pytest.mark.parametrize(
    "culprits", [[0], [6], [0, 1], [2, 5], [0, 1, 2, 3, 4, 5, 6], [1, 3, 5], [6, 0]]
)
def test_the_culprits_stand_alone_and_the_rest_is_scored(table: Model, culprits: list[int]) -> None:
    """In the order of the input, whichever rows they are."""
    rows = np.array([0, 1, 2, 3, 2, 1, 0])
    expected = [TABLE[index] for row, index in enumerate(rows) if row not in culprits]
    rows[culprits] = 99

    inference = run_isolating(table, {"x": rows}, 7, ["y"])

    assert sorted(inference.problems) == sorted(culprits)
    assert inference.arrays["y"].tolist() == expected
    assert inference.good_rows.tolist() == [row for row in range(7) if row not in culprits]


def test_many_rows_are_several_calls(table: Model) -> None:
    """No call is larger than it may be; rows and culprits keep their places in the whole batch."""
    rows = np.array([0, 1, 2, 3, 2, 99, 0, 1, 3, 3, 99])
    session = CountingSession(table._session)
    table._session = session

    inference = run_in_calls(table, {"x": rows}, 11, ["y"], 4)

    good = [row for row in range(11) if rows[row] != 99]
    assert sorted(inference.problems) == [5, 10]
    assert inference.good_rows.tolist() == good
    assert inference.arrays["y"].tolist() == [TABLE[rows[row]] for row in good]
    assert session.most_rows == 4


def test_a_culprit_is_told_what_the_model_said(table: Model) -> None:
    """ONNX Runtime names the node and the index."""
    inference = run_isolating(table, {"x": np.array([99])}, 1, ["y"])

    problem = inference.problems[0]
    assert (problem.reason, problem.stage) == (Reason.INFERENCE_FAILED, Stage.INFER)
    assert "idx=99" in problem.message
    assert inference.arrays["y"].shape == (0,)


def test_one_culprit_among_many_takes_few_calls(table: Model) -> None:
    """About twice the logarithm of the batch, not one call a row."""
    rows = np.zeros(1024, np.int64)
    rows[700] = 99
    session = CountingSession(table._session)
    table._session = session

    inference = run_isolating(table, {"x": rows}, 1024, ["y"])

    assert list(inference.problems) == [700]
    assert session.calls <= 1 + 2 * 10 + 2


def test_a_broken_device_makes_no_dead_letters(table: Model) -> None:
    """The probe row fails first."""
    table._session = CountingSession(table._session, lasts=0)

    with pytest.raises(Broken, match="device lost"):
        run_isolating(table, {"x": np.array([0, 1, 2])}, 3, ["y"])


def test_a_device_that_breaks_on_the_way_makes_no_dead_letters(table: Model) -> None:
    """A real culprit at first, then every row fails: the second probe tells."""
    table._session = CountingSession(table._session, lasts=3)

    with pytest.raises(Broken, match="device lost"):
        run_isolating(table, {"x": np.array([0, 1, 99, 2])}, 4, ["y"])


def test_a_batch_that_is_too_large_is_scored_in_parts(table: Model) -> None:
    """Memory that is full for the batch is not full for its halves."""
    table._session = ShortOfMemory(table._session)

    inference = run_isolating(table, {"x": np.array([0, 1, 2, 3, 0])}, 5, ["y"])

    assert inference.arrays["y"].tolist() == [10, 20, 30, 40, 10]
    assert inference.problems == {}


def test_a_stop_is_no_fault_of_a_row(tmp_path: Path) -> None:
    """What was terminated is not searched for culprits."""
    model = load_model(passing(tmp_path / "m.onnx", "float32", "N", 2))
    model.terminate()

    with pytest.raises(Terminated):
        run_isolating(model, {"x": np.zeros((4, 2), np.float32)}, 4, ["y"])
