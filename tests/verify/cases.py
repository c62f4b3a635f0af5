"""Smallest histories for the checker: two events of one partition, and what is changed in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from stream_scorer.records import Reason, TopicPartition
from stream_scorer.verify.checker import Checker
from stream_scorer.verify.values import Entry, InputEvent, Trace, Violation

IN = TopicPartition("in", 0)
OUT = TopicPartition("out", 0)
DEAD = TopicPartition("dead", 0)


def event(offset: int, reason: Reason | None = None, key: bytes | None = None) -> InputEvent:
    """An event of ``in[0]`` whose score is its offset."""
    return InputEvent(IN, offset, key, reason, None if reason else float(offset))


def trace(offset: int, of: int, transaction: str = "a", reason: Reason | None = None,
          score: float | None = None) -> Trace:  # fmt: skip
    """A trace of an event of ``in[0]``: ``out[0]``, or ``dead[0]`` with a reason."""
    if reason is None and score is None:
        score = float(of)
    return Trace(DEAD if reason else OUT, offset, IN, of, None, transaction, reason, score)


def told(transaction: str, records: int | None, outcome: str | None = "committed") -> list[Entry]:
    """What a worker says of a transaction; without ``records`` it died before it sent all."""
    sent: dict[str, Any] = {"transaction": transaction, "records": records, "offsets": []}
    entries = [Entry(0.0, "w1", "begun", {"transaction": transaction})]
    entries += [] if records is None else [Entry(1.0, "w1", "sent", sent)]
    ended = Entry(2.0, "w1", outcome or "", {"transaction": transaction})
    return [*entries, ended] if outcome else entries


@dataclass
class Case:
    """A history: two events, scored in one transaction, unless it is changed."""

    events: list[InputEvent] = field(default_factory=lambda: [event(0), event(1)])
    traces: list[Trace] = field(default_factory=lambda: [trace(0, 0), trace(1, 1)])
    final: list[Trace] | None = None
    entries: list[Entry] = field(default_factory=lambda: told("a", 2))
    samples: list[int] = field(default_factory=list)
    committed: int = 2
    stable: int = 3

    def judged(self, order_by: Literal["source", "key"] = "source") -> list[str]:
        """What is said of it: ``I1 in[0]@0 has …``."""
        checker = Checker(order_by=order_by)
        checker.expect(self.events)
        checker.seen(self.traces)
        checker.told(self.entries)
        for offset in self.samples:
            checker.sampled(0.0, {IN: offset})
        final = self.traces if self.final is None else self.final
        return said(checker.finish(final, {IN: self.committed}, {OUT: (self.stable, 3)}))


def said(violations: Iterable[Violation]) -> list[str]:
    """Violations as text."""
    return [f"{each.invariant} {each.sentence}" for each in violations]
