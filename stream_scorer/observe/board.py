"""Totals and recent activity of the worker, for the status and the live page."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stream_scorer.observe.history import History
from stream_scorer.observe.metrics import ROWS_UP_TO
from stream_scorer.observe.score_drift import ScoreDrift
from stream_scorer.profile import Profile
from stream_scorer.records import DeadLetter, Reason

SAMPLES = 10
#: So much of an event's value may be shown.
SHOWN_BYTES = 200
#: What is said of a dead letter where no values may be shown: its own message may hold some.
SENTENCES: Mapping[Reason, str] = {
    Reason.NO_SCHEMA: "it names no schema, or one that is not known: what it begins with is not of "
    "the configured framing, or the id is unknown",
    Reason.UNDECODABLE: "its bytes are not what its schema says",
    Reason.MISSING_FEATURE: "a feature is null that must not be",
    Reason.NOT_REPRESENTABLE: "a value has no place in the model's tensor or in the scored event",
    Reason.INFERENCE_FAILED: "the model fails for it",
    Reason.NON_FINITE_SCORE: "its score is NaN or infinite",
    Reason.TOO_LARGE: "its scored event is larger than the topic takes",
    Reason.REJECTED_BY_BROKER: "the brokers refuse its scored event",
    Reason.TOMBSTONE: "its value is null",
}


class Board:
    """Written by the loop, read by the server's threads, under one lock.

    Args:
        shows_values: whether values of events may be shown.
    """

    def __init__(self, *, shows_values: bool = False) -> None:
        self._lock = threading.Lock()
        self._shows_values = shows_values
        self._history = History()
        self._drift = ScoreDrift()
        self._totals: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._missing: Counter[str] = Counter()
        self._feature_rows = 0
        self._aborts_in_a_row = 0
        self._batches = np.zeros(len(ROWS_UP_TO) + 1, np.int64)
        self._samples: deque[dict[str, object]] = deque(maxlen=SAMPLES)

    def declare(self, features: Sequence[str]) -> None:
        """Show these features from the start."""
        self._missing.update(dict.fromkeys(features, 0))

    def polled(self, events: int, seconds: float, now: float) -> None:
        """Note a batch that arrived."""
        with self._lock:
            self._totals["consumed"] += events
            self._batches[np.searchsorted(ROWS_UP_TO, events)] += 1
            self._history.spent("poll", seconds, now)

    def committed(
        self,
        scored: int,
        letters: Sequence[DeadLetter],
        ages_seconds: NDArray[np.float64],
        profile: Profile,
        now: float,
    ) -> None:
        """Note what one transaction made visible."""
        with self._lock:
            self._totals.update(scored=scored, dead_letters=len(letters), committed=1)
            self._aborts_in_a_row = 0
            self._history.committed(scored, len(letters), ages_seconds, now)
            self._drift.scored(profile.scores)
            self._feature_rows += profile.rows
            self._missing.update(profile.missing)
            self._reasons.update(str(letter.problem.reason) for letter in letters)
            self._samples.extend(self._sample(letter, now) for letter in letters[-SAMPLES:])

    def spent(self, stage: str, seconds: float, now: float) -> None:
        """Note how long a stage took."""
        with self._lock:
            self._history.spent(stage, seconds, now)

    def aborted(self, in_a_row: int) -> None:
        """Note a transaction that left no trace."""
        with self._lock:
            self._totals["aborted"] += 1
            self._aborts_in_a_row = in_a_row

    def rebalanced(self, kind: str) -> None:
        """Note that partitions came or went."""
        with self._lock:
            self._totals[kind] += 1

    def _sample(self, letter: DeadLetter, now: float) -> dict[str, object]:
        problem, value = letter.problem, letter.value
        shown = self._shows_values
        return {
            "at": now,
            "topic": letter.source.topic,
            "partition": letter.source.partition,
            "offset": letter.offset,
            "reason": str(problem.reason),
            "stage": str(problem.stage),
            "message": problem.message if shown else SENTENCES[problem.reason],
            "value": repr(value[:SHOWN_BYTES]) if shown and value is not None else None,
        }

    def shown(self, now: float) -> dict[str, object]:
        """Return all of it as JSON has it; ``now`` is seconds of the wall clock."""
        counted = (
            "consumed", "scored", "dead_letters", "committed", "aborted", "assigned", "revoked",
            "lost",
        )  # fmt: skip
        with self._lock:
            return {
                "totals": {
                    **{name: self._totals[name] for name in counted},
                    "aborts_in_a_row": self._aborts_in_a_row,
                },
                "history": self._history.series(now),
                "stages": dict(self._history.stages(now)),
                "batch_rows": {"up_to": list(ROWS_UP_TO), "batches": self._batches.tolist()},
                "scores": self._drift.shown(),
                "features": [
                    {"field": path, "events": self._feature_rows, "missing": missing}
                    for path, missing in self._missing.items()
                ],
                "dead_letters": {
                    "by_reason": dict(self._reasons),
                    "samples": list(reversed(self._samples)),
                },
            }
