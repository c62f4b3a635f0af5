"""A correct fleet, simulated: transactions that interleave, abort and die, and a reader that lags.

What it leaves is what the checker is fed in a proof, in an order that can happen.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Literal

from stream_scorer.records import Reason, TopicPartition
from stream_scorer.verify.checker import Checker
from stream_scorer.verify.values import Entry, InputEvent, Trace, Violation

Fate = Literal["commit", "abort", "die committing", "die aborting", "die sending"]
FATES: tuple[Fate, ...] = ("commit", "abort", "die committing", "die aborting", "die sending")


@dataclass
class Telling:
    """One call of the checker: ``expect``, ``seen``, ``told`` or ``sampled``, with what it gets."""

    call: str
    what: Any


@dataclass
class Observed:
    """All that the checker is given about a run."""

    order_by: Literal["source", "key"]
    tellings: list[Telling] = field(default_factory=list)
    final: list[Trace] = field(default_factory=list)
    committed: dict[TopicPartition, int] = field(default_factory=dict)
    ends: dict[TopicPartition, tuple[int, int]] = field(default_factory=dict)

    def judged(self) -> list[Violation]:
        """What the checker says."""
        checker = Checker(order_by=self.order_by)
        for at, telling in enumerate(self.tellings):
            if telling.call == "sampled":
                checker.sampled(at, telling.what)
            else:
                getattr(checker, telling.call)(telling.what)
        return checker.finish(self.final, self.committed, self.ends)


@dataclass
class _Transaction:
    name: str
    records: list[tuple[TopicPartition, InputEvent]]
    offsets: dict[TopicPartition, int]
    left: int
    state: Literal["open", "committed", "aborted"] = "open"


@dataclass
class _Worker:
    who: str
    sources: list[TopicPartition]
    position: dict[TopicPartition, int]
    open: _Transaction | None = None
    lives: int = 1
    untold: list[Entry] = field(default_factory=list)


class Fleet:
    """Workers on partitions of their own; :meth:`run` takes them to the end of the input."""

    def __init__(
        self, seed: int, order_by: Literal["source", "key"], workers: int = 3, events: int = 30
    ) -> None:
        self._dice = random.Random(seed)  # noqa: S311 - dice, not secrets
        self._order_by = order_by
        self._number = 0
        self._input = {
            TopicPartition("in", number): self._events(TopicPartition("in", number), events)
            for number in range(workers * 2)
        }
        self._told_to = dict.fromkeys(self._input, 0)
        places = [TopicPartition("out", number) for number in range(len(self._input))]
        places += [TopicPartition("dead", number) for number in range(2)]
        self._logs: dict[TopicPartition, list[tuple[_Transaction, InputEvent | None]]] = {
            place: [] for place in places
        }
        self._read_to = dict.fromkeys(places, 0)
        self._committed = dict.fromkeys(self._input, 0)
        sources = sorted(self._input)
        self._workers = [
            _Worker(f"w{number}", mine, dict.fromkeys(mine, 0))
            for number, mine in enumerate(sources[i::workers] for i in range(workers))
        ]
        self._observed = Observed(order_by)

    def run(self) -> Observed:
        """Run to the end, and return what was observed."""
        while not self._done():
            self._step(self._dice.choice(self._workers))
            if self._dice.random() < 0.3:
                self._observe()
        for worker in self._workers:
            self._tell("told", worker.untold)
        for source, events in self._input.items():
            self._tell("expect", events[self._told_to[source] :])
        for place in self._logs:
            self._tell("seen", self._visible(place, len(self._logs[place])))
        observed = self._observed
        self._read_to = dict.fromkeys(self._logs, 0)
        observed.final = [
            trace for place, log in self._logs.items() for trace in self._visible(place, len(log))
        ]
        observed.committed = self._committed
        observed.ends = {place: (len(log), len(log)) for place, log in self._logs.items()}
        return observed

    def _events(self, source: TopicPartition, count: int) -> list[InputEvent]:
        offsets = [offset for offset in range(count) if self._dice.random() > 0.1] or [0]
        return [
            InputEvent(
                source,
                offset,
                f"{source.partition}-{self._dice.randrange(3)}".encode(),
                Reason.UNDECODABLE if self._dice.random() < 0.2 else None,
                offset / 8,
            )
            for offset in offsets
        ]

    def _done(self) -> bool:
        return all(
            self._committed[source] > events[-1].offset for source, events in self._input.items()
        ) and all(worker.open is None for worker in self._workers)

    # ------------------------------------------------------------------ workers

    def _step(self, worker: _Worker) -> None:
        if worker.open is None:
            self._begin(worker)
        elif worker.open.left:
            place, event = worker.open.records[-worker.open.left]
            self._logs[place].append((worker.open, event))
            worker.open.left -= 1
        else:
            self._end(worker, worker.open)
        if worker.open and worker.open.left and self._dice.random() < 0.02:
            self._close(worker, worker.open, "die sending")

    def _begin(self, worker: _Worker) -> None:
        records, offsets = [], {}
        for source in worker.sources:
            ahead = [e for e in self._input[source] if e.offset >= worker.position[source]]
            taken = ahead[: self._dice.randrange(5)]
            if taken:
                offsets[source] = taken[-1].offset + 1
            records += [(self._place_of(event), event) for event in taken]
        if not records:
            return
        self._number += 1
        worker.open = _Transaction(f"t{self._number}", records, offsets, len(records))
        self._say(worker, "begun", worker.open)

    def _end(self, worker: _Worker, transaction: _Transaction) -> None:
        self._say(worker, "sent", transaction)
        [fate] = self._dice.choices(FATES[:4], [6, 2, 1, 1])
        self._close(worker, transaction, fate)

    def _close(self, worker: _Worker, transaction: _Transaction, fate: Fate) -> None:
        is_committed = fate in ("commit", "die committing")
        transaction.state = "committed" if is_committed else "aborted"
        if is_committed:
            self._committed.update(transaction.offsets)
        written = transaction.records[: len(transaction.records) - transaction.left]
        for place in {place for place, _ in written}:
            self._logs[place].append((transaction, None))
        if fate in ("commit", "abort"):
            self._say(worker, transaction.state, transaction)
        else:
            worker.lives += 1
        worker.open = None
        worker.position = {source: self._committed[source] for source in worker.sources}

    def _place_of(self, event: InputEvent) -> TopicPartition:
        number = event.source.partition
        if event.reason is not None:
            return TopicPartition("dead", number % 2)
        if self._order_by == "key":
            number = sum(event.key or b"") % len(self._input)
        return TopicPartition("out", number)

    def _say(self, worker: _Worker, what: str, transaction: _Transaction) -> None:
        details: dict[str, Any] = {"transaction": transaction.name}
        if what == "sent":
            details["records"] = len(transaction.records)
            details["offsets"] = [[*source, to] for source, to in transaction.offsets.items()]
        worker.untold.append(Entry(0.0, f"{worker.who}.{worker.lives}", what, details))

    # ------------------------------------------------------------------ observers

    def _observe(self) -> None:
        place = self._dice.choice(list(self._logs))
        self._tell("seen", self._visible(place, self._dice.randrange(12)))
        if self._dice.random() < 0.5:
            self._tell("sampled", dict(self._committed))
        worker = self._dice.choice(self._workers)
        told = self._dice.randrange(len(worker.untold) + 1)
        self._tell("told", worker.untold[:told])
        del worker.untold[:told]
        source = self._dice.choice(list(self._input))
        start = self._told_to[source]
        self._told_to[source] = start + self._dice.randrange(8)
        self._tell("expect", self._input[source][start : self._told_to[source]])

    def _visible(self, place: TopicPartition, most: int) -> list[Trace]:
        """Read as a read-committed reader does: up to the first record of an open transaction."""
        log, traces = self._logs[place], []
        for offset in range(self._read_to[place], min(self._read_to[place] + most, len(log))):
            transaction, event = log[offset]
            if transaction.state == "open":
                break
            self._read_to[place] = offset + 1
            if transaction.state == "committed" and event is not None:
                traces.append(_trace(place, offset, transaction.name, event))
        return traces

    def _tell(self, call: str, what: Any) -> None:
        if what:
            self._observed.tellings.append(Telling(call, what))


def _trace(place: TopicPartition, offset: int, transaction: str, event: InputEvent) -> Trace:
    score = event.score if event.reason is None else None
    source = (event.source, event.offset, event.key)
    return Trace(place, offset, *source, transaction, event.reason, score)
