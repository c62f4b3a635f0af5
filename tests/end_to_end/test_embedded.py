"""A worker in somebody else's process: it scores, stops when it is told, and takes nothing over."""

from __future__ import annotations

import gc
import logging
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from stream_scorer import ConfigError, Unreachable, Worker, load
from tests import topics
from tests.end_to_end.test_exactly_once import PARTITIONS, numbered
from tests.end_to_end.workers import Scoring, assert_each_event_has_one_trace

pytestmark = pytest.mark.kafka


def of_the_process() -> list[object]:
    """What belongs to the process, and not to a worker in it."""
    handlers = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
    return [
        handlers,
        gc.get_threshold(),
        gc.get_freeze_count(),
        logging.getLogger().handlers[:],
        logging.getLogger("stream_scorer").handlers[:],
    ]


def test_a_worker_runs_in_a_thread_of_its_user(
    scoring: Scoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a pipeline that is loaded already; each event has one trace, and its stop commits."""
    scoring.set_up({"batching": {"max_records": 64}}, partitions=PARTITIONS)
    events = numbered(0, 2_000)
    scoring.write(events)
    monkeypatch.chdir(scoring.folder)
    before, threads = of_the_process(), set(threading.enumerate())
    stop = threading.Event()
    with load(scoring.config) as pipeline, ThreadPoolExecutor(1) as pool:
        worker = Worker.from_config(scoring.config, pipeline=pipeline)
        ended = pool.submit(worker.run, stop)
        try:
            scoring.wait_until_done()
            assert of_the_process() == before
        finally:
            stop.set()
        ended.result(topics.PATIENCE_SECONDS)
    assert_each_event_has_one_trace(scoring, len(events))
    scored = worker.metrics.get_sample_value("stream_scorer_events_scored_total")
    assert scored == len(scoring.scored())
    assert set(threading.enumerate()) <= threads


def test_a_worker_without_topics_refuses_to_start(
    scoring: Scoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an exception that says which, and no exit of the process."""
    monkeypatch.chdir(scoring.folder)
    scoring.set_up()
    worker = Worker.from_config(scoring.config, overrides=["kafka.output_topic=nosuch"])
    with pytest.raises(Unreachable, match="nosuch"):
        worker.run(threading.Event())


def test_a_worker_needs_the_section_kafka(
    scoring: Scoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence is that of the command."""
    monkeypatch.chdir(scoring.folder)
    (scoring.folder / "none.yaml").write_text("model: {path: model.onnx}\n")
    with pytest.raises(ConfigError, match="kafka"):
        Worker.from_config("none.yaml")
