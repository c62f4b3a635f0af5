"""What a worker says of itself: read from its own page, and what came between two looks."""

from __future__ import annotations

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from stream_scorer.bench.counters import counters_of, parsed
from stream_scorer.errors import Broken
from stream_scorer.local.ports import ReservedPort
from stream_scorer.observe.metrics import Metrics
from stream_scorer.observe.routes import routes_of
from stream_scorer.observe.server import serving
from stream_scorer.records import Reason, Stage


def _work(metrics: Metrics, rows: int) -> None:
    """A batch, and its transaction."""
    metrics.polled({"in": rows})
    for stage, seconds in {
        Stage.POLL: 0.5,
        Stage.DECODE: 0.125,
        Stage.FEATURES: 0.125,
        Stage.INFER: 1.0,
        Stage.ENCODE: 0.25,
        Stage.COMMIT: 2.0,
    }.items():
        metrics.stage(stage, seconds)
    metrics.committed(rows - 1, {Reason.UNDECODABLE: 1}, np.zeros(rows))


def test_the_page_of_a_worker_is_understood() -> None:
    """Each name as the worker declares it."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    _work(metrics, 10)
    metrics.aborted(1)
    found = parsed(generate_latest(registry).decode())
    assert (found.consumed, found.traces, found.batches) == (10, 10, 1)
    assert found.dead_letters == {"undecodable": 1}
    assert found.stage_seconds == {
        "poll": 0.5, "decode": 0.25, "infer": 1.0, "encode": 0.25, "commit": 2.0,
    }  # fmt: skip
    assert (found.committed, found.aborted) == (1, 1)


def _no() -> str | None:
    return None


def test_what_came_between_two_looks_is_their_difference() -> None:
    """By HTTP, as a scraper gets it."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    routes = routes_of(
        registry, why_unhealthy=_no, why_not_ready=_no, status=lambda: b"{}", page=False
    )
    with serving(routes, host="127.0.0.1", port=0) as port:
        assert port is not None
        _work(metrics, 10)
        first = counters_of(port)
        _work(metrics, 30)
        spent = counters_of(port).since(first)
    assert (spent.consumed, spent.traces, spent.batches, spent.committed) == (30, 30, 1, 1)
    assert spent.stage_seconds["decode"] == 0.25
    assert spent.dead_letters == {"undecodable": 1}
    assert spent.aborted == 0


def test_a_worker_that_does_not_answer_is_told() -> None:
    """Its port is closed."""
    nobody = ReservedPort()
    with pytest.raises(Broken, match=r"worker.s metrics can.t be read"):
        counters_of(nobody.number)
    nobody.release()
