"""A member of a group in memory."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

import numpy as np

from stream_scorer.errors import TransactionAborted, Unanswered
from stream_scorer.kafka.consumer import LONG_WAIT_SECONDS, POLL_SLICE_SECONDS
from stream_scorer.records import Batch, Held, Position, TopicPartition, next_offset
from tests.fakes.kafka import FakeKafka
from tests.fakes.log import Record

#: How long one question for what is committed waits for its answer.
COMMITTED_SECONDS = 10.0


class Listener(Protocol):
    """Who hears of partitions that come and go."""

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """They came."""

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """They go once this returns."""

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """They went."""


class FakeConsumer:
    """A member of a group; the twin of ``stream_scorer.kafka.consumer.EventConsumer``."""

    _numbers = itertools.count(1)

    def __init__(
        self,
        kafka: FakeKafka,
        topics: Sequence[str],
        group: str,
        policy: Literal["earliest", "latest"] = "earliest",
    ) -> None:
        self._kafka = kafka
        self._topics = topics
        self._group_id = group
        self._policy = policy
        self._group = kafka.groups[group]
        self._listener: Listener | None = None
        self._member = f"member-{next(self._numbers)}"
        self._generation = -1
        #: The next offset of each partition; ``None`` until the brokers say what is committed.
        self._next: dict[TopicPartition, int | None] = {}
        self._positions: dict[TopicPartition, int] = {}
        self._read_from: set[TopicPartition] = set()
        #: Where reading began of partitions without a committed offset.
        self._chosen: dict[TopicPartition, int] = {}
        #: Those of them that were given out to be committed.
        self._given: set[TopicPartition] = set()
        self._must_rewind = False
        #: When each partition that is on hold goes on.
        self._on_hold: dict[TopicPartition, float] = {}
        #: Runs in the middle of the next poll, with rows already in hand.
        self.amid_poll: Callable[[], None] | None = None
        #: What the brokers answer when they are asked what is committed.
        self.rewind_fails: list[Exception] = []
        self.silent_since: float | None = None
        #: How many events one poll can bring: the others are still on their way.
        self.fetched_rows = sys.maxsize
        self.epoch = 0
        self.paused = 0
        self.closed = False

    @property
    def member_id(self) -> str:
        """What the brokers call it, until it is expelled."""
        return self._member

    @property
    def generation(self) -> int:
        """The generation that it has joined."""
        return self._generation

    @property
    def held(self) -> frozenset[TopicPartition]:
        """The partitions that are this member's until it gives them back."""
        return frozenset(self._next)

    def subscribe(self, listener: Listener) -> None:
        """Join the group, unless that is done."""
        self._kafka.on_call(self, "subscribe")
        self._listener = listener
        if self._generation < 0 and self not in self._group.members:
            self._join()

    # ------------------------------------------------------------------ what befalls it

    def expel(self) -> None:
        """Let the brokers think that this member is dead; it hears of it when it polls."""
        if self in self._group.members:
            self._group.members.remove(self)
            self._group.changed()

    def fall_silent(self) -> None:
        """Send no more heartbeats."""
        self.silent_since = self._kafka.clock()

    def speak_again(self) -> None:
        """Send heartbeats again, wherever they lead."""
        self.silent_since = None

    # ------------------------------------------------------------------ polling

    def poll_batch(
        self, max_records: int, timeout_seconds: float, max_wait_seconds: float = 0.0
    ) -> Batch:
        """Return the next events; time passes only when there are none."""
        del max_wait_seconds
        self._kafka.on_call(self, "poll")
        if self._must_rewind:
            self._rewind_now()
        epoch = self.epoch
        self._follow_the_group()
        rows = self._take(min(max_records, self.fetched_rows))
        if self.amid_poll is not None:
            act, self.amid_poll = self.amid_poll, None
            act()
        self._kafka.on_call(self, "polled")
        self._follow_the_group()
        if self._is_void(epoch):
            self.rewind()
            return _batch([])
        if not rows:
            self._kafka.clock.advance(timeout_seconds or 0.001)
        return _batch(rows)

    def rewind(
        self, wait_seconds: float = 0.0, may_wait: Callable[[], bool] = lambda: True
    ) -> None:
        """Let the next poll start from what is committed; let time pass first, in the group."""
        self._must_rewind = True
        self._on_hold.clear()
        if wait_seconds <= 0:
            return
        self.paused += wait_seconds >= LONG_WAIT_SECONDS
        deadline = self._kafka.clock() + wait_seconds
        while may_wait() and (left := deadline - self._kafka.clock()) > 0:
            self._kafka.on_call(self, "wait")
            self._follow_the_group()
            self._take(1)
            self._kafka.clock.advance(min(left, POLL_SLICE_SECONDS))

    def hold(self, places: Mapping[TopicPartition, Held]) -> None:
        """Give no events of these partitions for a while, and then go on at these offsets."""
        self._kafka.on_call(self, "hold")
        for partition, place in places.items():
            self._next[partition] = self._positions[partition] = place.offset
            self._on_hold[partition] = self._kafka.clock() + place.seconds

    def positions(self) -> Mapping[TopicPartition, int]:
        """Return the offsets after the last thing read."""
        return {} if self._must_rewind else dict(self._positions)

    def starts(self) -> Mapping[TopicPartition, int]:
        """Return where reading began by the policy that nobody has committed yet."""
        if self._must_rewind:
            return {}
        return {each: at for each, at in self._chosen.items() if each not in self._given}

    def progress(self, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, Position]:
        """Return what to commit."""
        self._given |= offsets.keys() & self._chosen.keys()
        self._read_from |= offsets.keys()
        return {each: Position(offset) for each, offset in offsets.items()}

    def waiting(self, offsets: Mapping[TopicPartition, int]) -> int:
        """Return how many offsets there are from these on."""
        return sum(self._kafka.end(each) - offset for each, offset in offsets.items())

    def group_metadata(self) -> bytes:
        """Return the membership as this member knows it."""
        self._kafka.on_call(self, "group_metadata")
        if self._generation < 0:
            raise TransactionAborted("not a member")
        return f"{self._group_id}/{self._member}/{self._generation}".encode()

    def close(self) -> None:
        """Leave the group."""
        self._kafka.on_call(self, "close")
        self.closed = True
        if self in self._group.members:
            self._give_back(self.held, lost=False)
            self.expel()
        else:
            self._give_back(self.held, lost=True)
        self._generation = -1

    def _rewind_now(self) -> None:
        self._kafka.on_call(self, "rewind")
        if self.rewind_fails:
            raise self.rewind_fails.pop(0)
        if self._kafka.is_away:
            self._kafka.clock.advance(COMMITTED_SECONDS)
            raise Unanswered("no broker says what is committed")
        behind = sorted(self._read_from)
        for partition in behind:
            if not self._is_stable(partition):
                self._kafka.clock.advance(COMMITTED_SECONDS)
                raise Unanswered("a transaction is pending on the offsets")
        for partition in behind:
            self._next[partition] = self._where_to_begin(partition)
            self._positions.pop(partition, None)
        self._must_rewind = False

    def _is_void(self, epoch: int) -> bool:
        """Tell whether rows of that epoch may belong to someone else by now."""
        return self.epoch != epoch

    def _waits_at(self, record: Record) -> bool:
        return record.pending

    def _gets(self, record: Record) -> bool:
        return record.visible

    def _is_stable(self, partition: TopicPartition) -> bool:
        return self._kafka.is_stable(self._group_id, partition)

    # ------------------------------------------------------------------ rebalance

    def _join(self) -> None:
        self._member = f"member-{next(self._numbers)}"
        self._group.members.append(self)
        self._group.changed()

    def _follow_the_group(self) -> None:
        """Do what a rebalance asks of this member, callbacks included."""
        if self._listener is None or self._kafka.is_away:
            return
        if self not in self._group.members:
            self._give_back(self.held, lost=True)
            self._join()
        self._generation = self._group.generation
        target = self._group.target(self, self._subscribed())
        if moving := self.held - target:
            self._give_back(moving, lost=False)
            self._group.changed()
        if self not in self._group.members:
            return  # expelled meanwhile; it hears of that in the next poll
        new = sorted(p for p in target - self.held if self._group.is_free(p, self))
        if new:
            self._next.update(dict.fromkeys(new))
            self._listener.assigned(new)

    def _give_back(self, partitions: frozenset[TopicPartition], *, lost: bool) -> None:
        if not partitions or self._listener is None:
            return
        tell = self._listener.lost if lost else self._listener.revoked
        try:
            tell(sorted(partitions))
        except Exception:
            self._let_go(partitions)
            raise
        self._let_go(partitions)

    def _let_go(self, partitions: frozenset[TopicPartition]) -> None:
        self.epoch += 1
        for partition in partitions:
            self._next.pop(partition, None)
            self._positions.pop(partition, None)
            self._on_hold.pop(partition, None)
            self._chosen.pop(partition, None)
            self._given.discard(partition)
        self._read_from -= partitions

    def _subscribed(self) -> list[TopicPartition]:
        return [source for topic in self._topics for source in self._kafka.sources(topic)]

    def _take(self, max_records: int) -> list[tuple[TopicPartition, Record]]:
        rows: list[tuple[TopicPartition, Record]] = []
        if self._kafka.is_away:
            return rows
        for partition in sorted(self._next):
            if self._kafka.clock() < self._on_hold.get(partition, 0.0):
                continue
            log = self._kafka.logs[partition]
            position = self._start_of(partition)
            while position is not None and len(rows) < max_records and position < len(log):
                record = log[position]
                if self._waits_at(record):
                    break
                position = next_offset(record.offset)
                self._positions[partition] = position
                if self._gets(record):
                    rows.append((partition, record))
            self._next[partition] = position
        self._read_from.update(partition for partition, _ in rows)
        return rows

    def _start_of(self, partition: TopicPartition) -> int | None:
        """Return where to read on; a new owner begins once the brokers say what is committed."""
        known = self._next[partition]
        if known is None and self._is_stable(partition):
            return self._where_to_begin(partition)
        return known

    def _where_to_begin(self, partition: TopicPartition) -> int:
        """Return what is committed, or what was chosen, or what the policy chooses now."""
        self._given.discard(partition)
        committed = self._group.committed.get(partition)
        if committed is not None:
            self._chosen.pop(partition, None)
            return committed
        begin = 0 if self._policy == "earliest" else self._kafka.stable_end(partition)
        return self._chosen.setdefault(partition, begin)


def _batch(rows: Sequence[tuple[TopicPartition, Record]]) -> Batch:
    sources = tuple(dict.fromkeys(source for source, _ in rows))
    return Batch(
        values=[record.value for _, record in rows],
        keys=[record.key for _, record in rows],
        headers=[record.headers for _, record in rows],
        timestamps=np.array([record.timestamp for _, record in rows], np.int64),
        sources=sources,
        source_index=np.array([sources.index(source) for source, _ in rows], np.int64),
        offsets=np.array([record.offset for _, record in rows], np.int64),
    )
