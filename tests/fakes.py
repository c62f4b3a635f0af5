"""A Kafka in memory, as far as the loop can tell, on a clock that tests move.

It keeps what the loop's guarantee rests on: transactions that commit or abort as a whole, control
markers that take an offset, fencing by transactional id and by membership, partitions that are
revoked before they move, and partitions that are lost. ``tests/kafka/test_conformance.py`` holds it
and a real Kafka to the same sentences.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import numpy as np

from stream_scorer.errors import ProducerLost, RecordRefused, TransactionAborted
from stream_scorer.records import Batch, Headers, ScoredEvents, TopicPartition, next_offset

State = Literal["open", "committed", "aborted"]
Step = Literal["init", "produce", "send_offsets", "commit"]


class FakeClock:
    """Seconds that pass only when somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class Listener(Protocol):
    """Who hears of partitions that come and go."""

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """They came."""

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """They go once this returns."""

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """They went."""


@dataclass
class FakeTransaction:
    """What one transaction wrote, and how it ended."""

    state: State = "open"
    touched: set[TopicPartition] = field(default_factory=set)
    offsets: dict[tuple[str, TopicPartition], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """One place in a partition; a control marker has no event."""

    transaction: FakeTransaction | None
    value: bytes | None = None
    key: bytes | None = None
    headers: Headers | None = None
    timestamp: int = -1
    is_marker: bool = False
    offset: int = -1

    @property
    def visible(self) -> bool:
        """Whether a reader of committed events gets it."""
        done = self.transaction is None or self.transaction.state == "committed"
        return done and not self.is_marker

    @property
    def pending(self) -> bool:
        """Whether readers of committed events wait here."""
        return self.transaction is not None and self.transaction.state == "open"


@dataclass
class Fault:
    """What goes wrong at the next such step; ``happened`` if the brokers did it nevertheless."""

    step: Step
    error: Exception
    happened: bool = False


@dataclass
class Group:
    """A consumer group: members in the order of joining, and the generation that fences them."""

    generation: int = 0
    members: list[FakeConsumer] = field(default_factory=list)
    committed: dict[TopicPartition, int] = field(default_factory=dict)

    def changed(self) -> None:
        """Start another generation; members learn of it when they poll."""
        self.generation += 1

    def target(
        self, member: FakeConsumer, partitions: Sequence[TopicPartition]
    ) -> set[TopicPartition]:
        """Return what the member ought to hold: every n-th partition."""
        place = self.members.index(member)
        return set(partitions[place :: len(self.members)])

    def is_free(self, partition: TopicPartition, member: FakeConsumer) -> bool:
        """Tell whether nobody else holds the partition."""
        return all(partition not in each.held for each in self.members if each is not member)


class FakeKafka:
    """Topics, groups and transactional ids."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.partitions: dict[str, int] = {}
        self.logs: defaultdict[TopicPartition, list[Record]] = defaultdict(list)
        self.groups: defaultdict[str, Group] = defaultdict(Group)
        self.epochs: defaultdict[str, int] = defaultdict(int)
        self.open: dict[str, FakeTransaction] = {}
        self.faults: list[Fault] = []
        self.refuses: Callable[[str, bytes | None], bool] = lambda _topic, _value: False

    def create_topic(self, name: str, partitions: int = 1) -> None:
        """Create a topic."""
        self.partitions[name] = partitions

    def write(
        self,
        source: TopicPartition,
        values: Sequence[bytes | None],
        *,
        end: Literal["plain", "committed", "aborted"] = "plain",
    ) -> None:
        """Append events; those of a transaction are followed by its control marker."""
        transaction = None if end == "plain" else FakeTransaction(end)
        for value in values:
            self.append(source, Record(transaction, value))
        if transaction is not None:
            self._mark(source, transaction)

    def append(self, source: TopicPartition, record: Record) -> None:
        """Append a record; its offset is the next one."""
        log = self.logs[source]
        log.append(replace(record, offset=len(log)))

    def visible(self, topic: str) -> list[Record]:
        """Return what a reader of committed events gets, partition by partition."""
        sources = [TopicPartition(topic, each) for each in range(self.partitions[topic])]
        return [record for source in sources for record in self.logs[source] if record.visible]

    def lag(self, group: str, topic: str) -> int:
        """Return how far the group is behind the ends, markers included."""
        committed = self.groups[group].committed
        sources = [TopicPartition(topic, each) for each in range(self.partitions[topic])]
        return sum(len(self.logs[source]) - committed.get(source, 0) for source in sources)

    def fail(self, step: Step, error: Exception, *, happened: bool = False) -> None:
        """Let the next such step fail."""
        self.faults.append(Fault(step, error, happened))

    def fault(self, step: Step) -> Fault | None:
        """Return what goes wrong now, once."""
        for each in self.faults:
            if each.step == step:
                self.faults.remove(each)
                return each
        return None

    def finish(self, transaction: FakeTransaction, state: State) -> None:
        """End a transaction: its events and offsets count, all of them or none."""
        if transaction.state != "open":
            return
        transaction.state = state
        for source in sorted(transaction.touched):
            self._mark(source, transaction)
        if state == "committed":
            for (group, source), offset in transaction.offsets.items():
                self.groups[group].committed[source] = offset

    def _mark(self, source: TopicPartition, transaction: FakeTransaction) -> None:
        self.append(source, Record(transaction, is_marker=True))


class FakeConsumer:
    """A member of a group; the twin of ``stream_scorer.kafka.consumer.EventConsumer``."""

    _numbers = itertools.count(1)

    def __init__(self, kafka: FakeKafka, topics: Sequence[str], group: str) -> None:
        self._kafka = kafka
        self._topics = topics
        self._group_id = group
        self._group = kafka.groups[group]
        self._listener: Listener | None = None
        self._member = f"member-{next(self._numbers)}"
        self._generation = -1
        self._next: dict[TopicPartition, int] = {}
        self._positions: dict[TopicPartition, int] = {}
        self._must_rewind = False
        #: Runs in the middle of the next poll, with rows already in hand.
        self.amid_poll: Callable[[], None] | None = None
        #: What the brokers answer when they are asked what is committed.
        self.rewind_fails: list[Exception] = []
        self.epoch = 0
        self.paused = 0
        self.closed = False

    @property
    def held(self) -> frozenset[TopicPartition]:
        """The partitions that are this member's until it gives them back."""
        return frozenset(self._next)

    def subscribe(self, listener: Listener) -> None:
        """Join the group, unless that is done."""
        self._listener = listener
        if self not in self._group.members:
            self._group.members.append(self)
            self._group.changed()

    def expel(self) -> None:
        """Let the brokers think that this member is dead; it hears of it when it polls."""
        self._group.members.remove(self)
        self._group.changed()

    def poll_batch(
        self, max_records: int, timeout_seconds: float, max_wait_seconds: float = 0.0
    ) -> Batch:
        """Return the next events; time passes only when there are none."""
        del max_wait_seconds
        if self._must_rewind:
            self._rewind_now()
        epoch = self.epoch
        self._follow_the_group()
        rows = self._take(max_records)
        if self.amid_poll is not None:
            act, self.amid_poll = self.amid_poll, None
            act()
            self._follow_the_group()
        if self.epoch != epoch:
            self.rewind()
            return _batch([])
        if not rows:
            self._kafka.clock.advance(timeout_seconds or 0.001)
        return _batch(rows)

    def stand_by(self, seconds: float) -> None:
        """Let time pass, in the group; what arrives is read again."""
        self.rewind()
        self._follow_the_group()
        self._kafka.clock.advance(seconds)

    def pause(self) -> None:
        """Count how often there was a long wait."""
        self.paused += 1

    def rewind(self) -> None:
        """Let the next poll start from what is committed."""
        self._must_rewind = True

    def positions(self) -> Mapping[TopicPartition, int]:
        """Return the offsets after the last thing read."""
        return {} if self._must_rewind else dict(self._positions)

    def group_metadata(self) -> bytes:
        """Return the membership as this member knows it."""
        if self._generation < 0:
            raise TransactionAborted("not a member")
        return f"{self._group_id}/{self._member}/{self._generation}".encode()

    def close(self) -> None:
        """Leave the group."""
        self.closed = True
        if self in self._group.members:
            self._give_back(self.held, lost=False)
            self._group.members.remove(self)
            self._group.changed()
        self._generation = -1

    def _rewind_now(self) -> None:
        if self.rewind_fails:
            raise self.rewind_fails.pop(0)
        for partition in self._next:
            self._next[partition] = self._group.committed.get(partition, 0)
        self._positions.clear()
        self._must_rewind = False

    def _follow_the_group(self) -> None:
        """Do what a rebalance asks of this member, callbacks included."""
        if self._listener is None:
            return
        if self not in self._group.members:
            self._give_back(self.held, lost=True)
            self._member = f"member-{next(self._numbers)}"
            self._group.members.append(self)
            self._group.changed()
        self._generation = self._group.generation
        target = self._group.target(self, self._subscribed())
        if moving := self.held - target:
            self._give_back(moving, lost=False)
            self._group.changed()
        new = sorted(p for p in target - self.held if self._group.is_free(p, self))
        if new:
            for partition in new:
                self._next[partition] = self._group.committed.get(partition, 0)
            self._listener.assigned(new)

    def _give_back(self, partitions: frozenset[TopicPartition], *, lost: bool) -> None:
        if not partitions or self._listener is None:
            return
        tell = self._listener.lost if lost else self._listener.revoked
        tell(sorted(partitions))
        self.epoch += 1
        for partition in partitions:
            del self._next[partition]
            self._positions.pop(partition, None)

    def _subscribed(self) -> list[TopicPartition]:
        counts = self._kafka.partitions
        return [TopicPartition(t, p) for t in self._topics for p in range(counts[t])]

    def _take(self, max_records: int) -> list[tuple[TopicPartition, Record]]:
        rows: list[tuple[TopicPartition, Record]] = []
        for partition in sorted(self._next):
            log = self._kafka.logs[partition]
            while len(rows) < max_records and self._next[partition] < len(log):
                record = log[self._next[partition]]
                if record.pending:
                    break
                self._next[partition] = next_offset(record.offset)
                self._positions[partition] = self._next[partition]
                if record.visible:
                    rows.append((partition, record))
        return rows


class FakeProducer:
    """The twin of ``stream_scorer.kafka.producer.TransactionalProducer``."""

    def __init__(self, kafka: FakeKafka, transactional_id: str) -> None:
        self._kafka = kafka
        self._id = transactional_id
        self._epoch = 0
        self.needs_rebuild = True
        self.rebuilds = 0
        #: The bound that each transaction was given.
        self.bounds: list[float | None] = []

    def rebuild(self) -> None:
        """Take the id over: whoever had it is fenced, and what was open is aborted."""
        if fault := self._kafka.fault("init"):
            raise fault.error
        self._kafka.epochs[self._id] += 1
        self._epoch = self._kafka.epochs[self._id]
        if left := self._kafka.open.pop(self._id, None):
            self._kafka.finish(left, "aborted")
        self.needs_rebuild = False
        self.rebuilds += 1

    @contextmanager
    def transaction(self, within_seconds: float | None = None) -> Iterator[FakeBlock]:
        """Commit what happens inside, or leave no trace of it."""
        self.bounds.append(within_seconds)
        if self.needs_rebuild and self._epoch == 0:
            raise ProducerLost("there is no producer")
        transaction = self._kafka.open[self._id] = FakeTransaction()
        block = FakeBlock(self._kafka, transaction)
        try:
            yield block
            self._commit(block)
        except ProducerLost:
            self.needs_rebuild = True
            self._epoch = 0
            raise
        except BaseException as error:
            self._kafka.finish(transaction, "aborted")
            if isinstance(error, RecordRefused):
                self.needs_rebuild = True
            raise
        finally:
            if transaction.state != "open" and self._kafka.open.get(self._id) is transaction:
                del self._kafka.open[self._id]

    def _commit(self, block: FakeBlock) -> None:
        if self._epoch != self._kafka.epochs[self._id]:
            raise ProducerLost("fenced by a newer producer of the same id")
        if block.refused:
            raise RecordRefused("a record was refused")
        fault = self._kafka.fault("commit")
        if fault is None or fault.happened:
            self._kafka.finish(block.transaction, "committed")
        if fault is not None:
            raise fault.error


class FakeBlock:
    """What can be done inside a transaction."""

    def __init__(self, kafka: FakeKafka, transaction: FakeTransaction) -> None:
        self._kafka = kafka
        self.transaction = transaction
        self.refused = False

    def produce(self, topic: str, events: ScoredEvents) -> None:
        """Append the events; nobody sees them yet."""
        if fault := self._kafka.fault("produce"):
            raise fault.error
        for value, key, partition, timestamp, headers in zip(
            events.values,
            events.keys,
            events.partitions,
            events.timestamps,
            events.headers,
            strict=True,
        ):
            self.refused |= self._kafka.refuses(topic, value)
            target = TopicPartition(topic, partition % self._kafka.partitions[topic])
            record = Record(self.transaction, value, key, headers, timestamp)
            self._kafka.append(target, record)
            self.transaction.touched.add(target)

    def send_offsets(self, offsets: Mapping[TopicPartition, int], membership: bytes) -> None:
        """Take the offsets in, if the membership is current; whose partitions, nobody asks."""
        if fault := self._kafka.fault("send_offsets"):
            raise fault.error
        group_id, member, generation = membership.decode().split("/")
        group = self._kafka.groups[group_id]
        members = {each._member for each in group.members}
        if member not in members or int(generation) != group.generation:
            raise TransactionAborted("ILLEGAL_GENERATION")
        self.transaction.offsets.update({(group_id, p): o for p, o in offsets.items()})


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
