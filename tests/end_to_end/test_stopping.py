"""How a worker ends: when asked to, when it must not go on, and what it leaves behind."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from stream_scorer.app.stopping import BOUND_SECONDS, INFERENCE_SECONDS
from tests import topics
from tests.end_to_end.workers import Scoring, event_value
from tests.model.making import value, write_model

pytestmark = pytest.mark.kafka

WIDTH = 512


def events(*ids: str, a: float = 1.0) -> list[topics.Event]:
    """Return well-formed events."""
    return [topics.Event(event_value(each, a)) for each in ids]


def write_slow_model(path: Path) -> None:
    """Write a model that multiplies matrices ``a`` times, and gives ``a`` and ``b`` back."""
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["carried", "square"], ["next"]),
            helper.make_node("Identity", ["go_on"], ["still"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("carried", TensorProto.FLOAT, [WIDTH, WIDTH]),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, [WIDTH, WIDTH]),
        ],
    )
    zeros = np.zeros((WIDTH, WIDTH), np.float32)
    nodes = [
        helper.make_node("ReduceMax", ["x"], ["largest"], keepdims=0),
        helper.make_node("Cast", ["largest"], ["turns"], to=TensorProto.INT64),
        helper.make_node("Loop", ["turns", "", "square"], ["end"], body=body),
        helper.make_node("ReduceSum", ["end"], ["nothing"], keepdims=0),
        helper.make_node("Add", ["x", "nothing"], ["y"]),
    ]
    write_model(
        path,
        nodes,
        [value("x", "float32", None, 2)],
        [value("y", "float32", None, 2)],
        initializers=[numpy_helper.from_array(zeros, "square")],
    )


def test_a_stop_ends_an_inference_that_takes_too_long(scoring: Scoring) -> None:
    """The scored events before it are committed, it is not; exit 0 within the bound."""
    write_slow_model(scoring.folder / "model.onnx")
    scoring.set_up({"batching": {"max_records": 2}})
    scoring.write(events("e0", "e1"))
    worker = scoring.start()
    scoring.wait_until_done()
    scoring.write(events("slow", a=1e9))
    worker.wait_for("partitions assigned")
    busy = worker.cpu_seconds()
    topics.wait_for(lambda: worker.cpu_seconds() > busy + 1, "the inference runs")
    started = time.monotonic()
    assert worker.stop() == 0
    assert INFERENCE_SECONDS < time.monotonic() - started < BOUND_SECONDS
    assert [record["event_id"] for record in scoring.read()] == ["e0", "e1"]
    assert "stopped" in worker.words()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_another_worker_takes_over_at_once_from_one_that_was_stopped(
    scoring: Scoring, number: signal.Signals
) -> None:
    """The group is left: nobody waits for a session to time out."""
    scoring.set_up({"kafka": {"consumer": {"session.timeout.ms": "45000"}}})
    scoring.write(events("e0"))
    first = scoring.start()
    scoring.wait_until_done()
    second = scoring.start()
    second.wait_for("running")
    first.send(number)
    assert first.exit_code() == 0
    scoring.write(events("e1"))
    started = time.monotonic()
    scoring.wait_until_done()
    assert time.monotonic() - started < 15
    assert [record["event_id"] for record in scoring.read()] == ["e0", "e1"]


def test_a_bad_event_without_a_dead_letter_topic_stops_the_worker(scoring: Scoring) -> None:
    """Exit 5, one sentence; the group stays before the event, and a topic later makes it good."""
    scoring.set_up({"kafka": {"dead_letter_topic": None}})
    scoring.write([*events("e0"), topics.Event(b"bad"), *events("e2")])
    worker = scoring.start()
    assert worker.exit_code() == 5
    last = worker.words().splitlines()[-1]
    assert last.startswith(f"Error: {scoring.source} [0] at offset 1 can't be scored (undecodable:")
    assert "Traceback" not in worker.words()
    assert topics.committed(scoring.bootstrap_servers, scoring.group, scoring.source) == {}
    scoring.start(f"kafka.dead_letter_topic={scoring.dead}")
    scoring.workers.pop(0)
    scoring.wait_until_done()
    assert [record["event_id"] for record in scoring.read()] == ["e0", "e2"]
    assert scoring.reasons() == ["undecodable"]


def test_too_many_dead_letters_stop_the_worker(scoring: Scoring) -> None:
    """Exit 5 before the set that would cross the budget is committed."""
    budget = {"ratio": 0.5, "window": "60s", "minimum": 3}
    scoring.set_up({"dead_letters": {"budget": budget}})
    scoring.write([*events("e0"), topics.Event(b"bad")])
    worker = scoring.start()
    scoring.wait_until_done()
    scoring.write([topics.Event(b"bad")] * 9)
    assert worker.exit_code() == 5
    assert "would cross dead_letters.budget" in worker.words()
    assert scoring.reasons() == ["undecodable"]
    (done,) = topics.committed(scoring.bootstrap_servers, scoring.group, scoring.source).values()
    assert done == 2


def test_a_worker_that_lost_data_stops(scoring: Scoring) -> None:
    """Exit 4, and the gap is named."""
    scoring.set_up()
    scoring.write(events("e0", "e1", "e2"))
    worker = scoring.start()
    scoring.wait_until_done()
    assert worker.stop() == 0
    scoring.write(events("e3", "e4"))
    topics.delete_before(scoring.bootstrap_servers, scoring.source, 4)
    late = scoring.start()
    assert late.exit_code() == 4
    assert "committed offset 3, but the log now runs from 4 to 5" in late.words()
