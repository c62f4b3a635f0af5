"""All measurements in one value, and as JSON."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import confluent_kafka

from stream_scorer import __version__
from stream_scorer.bench.alone import Alone, Refusals
from stream_scorer.bench.backlog import Busy, Throughput
from stream_scorer.bench.latency import Latency
from stream_scorer.bench.limits import Limit, Machine


@dataclass(frozen=True, slots=True)
class Results:
    """All measurements.

    ``remarks`` are sentences on what limits the scorer and on how reliable the numbers are.
    """

    model: str
    machine: Machine
    alone: Alone
    throughput: Throughput
    latencies: tuple[Latency, ...]
    limit: Limit
    remarks: tuple[str, ...]


def json_text(results: Results) -> str:
    """Return the numbers as a JSON text; times are in the unit that ends a name."""
    return json.dumps(as_json(results), indent=2) + "\n"


def as_json(results: Results) -> dict[str, Any]:
    """Return the numbers as JSON values."""
    return {
        "stream_scorer": __version__,
        "python": platform.python_version(),
        "librdkafka": confluent_kafka.libversion()[0],
        "platform": platform.platform(),
        "model": results.model,
        "machine": asdict(results.machine),
        "alone": _alone(results.alone),
        "throughput": _throughput(results.throughput),
        "latency_milliseconds": [asdict(each) for each in results.latencies],
        "limit": results.limit,
        "remarks": list(results.remarks),
    }


def _alone(alone: Alone) -> dict[str, Any]:
    return {
        "event_bytes": alone.event_bytes,
        "microseconds_per_event": [{**asdict(size), "other": size.other} for size in alone.sizes],
        "rows_left_out": list(alone.left_out),
        "refused": _refused(alone.refusals),
    }


def _throughput(throughput: Throughput) -> dict[str, Any]:
    busy = throughput.busy
    return {
        "events": throughput.events,
        "event_bytes": throughput.event_bytes,
        "measured_events": throughput.measured_events,
        "measured_seconds": throughput.seconds,
        "events_per_second": throughput.events_per_second,
        "microseconds_per_event": {
            "total": throughput.micros,
            **throughput.stages,
            "rest": throughput.rest,
        },
        "cpu_microseconds_per_event": None if busy is None else _cpu(busy),
        "idle_cores": None if busy is None else busy.idle_cores,
        "transactions": throughput.commits,
        "aborted_transactions": throughput.aborts,
        "commit_seconds": throughput.commit_seconds,
        "batch_rows": throughput.batch_rows,
        "dead_letters": dict(throughput.dead_letters),
        "peak_rss_bytes": throughput.peak_rss_bytes,
    }


def _cpu(busy: Busy) -> Mapping[str, float]:
    return {
        "total": busy.total,
        "loop": busy.loop,
        "client_threads": busy.client,
        "other_threads": busy.other,
    }


def _refused(refusals: Refusals) -> dict[str, Any]:
    return {"events": refusals.events, "reasons": dict(refusals.reasons)}
