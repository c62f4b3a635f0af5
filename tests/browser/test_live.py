"""The page of real workers on a real Kafka: it follows them, whatever becomes of them."""

from __future__ import annotations

import json
import re
import signal
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from stream_scorer.local.kafka import EmbeddedKafka
from tests import topics
from tests.browser.visits import PATIENCE_MS, Visit, visit
from tests.end_to_end.workers import Process, Scoring, event_value

pytestmark = pytest.mark.kafka

HIDDEN = "card-4711-0815"


def scores(scoring: Scoring, port: int, **server: Any) -> Process:
    """Set up a scorer with a page and start a worker; it answers when this returns."""
    scoring.set_up(
        {
            "model": {"outputs": {"score": "y[0]"}},
            "server": {"host": "127.0.0.1", "port": port, **server},
            "kafka": {"consumer": {"statistics.interval.ms": "500", **_quick()}},
        }
    )
    worker = scoring.start()
    worker.wait_for('"running"')
    return worker


def _quick() -> Mapping[str, str]:
    return {"session.timeout.ms": "6000", "heartbeat.interval.ms": "500"}


def test_the_page_follows_what_is_scored(scoring: Scoring, browser: Browser, port: int) -> None:
    """Counts, lag, scores and dead letters change while one looks; nobody else is asked."""
    scores(scoring, port)
    visited = looking(browser, port)
    visited.title("Ready")
    scoring.write([topics.Event(event_value(f"e{each}")) for each in range(50)])
    visited.says("#figures", "50 in all")
    visited.says("#scores", "50 recent")
    scoring.write([*(topics.Event(event_value(f"f{each}")) for each in range(30)), bad()])
    visited.says("#figures", "80 in all")
    visited.says("#reasons", "undecodable")
    visited.says("#samples", f"{scoring.source}[0]@80")
    visited.says("#partitions", "81")
    assert {each.startswith(f"http://127.0.0.1:{port}/") for each in visited.requests} == {True}
    assert visited.console == []
    assert visited.faults() == []


def test_a_worker_that_is_stopped_does_not_answer(
    scoring: Scoring, browser: Browser, port: int
) -> None:
    """Its last numbers stay to be read; when it goes on, so does the page."""
    worker = scores(scoring, port)
    scoring.write([topics.Event(event_value("e0"))])
    visited = looking(browser, port)
    visited.says("#figures", "1 in all")
    worker.send(signal.SIGSTOP)
    visited.title("Does not answer")
    visited.says("#state-detail", "No answer for")
    assert "1 in all" in visited.text("#figures")
    worker.send(signal.SIGCONT)
    visited.title("Ready")


def test_the_page_survives_the_worker_s_restart(
    scoring: Scoring, browser: Browser, port: int
) -> None:
    """The new process on the same port is shown without a reload, and said to be new."""
    worker = scores(scoring, port)
    scoring.write([topics.Event(event_value(f"e{each}")) for each in range(7)])
    visited = looking(browser, port)
    visited.says("#figures", "7 in all")
    visited.page.evaluate("window.sameDocument = true")
    worker.stop()
    visited.title("Does not answer")
    scoring.write([topics.Event(event_value(f"f{each}")) for each in range(5)])
    scoring.start()
    visited.title("Ready")
    visited.says("#figures", "5 in all")
    assert visited.page.evaluate("window.sameDocument") is True


def test_brokers_that_go_away_are_said(browser: Browser, tmp_path: Path, port: int) -> None:
    """An outage is no fault of the worker: it waits, and the page says for what."""
    with EmbeddedKafka(folder=tmp_path / "kafka") as kafka:
        (tmp_path / "scorer").mkdir()
        scoring = Scoring(kafka.bootstrap_servers, tmp_path / "scorer", kafka.create_topic)
        try:
            scores(scoring, port)
            visited = looking(browser, port)
            visited.title("Ready")
            kafka.kill()
            expect(visited.page.locator("#state-title")).to_have_text(
                re.compile("^(Not ready|Waiting)$"), timeout=PATIENCE_MS
            )
            assert visited.text("#state-detail").endswith(".")
        finally:
            scoring.end()


def test_no_value_of_an_event_is_shown_by_default(
    scoring: Scoring, browser: Browser, port: int
) -> None:
    """Neither on the page nor in the status; not of a bad event either."""
    scores(scoring, port)
    scoring.write([topics.Event(event_value(HIDDEN)), bad()])
    visited = looking(browser, port)
    visited.says("#samples", "undecodable")
    visited.page.locator("summary").click()
    assert HIDDEN not in visited.page.content()
    assert HIDDEN not in json.dumps(status_of(port))
    assert HIDDEN.encode().hex() not in json.dumps(status_of(port))


def test_the_values_of_bad_events_are_shown_where_that_is_allowed(
    scoring: Scoring, browser: Browser, port: int
) -> None:
    """``server.show_values`` is for those who look for a fault."""
    scores(scoring, port, show_values=True)
    scoring.write([bad()])
    visited = looking(browser, port)
    visited.says("#samples .bytes", HIDDEN)


def bad() -> topics.Event:
    """An event that ends too early, with something in it that nobody should see."""
    return topics.Event(event_value(HIDDEN)[:-3])


def looking(browser: Browser, port: int) -> Visit:
    """Open the worker's page."""
    return visit(browser, f"http://127.0.0.1:{port}")


def status_of(port: int) -> Any:
    """Return what the worker says."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=10) as answer:
        return json.load(answer)
