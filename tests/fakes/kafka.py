"""The brokers: logs, transactions, groups, and what goes wrong next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from stream_scorer.records import Headers, TopicPartition

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


class Member(Protocol):
    """What a group knows of a consumer in it."""

    @property
    def member_id(self) -> str:
        """What the brokers call it, until it is expelled."""

    @property
    def held(self) -> frozenset[TopicPartition]:
        """The partitions that are this member's until it gives them back."""


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
    members: list[Member] = field(default_factory=list)
    committed: dict[TopicPartition, int] = field(default_factory=dict)

    def changed(self) -> None:
        """Start another generation; members learn of it when they poll."""
        self.generation += 1

    def target(self, member: Member, partitions: Sequence[TopicPartition]) -> set[TopicPartition]:
        """Return what the member ought to hold: every n-th partition."""
        place = self.members.index(member)
        return set(partitions[place :: len(self.members)])

    def is_free(self, partition: TopicPartition, member: Member) -> bool:
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
