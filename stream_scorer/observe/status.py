"""``/status``: everything about the worker as one JSON object, for the page and for scripts."""

from __future__ import annotations

import json
import math
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stream_scorer import __version__
from stream_scorer.observe.board import Board
from stream_scorer.observe.heartbeat import Heartbeat
from stream_scorer.observe.lags import Lags
from stream_scorer.observe.readiness import Readiness


@dataclass(frozen=True)
class Status:
    """Builds the status document on request, on any thread.

    ``facts`` never change: the sections ``kafka``, ``model``, ``schemas`` and ``config``, in which
    secrets are hidden already.
    """

    facts: Mapping[str, object]
    board: Board
    lags: Lags
    readiness: Readiness
    heartbeat: Heartbeat
    why_unhealthy: Callable[[], str | None]
    monotonic: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    started_at: float = field(default_factory=time.time)

    def to_json(self) -> bytes:
        """Return the object as JSON."""
        now, held = self.wall_clock(), self.readiness.held
        return json.dumps(
            {
                "worker": self._worker(now),
                **_writable(self.facts),
                **self.board.shown(now),
                "partitions": [
                    {
                        "topic": lag.source.topic,
                        "partition": lag.source.partition,
                        "committed": lag.committed,
                        "lag_events": lag.events,
                        "lag_seconds": lag.seconds,
                        "unstable_offsets": lag.unstable,
                        "unstable_seconds": lag.unstable_seconds,
                        "waiting_because": held[lag.source].why if lag.source in held else None,
                    }
                    for lag in self.lags.all(now)
                ],
            },
            allow_nan=False,
        ).encode()

    def _worker(self, now: float) -> dict[str, object]:
        sign, waits = self.heartbeat.sign, self.readiness.waits
        not_ready, unhealthy = self.readiness.why_not(), self.why_unhealthy()
        return {
            "version": __version__,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "now": now,
            "started_at": self.started_at,
            "ready": not_ready is None,
            "not_ready_because": not_ready,
            "healthy": unhealthy is None,
            "unhealthy_because": unhealthy,
            "doing": sign.doing,
            "since_seconds": self.monotonic() - sign.since,
            "waiting_because": waits.reason if waits else None,
            "waiting_seconds": self.monotonic() - waits.since if waits else 0.0,
        }


def _writable(value: Any) -> Any:
    """Return the value with its infinities and NaNs as text: JSON has no form for them."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _writable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_writable(each) for each in value]
    return value
