"""Compares the current distribution of scores with the one at the start of the process."""

from __future__ import annotations

from collections.abc import Mapping

from stream_scorer.profile import SCORE_EDGES, ScoreCounts

START_EVENTS = 10_000
#: What is recent is between one and two of these.
WINDOW_EVENTS = 5_000


class ScoreDrift:
    """Belongs to whoever holds its lock."""

    def __init__(self) -> None:
        self._outputs: dict[str, _Output] = {}

    def scored(self, scores: Mapping[str, ScoreCounts]) -> None:
        """Note the scores of one transaction."""
        for name, counts in scores.items():
            self._outputs.setdefault(name, _Output()).add(counts)

    def shown(self) -> list[dict[str, object]]:
        """Return both histograms of each output."""
        return [
            {"output": name, "edges": list(SCORE_EDGES), **output.shown()}
            for name, output in self._outputs.items()
        ]


class _Output:
    def __init__(self) -> None:
        self._start: ScoreCounts | None = None
        self._before: ScoreCounts | None = None
        self._recent: ScoreCounts | None = None
        self._not_finite = 0

    def add(self, counts: ScoreCounts) -> None:
        self._not_finite += counts.not_finite
        if self._start is None or _events(self._start) < START_EVENTS:
            self._start = _sum(self._start, counts)
        self._recent = _sum(self._recent, counts)
        if _events(self._recent) >= WINDOW_EVENTS:
            self._before, self._recent = self._recent, None

    def shown(self) -> dict[str, object]:
        recent = _sum(self._before, self._recent)
        return {
            "start": _list(self._start),
            "recent": _list(recent),
            "start_events": _events(self._start),
            "recent_events": _events(recent),
            "not_finite": self._not_finite,
        }


def _sum(one: ScoreCounts | None, other: ScoreCounts | None) -> ScoreCounts | None:
    return one + other if one and other else one or other


def _events(counts: ScoreCounts | None) -> int:
    return int(counts.counts.sum()) if counts else 0


def _list(counts: ScoreCounts | None) -> list[int]:
    found: list[int] = counts.counts.tolist() if counts else [0] * (len(SCORE_EDGES) + 1)
    return found
