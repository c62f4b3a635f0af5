"""What workers may say at ``/status``, made up: a busy fleet, and states that seldom come about."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

Status = dict[str, Any]

INTERVALS = 150
_EDGES = np.concatenate([[-10, -1], np.linspace(0, 1, 21).round(2), [10]])
_SAMPLES = (
    ("undecodable", "decode", "The event ends within the field `device.age_days`."),
    ("missing_feature", "features", "`amount` is null, and model.missing says reject."),
    (
        "no_schema",
        "framing",
        "The value does not begin with the magic byte 0.",
    ),
    ("not_representable", "features", "`amount` is 1e+300, which no float32 can hold."),
    ("tombstone", "framing", "The value is null, and output.tombstones says dead_letter."),
)


def worker(number: int = 1, *, now: float | None = None, **worker_says: Any) -> Status:
    """Return what a worker says that scores card payments; the same number says the same.

    ``worker_says`` replaces fields of its part ``worker``.
    """
    rng = np.random.default_rng(number)
    now = time.time() if now is None else now
    scored = _wandering(rng, 2400.0, INTERVALS).astype(int)
    return {
        "worker": {
            "version": "0.1.0",
            "host": f"scorer-{number}",
            "pid": 4000 + number,
            "address": f"http://127.0.0.1:{9400 + number}",
            "now": now,
            "started_at": now - 4_000 * number,
            "ready": True,
            "not_ready_because": None,
            "healthy": True,
            "unhealthy_because": None,
            "doing": "going round",
            "since_seconds": 0.01,
            "waiting_because": None,
            "waiting_seconds": 0.0,
            **worker_says,
        },
        "kafka": {
            "group": "card-fraud",
            "input_topics": ["card-transactions"],
            "output_topic": "card-transactions.scored",
            "dead_letter_topic": "card-transactions.dead-letters",
            "delivery": "exactly_once",
        },
        "model": {
            "name": "card_fraud",
            "version": "2026-11",
            "sha256": "9f2c" * 16,
            "providers": ["CPUExecutionProvider"],
            "threads": "2 intra-op threads: the container's CPU quota",
        },
        "schemas": {"reader": "schemas/card_transaction.avsc", "framing": "confluent"},
        "totals": {
            "consumed": 3_204_411 * number,
            "scored": 3_196_020 * number,
            "dead_letters": 8_391 * number,
            "committed": 40_230 * number,
            "aborted": number,
            "aborts_in_a_row": 0,
            "assigned": 4,
            "revoked": 2,
            "lost": 0,
        },
        "history": _history(rng, now, scored),
        "partitions": [
            {
                "topic": "card-transactions",
                "partition": 2 * each + number - 1,
                "committed": 811_202 + 731 * each * number,
                "lag_events": int(rng.integers(0, 240)),
                "lag_seconds": round(float(rng.random()) / 10, 3),
                "unstable_offsets": int(rng.integers(0, 3)),
                "unstable_seconds": round(float(rng.random()), 3),
                "waiting_because": None,
            }
            for each in range(4)
        ],
        "stages": {"poll": 2.1, "decode": 6.4, "infer": 13.2, "encode": 4.9, "commit": 8.3},
        "batch_rows": {
            "up_to": [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536],
            "batches": [12, 40, 310, 1_920, 4_080, 960, 44, 0, 0, 0],
        },
        "scores": [_score(rng)],
        "features": [
            {"field": "device.age_days", "events": 3_196_020, "missing": 801_004},
            {"field": "merchant.risk", "events": 3_196_020, "missing": 478_311},
            {"field": "amount", "events": 3_196_020, "missing": 2_240},
        ],
        "dead_letters": {
            "by_reason": {
                "undecodable": 3_391,
                "missing_feature": 2_240,
                "no_schema": 1_620,
                "not_representable": 700,
                "tombstone": 440,
            },
            "samples": [_sample(number, now, each) for each in range(5)],
        },
        "config": {
            "kafka": {
                "bootstrap_servers": "kafka-1:9092,kafka-2:9092",
                "group_id": "card-fraud",
                "input_topics": ["card-transactions"],
                "common": {"security.protocol": "SASL_SSL", "sasl.password": "***"},
            },
            "model": {"path": "models/card_fraud.onnx", "inputs": {"features": ["amount", "hour"]}},
            "server": {"host": "127.0.0.1", "port": 0, "page": True, "show_values": False},
        },
    }


def standing_still() -> Status:
    """Return what a worker says whose commit does not come back."""
    return worker(
        healthy=False,
        unhealthy_because="the loop stands still for 95 s while committing a transaction; "
        "60 s are allowed",
        doing="committing a transaction",
        since_seconds=95.0,
    )


def waiting() -> Status:
    """Return what a worker says whose brokers are away."""
    return worker(
        ready=False,
        not_ready_because="The brokers don't answer.",
        waiting_because="No broker of kafka-1:9092 answers",
        waiting_seconds=42.0,
    )


def held_back() -> Status:
    """Return what a worker says that is well, with a transaction that nobody ends in its input."""
    found = worker()
    found["partitions"][3] |= {"unstable_offsets": 1_204, "unstable_seconds": 1_200.0}
    return found


def fleet(*members: Status) -> Status:
    """Return what the demo's page server says of several workers."""
    return {"workers": [{**each, "name": f"worker {i}"} for i, each in enumerate(members, 1)]}


def gone(status: Status) -> Status:
    """Return what the demo's page server says of this worker when it does not answer."""
    return {"address": status["worker"]["address"], "error": "does not answer"}


def _wandering(rng: np.random.Generator, mean: float, count: int) -> np.ndarray[Any, Any]:
    slow = np.convolve(rng.normal(0, 1, count + 40), np.ones(40) / 40, "valid")[:count]
    return np.maximum(mean * (1 + 0.9 * slow + rng.normal(0, 0.03, count)), 0)


def _history(rng: np.random.Generator, now: float, scored: np.ndarray[Any, Any]) -> Status:
    half = 0.021 + 0.004 * rng.random(INTERVALS)
    most = half * 2.4 + rng.exponential(0.009, INTERVALS)
    return {
        "interval_seconds": 2.0,
        "until": now // 2 * 2,
        "scored": scored.tolist(),
        "dead_letters": rng.poisson(0.25, INTERVALS).tolist(),
        "age_p50_seconds": half.round(4).tolist(),
        "age_p99_seconds": most.round(4).tolist(),
    }


def _score(rng: np.random.Generator) -> Status:
    def counts(a: float, b: float, events: int) -> list[int]:
        found = np.bincount(np.searchsorted(_EDGES, rng.beta(a, b, events)), minlength=25)
        return [int(each) for each in found]

    return {
        "output": "score",
        "edges": _EDGES.tolist(),
        "start": counts(1.1, 5.5, 10_000),
        "recent": counts(1.3, 5.0, 10_000),
        "start_events": 10_000,
        "recent_events": 10_000,
        "not_finite": 0,
    }


def _sample(number: int, now: float, each: int) -> Status:
    reason, stage, message = _SAMPLES[each]
    return {
        "at": now - 17 * each - 5 * number,
        "topic": "card-transactions",
        "partition": 2 * (each % 4) + number - 1,
        "offset": 811_000 + 317 * each,
        "reason": reason,
        "stage": stage,
        "message": message,
        "value": None,
    }
