"""The JSON at `/status`: its keys, what is not known, and that it is JSON whatever happens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from stream_scorer import __version__
from stream_scorer.observe.board import Board
from stream_scorer.observe.heartbeat import Heartbeat
from stream_scorer.observe.lags import Lags
from stream_scorer.observe.readiness import Readiness
from stream_scorer.observe.status import Status
from stream_scorer.profile import Profile, ScoreCounts
from stream_scorer.records import Held
from tests.observe.making import CARDS, Clock, batch, letter, place

NOW = 1_700_000_000.0
FACTS: Mapping[str, object] = {"kafka": {}, "model": {}, "schemas": {}, "config": {}}


class Bench:
    """A worker's status, with all that it asks in the test's hands."""

    def __init__(self, facts: Mapping[str, object] = FACTS) -> None:
        self.monotonic, self.wall_clock = Clock(50.0), Clock(NOW)
        self.board, self.lags = Board(), Lags()
        self.readiness = Readiness(self.monotonic)
        self.heartbeat = Heartbeat(300.0, self.monotonic)
        self.unhealthy: str | None = None
        self.status = Status(
            facts,
            self.board,
            self.lags,
            self.readiness,
            self.heartbeat,
            lambda: self.unhealthy,
            self.monotonic,
            self.wall_clock,
            started_at=NOW - 60,
        )

    def read(self) -> Any:
        """What a strict reader of JSON gets; a browser is one."""
        return json.loads(self.status.to_json(), parse_constant=pytest.fail)


@pytest.fixture
def bench() -> Bench:
    """A new one for each test."""
    return Bench()


def test_it_has_these_keys_from_the_start(bench: Bench) -> None:
    """The page, and scripts, rely on them."""
    bench.lags.assigned([CARDS])
    bench.board.declare(["a"])
    scores = {"score": ScoreCounts.of(np.array([0.5]))}
    bench.board.committed(1, [letter()], np.array([1.0]), Profile(1, {"a": 1}, scores), NOW)
    found = bench.read()
    assert {key: set(value) for key, value in found.items() if isinstance(value, dict)} == {
        "worker": {
            "version",
            "host",
            "pid",
            "now",
            "started_at",
            "ready",
            "not_ready_because",
            "healthy",
            "unhealthy_because",
            "doing",
            "since_seconds",
            "waiting_because",
            "waiting_seconds",
        },
        "kafka": set(),
        "model": set(),
        "schemas": set(),
        "config": set(),
        "totals": {
            "consumed",
            "scored",
            "dead_letters",
            "committed",
            "aborted",
            "aborts_in_a_row",
            "assigned",
            "revoked",
            "lost",
        },
        "history": {
            "interval_seconds",
            "until",
            "scored",
            "dead_letters",
            "age_p50_seconds",
            "age_p99_seconds",
        },
        "stages": set(),
        "batch_rows": {"up_to", "batches"},
        "dead_letters": {"by_reason", "samples"},
    }
    assert {key: set(value[0]) for key, value in found.items() if isinstance(value, list)} == {
        "partitions": {
            "topic",
            "partition",
            "committed",
            "lag_events",
            "lag_seconds",
            "unstable_offsets",
            "unstable_seconds",
            "waiting_because",
        },
        "scores": {
            "output",
            "edges",
            "start",
            "recent",
            "start_events",
            "recent_events",
            "not_finite",
        },
        "features": {"field", "events", "missing"},
    }


def test_a_worker_says_what_it_does_and_since_when(bench: Bench) -> None:
    """By clocks that no jump of the time of day moves."""
    bench.heartbeat.beat()
    bench.monotonic.now += 1.5
    bench.wall_clock.now -= 86_400
    worker = bench.read()["worker"]
    assert (worker["version"], worker["started_at"]) == (__version__, NOW - 60)
    assert (worker["doing"], worker["since_seconds"]) == ("going round", 1.5)
    assert worker["now"] == NOW - 86_400
    with bench.heartbeat.during("committing a transaction", 5.0):
        assert bench.read()["worker"]["doing"] == "committing a transaction"


def test_a_worker_that_is_well_has_no_reasons(bench: Bench) -> None:
    """They are null then."""
    bench.readiness.ask(lambda: True)
    bench.readiness.working()
    worker = bench.read()["worker"]
    assert (worker["ready"], worker["healthy"], worker["waiting_seconds"]) == (True, True, 0.0)
    assert {worker[f"{each}_because"] for each in ("not_ready", "unhealthy", "waiting")} == {None}


def test_a_worker_that_is_not_says_why(bench: Bench) -> None:
    """Each reason in its place."""
    bench.unhealthy = "the loop stands still"
    bench.readiness.waiting("the registry is away")
    bench.monotonic.now += 4
    worker = bench.read()["worker"]
    assert (worker["ready"], worker["not_ready_because"]) == (False, "the registry is away")
    assert (worker["healthy"], worker["unhealthy_because"]) == (False, "the loop stands still")
    assert (worker["waiting_because"], worker["waiting_seconds"]) == ("the registry is away", 4.0)


def test_what_is_not_known_of_a_partition_is_null(bench: Bench) -> None:
    """And not zero."""
    bench.lags.assigned([CARDS])
    unknown = dict.fromkeys(
        (
            "committed",
            "lag_events",
            "lag_seconds",
            "unstable_offsets",
            "unstable_seconds",
            "waiting_because",
        )
    )
    assert bench.read()["partitions"] == [{"topic": "cards", "partition": 0, **unknown}]
    bench.lags.read(batch([10], timestamps=[int(NOW * 1000) - 5000]))
    bench.lags.known({CARDS: place(end=12)}, 0.0)
    bench.readiness.holds({CARDS: Held(10, "The registry is away.", 1.0)})
    bench.monotonic.now += 2
    known = {
        "committed": 10,
        "lag_events": 2,
        "lag_seconds": 5.0,
        "unstable_offsets": 0,
        "unstable_seconds": 0.0,
        "waiting_because": "The registry is away.",
    }
    assert bench.read()["partitions"] == [{"topic": "cards", "partition": 0, **known}]
    worker = bench.read()["worker"]
    assert worker["waiting_because"] == "cards[0] waits at offset 10: The registry is away."
    assert worker["waiting_seconds"] == 2.0


def test_the_facts_stand_as_they_are(bench: Bench) -> None:
    """Once for the life of the process."""
    facts = {**FACTS, "model": {"name": "fraud", "providers": ["CPUExecutionProvider"]}}
    assert Bench(facts).read()["model"] == facts["model"]
    assert bench.read()["model"] == {}


def test_numbers_that_json_has_no_form_for_are_text() -> None:
    """A default for a missing feature may be such a number."""
    fields = {"a": float("inf"), "b": [float("-inf"), {"c": float("nan")}], "d": 0.5, "e": None}
    assert Bench({"config": fields}).read()["config"] == {
        "a": "inf",
        "b": ["-inf", {"c": "nan"}],
        "d": 0.5,
        "e": None,
    }
