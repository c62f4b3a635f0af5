"""Readers of a proof without a Kafka: what there is to read is what a test says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from stream_scorer.records import TopicPartition
from stream_scorer.verify.values import InputEvent, Trace
from tests.verify.cases import OUT

Offsets = dict[TopicPartition, int]


@dataclass
class Reading:
    """What there is to read: as it comes, and what is left for the end."""

    traces_now: list[Trace] = field(default_factory=list)
    events_now: list[InputEvent] = field(default_factory=list)
    traces_later: list[Trace] = field(default_factory=list)
    events_later: list[InputEvent] = field(default_factory=list)
    committed: Offsets | None = field(default_factory=dict)
    latest: Offsets | None = field(default_factory=dict)
    until: Offsets = field(default_factory=dict)
    ending: Offsets | None = field(default_factory=dict)
    _all: list[Trace] = field(default_factory=list)

    def traces(self, _seconds: float) -> list[Trace]:
        """Return what came."""
        came, self.traces_now = self.traces_now, []
        self._all += came
        return came

    def events(self) -> list[InputEvent]:
        """Return what came."""
        came, self.events_now = self.events_now, []
        return came

    def offsets(self) -> Offsets | None:
        """Return what is committed, stably."""
        return self.committed

    def latest_offsets(self) -> Offsets | None:
        """Return what is committed."""
        return self.latest

    def events_until(self) -> Offsets:
        """Return how far the input was read."""
        return self.until

    def input_ends(self) -> Offsets | None:
        """Return where the input ends."""
        return self.ending

    def traces_to_the_end(self) -> Iterator[Trace]:
        """Yield the rest."""
        self._all += self.traces_later
        yield from self.traces_later

    def events_to_the_end(self) -> Iterator[InputEvent]:
        """Yield the rest."""
        yield from self.events_later

    def offsets_in_the_end(self) -> Offsets:
        """Return what is committed."""
        return self.committed or {}

    def all_traces(self) -> Iterator[Trace]:
        """Yield all."""
        yield from self._all

    def ends(self) -> dict[TopicPartition, tuple[int, int]]:
        """Return where the outputs end."""
        return {OUT: (9, 9)}
