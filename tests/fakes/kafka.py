"""The brokers: logs, transactions, groups, time that runs out, and what goes wrong next."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from stream_scorer.records import TopicPartition
from stream_scorer.verify.values import Entry
from tests.fakes.group import Group
from tests.fakes.log import FakeTransaction, Record, State

Step = Literal["init", "produce", "send_offsets", "commit", "abort"]
End = Literal["plain", "committed", "aborted", "open"]


class FakeClock:
    """Seconds that pass only when somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.passed: list[Callable[[], None]] = []

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        for tell in self.passed:
            tell()


class Killed(BaseException):
    """The process is dead: nothing that it had begun is ended by itself."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong at the next such step.

    ``happened``: the brokers did it nevertheless. ``late``: its request is still on its way, once
    more if it happened. ``seconds``: how long the step takes. ``by_group``: it is the group that
    refuses the member, so the client is as good as before.
    """

    step: Step
    error: Exception | None
    happened: bool = False
    late: bool = False
    seconds: float = 0.0
    by_group: bool = False


class LateRequest(NamedTuple):
    """A request that the network has delayed: to take offsets in, or else to commit."""

    transactional_id: str
    epoch: int
    transaction: FakeTransaction
    offsets: tuple[tuple[tuple[str, TopicPartition], int], ...] = ()


class FakeKafka:
    """Topics, groups and transactional ids."""

    session_seconds = 10.0

    def __init__(self, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.clock.passed.append(self._time_passed)
        self.partitions: dict[str, int] = {}
        self.logs: defaultdict[TopicPartition, list[Record]] = defaultdict(list)
        self.groups: defaultdict[str, Group] = defaultdict(Group)
        self.epochs: defaultdict[str, int] = defaultdict(int)
        self.open: dict[str, FakeTransaction] = {}
        self._begun = 0
        self.faults: list[Fault] = []
        self.under_way: list[LateRequest] = []
        self.away_until = float("-inf")
        #: How often the connections of a producer broke, by transactional id.
        self.breaks: Counter[str] = Counter()
        self.refuses: Callable[[str, bytes | None], bool] = lambda _topic, _value: False
        #: The latest timestamp that a topic takes, where it has a limit.
        self.latest_ms: dict[str, int] = {}
        #: What producers believe that became of their transactions.
        self.history: list[Entry] = []
        #: Hears of every call of a client before it takes effect: which client, and which call.
        self.on_call: Callable[[object, str], None] = lambda _client, _call: None

    # ------------------------------------------------------------------ topics

    def create_topic(self, name: str, partitions: int = 1) -> None:
        """Create a topic."""
        self.partitions[name] = partitions

    def add_partitions(self, name: str, partitions: int) -> None:
        """Let the topic have so many; its groups hear of it."""
        self.partitions[name] = partitions
        for each in self.groups.values():
            each.changed()

    def sources(self, topic: str) -> list[TopicPartition]:
        """Return the topic's partitions."""
        return [TopicPartition(topic, each) for each in range(self.partitions[topic])]

    def write(
        self, source: TopicPartition, values: Sequence[bytes | None], *, end: End = "plain"
    ) -> FakeTransaction | None:
        """Append events; those of a transaction that ends are followed by its control marker."""
        transaction = None if end == "plain" else FakeTransaction()
        for value in values:
            self.append(source, Record(transaction, value))
        if transaction is not None:
            transaction.touched.add(source)
            if end == "committed" or end == "aborted":  # noqa: PLR1714 - so that the type narrows
                self.finish(transaction, end)
        return transaction

    def append(self, source: TopicPartition, record: Record) -> None:
        """Append a record; its offset is the next one."""
        log = self.logs[source]
        log.append(replace(record, offset=len(log)))

    def end(self, source: TopicPartition) -> int:
        """Return the high watermark: the offset of the next record."""
        return len(self.logs[source])

    def stable_end(self, source: TopicPartition) -> int:
        """Return the last stable offset: the first one of an open transaction, or the end."""
        log = self.logs[source]
        return next((each.offset for each in log if each.pending), len(log))

    def visible(self, topic: str) -> list[Record]:
        """Return what a reader of committed events gets, partition by partition."""
        found: list[Record] = []
        for source in self.sources(topic):
            for record in self.logs[source]:
                if record.pending:
                    break
                if record.visible:
                    found.append(record)
        return found

    # ------------------------------------------------------------------ groups

    def lag(self, group: str, topic: str) -> int:
        """Return how far the group is behind the ends, markers included."""
        committed = self.groups[group].committed
        return sum(len(self.logs[each]) - committed.get(each, 0) for each in self.sources(topic))

    def is_stable(self, group: str, source: TopicPartition) -> bool:
        """Tell whether no open transaction has an offset for the partition (KIP-447)."""
        return all((group, source) not in each.offsets for each in self.open.values())

    @property
    def is_away(self) -> bool:
        """Whether no broker answers now."""
        return self.clock() < self.away_until

    def go_away(self, seconds: float, *, in_silence: bool = False) -> None:
        """Let no broker answer for a while; connections break, unless brokers only fall silent."""
        self.away_until = self.clock() + seconds
        if not in_silence:
            self.breaks.update(list(self.epochs))

    # ------------------------------------------------------------------ transactions

    def init(self, transactional_id: str) -> int:
        """Fence whoever had the id, abort what was open, and return the new epoch."""
        self.epochs[transactional_id] += 1
        if left := self.open.pop(transactional_id, None):
            self.finish(left, "aborted")
        return self.epochs[transactional_id]

    def begin(self, transactional_id: str, timeout_seconds: float) -> FakeTransaction:
        """Open a transaction that the brokers abort after so long."""
        self._begun += 1
        name = f"{transactional_id}/{self._begun}"
        made = FakeTransaction(name, ends_at=self.clock() + timeout_seconds)
        self.open[transactional_id] = made
        return made

    def finish(self, transaction: FakeTransaction, state: State) -> None:
        """End a transaction: its events and offsets count, all of them or none."""
        if transaction.state != "open":
            return
        transaction.state = state
        for source in sorted(transaction.touched):
            self.append(source, Record(transaction, is_marker=True))
        if state == "committed":
            for (group, source), offset in transaction.offsets.items():
                self.groups[group].committed[source] = offset
        for name in [name for name, each in self.open.items() if each is transaction]:
            del self.open[name]

    def deliver(self) -> None:
        """Let the oldest delayed request arrive."""
        if self.under_way:
            self._arrive(self.under_way[0])

    def deliver_amid_next(self, transactional_id: str) -> None:
        """Let delayed requests arrive now that their producer has its next transaction open."""
        found = self.open.get(transactional_id)
        for each in list(self.under_way):
            if each.transactional_id == transactional_id and found not in (None, each.transaction):
                self._arrive(each)

    def _arrive(self, request: LateRequest) -> None:
        """Take a request in; it concerns whatever its epoch has open now."""
        self.under_way.remove(request)
        current = self.epochs[request.transactional_id] == request.epoch
        found = self.open.get(request.transactional_id)
        if found is None or not current:
            return
        if request.offsets:
            found.offsets.update(request.offsets)
        else:
            self.finish(found, "committed")

    def tell(self, who: str, what: str, transaction: FakeTransaction) -> None:
        """Write a line of the history, as the workers of ``stream-scorer verify`` do."""
        details = {"transaction": transaction.name, "records": transaction.records}
        self.history.append(Entry(self.clock(), who, what, details))

    def _time_passed(self) -> None:
        for name, each in list(self.open.items()):
            if each.ends_at <= self.clock():
                self.init(name)
        for group in self.groups.values():
            group.expel_silent(self.clock() - self.session_seconds)

    # ------------------------------------------------------------------ faults

    def fail(
        self,
        step: Step,
        error: Exception | None,
        *,
        happened: bool = False,
        late: bool = False,
        seconds: float = 0.0,
        by_group: bool = False,
    ) -> None:
        """Let the next such step fail, or take long."""
        self.faults.append(Fault(step, error, happened, late, seconds, by_group))

    def fault(self, step: Step) -> Fault | None:
        """Return what goes wrong now, once; its time has passed."""
        for each in self.faults:
            if each.step == step:
                self.faults.remove(each)
                self.clock.advance(each.seconds)
                return each
        return None
