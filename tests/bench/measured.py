"""Measurements that nobody made, for tests of what is said of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stream_scorer.bench.alone import Alone, Refusals, Size
from stream_scorer.bench.backlog import Busy, Throughput
from stream_scorer.bench.latency import Latency
from stream_scorer.bench.limits import Machine

STAGES: Mapping[str, float] = {
    "poll": 1.0,
    "decode": 1.0,
    "infer": 1.0,
    "encode": 1.0,
    "commit": 1.0,
}
"""Microseconds an event."""


def throughput(*, rest: float = 0.0, **more: Any) -> Throughput:
    """What a worker did; ``poll`` and the other stages, and ``rest``, are microseconds an event."""
    stages = {**STAGES, **{name: more.pop(name) for name in STAGES if name in more}}
    fitting: dict[str, Any] = {
        "events": 1_000_000,
        "event_bytes": 100.0,
        "measured_events": 1_000_000,
        "seconds": sum(stages.values()) + rest,
        "stages": stages,
        "commits": 50.0,
        "aborts": 0.0,
        "commit_seconds": 0.02,
        "batch_rows": 1024.0,
        "dead_letters": {},
        "busy": Busy(loop=sum(stages.values()) + rest, client=1.0, other=0.5, idle_cores=1.0),
        "peak_rss_bytes": 100 * 2**20,
    }
    return Throughput(**{**fitting, **more})


def waiting(share: float, idle_cores: float = 1.0, **more: Any) -> Throughput:
    """A loop that is on no CPU for this share of its time."""
    whole = throughput(**more)
    busy = Busy(whole.micros * (1 - share), client=1.0, other=0.5, idle_cores=idle_cores)
    return throughput(**more, busy=busy)


def alone(*totals: tuple[int, float], refusals: Refusals | None = None) -> Alone:
    """The scorer by itself: rows and microseconds an event, a third of it for each stage."""
    sizes = tuple(Size(rows, total, total / 3, total / 3, total / 3) for rows, total in totals)
    return Alone(sizes or (Size(1, 3.0, 1.0, 1.0, 1.0),), (), 100.0, refusals or Refusals(100))


def machine(**more: Any) -> Machine:
    """Four cores, all of them the worker's, a cluster elsewhere."""
    fitting: dict[str, Any] = {
        "cores": 4.0,
        "whole": True,
        "intra_op_threads": 1,
        "brokers_here": False,
    }
    return Machine(**{**fitting, **more})


def latency(**more: Any) -> Latency:
    """A rate that was held."""
    fitting: dict[str, Any] = {
        "rate": 500.0,
        "written_rate": 500.0,
        "events": 4_000,
        "p50": 12.0,
        "p95": 20.0,
        "p99": 31.0,
        "longest": 44.0,
        "on_the_way": 3,
        "kept_up": True,
    }
    return Latency(**{**fitting, **more})
