"""Collects violations: each once, and a limited number of each kind."""

from __future__ import annotations

from stream_scorer.records import TopicPartition
from stream_scorer.verify.values import Invariant, Violation

#: How the sentence for violations that were only counted begins.
MORE = "… and"


class Found:
    """Collects violations: the first ``sentences`` of each invariant are kept, the rest counted."""

    def __init__(self, sentences: int = 10) -> None:
        self._sentences = sentences
        self._kept: dict[Invariant, dict[str, None]] = {}
        self._more: dict[Invariant, int] = {}

    def add(self, invariant: Invariant, sentence: str) -> None:
        """Add a violation, unless it is known."""
        kept = self._kept.setdefault(invariant, {})
        if sentence in kept:
            return
        if len(kept) < self._sentences:
            kept[sentence] = None
        else:
            self._more[invariant] = self._more.get(invariant, 0) + 1

    def violations(self) -> list[Violation]:
        """Return the violations by invariant; a last sentence counts those that were not kept."""
        found = []
        for invariant in Invariant:
            found += [Violation(invariant, each) for each in self._kept.get(invariant, ())]
            if more := self._more.get(invariant, 0):
                found.append(Violation(invariant, f"{MORE} {more} more."))
        return found


def spot(partition: TopicPartition, offset: int) -> str:
    """Return a position as it appears in sentences: ``events[0]@17``."""
    return f"{partition.topic}[{partition.partition}]@{offset}"


def named(partition: TopicPartition) -> str:
    """Return a partition as it appears in sentences: ``events[0]``."""
    return f"{partition.topic}[{partition.partition}]"
