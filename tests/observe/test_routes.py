"""What is answered at which path."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry, Counter

from stream_scorer.observe.page import page_files
from stream_scorer.observe.routes import Routes, routes_of


def routes(
    *,
    why_unhealthy: Callable[[], str | None] = lambda: None,
    why_not_ready: Callable[[], str | None] = lambda: None,
    page: bool = True,
) -> Routes:
    """The routes of a worker with one counter."""
    registry = CollectorRegistry()
    Counter("events", "Events.", registry=registry).inc(3)
    return routes_of(
        registry,
        why_unhealthy=why_unhealthy,
        why_not_ready=why_not_ready,
        status=lambda: b'{"worker": {}}',
        page=page,
    )


@pytest.mark.parametrize(("path", "other"), [("/healthz", "/readyz"), ("/readyz", "/healthz")])
def test_a_probe_gets_200_or_503_with_the_reason(path: str, other: str) -> None:
    """Each has its own reason."""
    why = {path: "the loop hangs"}
    found = routes(
        why_unhealthy=lambda: why.get("/healthz"), why_not_ready=lambda: why.get("/readyz")
    )
    assert (found[path]("").status, found[path]("").body) == (503, b"the loop hangs\n")
    assert (found[other]("").status, found[other]("").body) == (200, b"ok\n")
    why.clear()
    assert found[path]("").status == 200


def test_metrics_are_in_the_format_that_is_asked_for() -> None:
    """Text, or OpenMetrics."""
    plain = routes()["/metrics"]("*/*")
    assert plain.content_type.startswith("text/plain; version=")
    assert b"\nevents_total 3.0\n" in plain.body
    open_metrics = routes()["/metrics"]("application/openmetrics-text; version=1.0.0")
    assert open_metrics.content_type.startswith("application/openmetrics-text")
    assert open_metrics.body.endswith(b"# EOF\n")


def test_the_status_is_json() -> None:
    """As the worker writes it."""
    answer = routes()["/status"]("")
    assert answer.content_type == "application/json"
    assert json.loads(answer.body) == {"worker": {}}


def test_the_page_is_at_the_root_and_can_be_left_away() -> None:
    """Then there is nothing but what machines read."""
    with_page, without = routes(), routes(page=False)
    assert set(without) == {"/metrics", "/healthz", "/readyz", "/status"}
    assert set(with_page) == set(without) | set(page_files())
    answer = with_page["/"]("")
    assert (answer.status, answer.content_type) == (200, "text/html; charset=utf-8")
