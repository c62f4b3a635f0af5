"""A transactional producer in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from stream_scorer.errors import (
    ProducerLost,
    RecordsRefused,
    TopicInDoubt,
    TransactionAborted,
    Unanswered,
)
from stream_scorer.records import Position, ScoredEvents, TopicPartition
from tests.fakes.kafka import FakeKafka, Killed, LateRequest
from tests.fakes.log import FakeTransaction, Record

#: How long a call of the producer waits for brokers that are away.
INIT_SECONDS = 10.0
#: When the brokers abort a transaction, unless the producer asks for another time.
TRANSACTION_SECONDS = 15.0


class FakeProducer:
    """The twin of ``stream_scorer.kafka.producer.TransactionalProducer``."""

    def __init__(
        self,
        kafka: FakeKafka,
        transactional_id: str,
        transaction_seconds: float = TRANSACTION_SECONDS,
    ) -> None:
        self._kafka = kafka
        self._id = transactional_id
        self._seconds = transaction_seconds
        self._epoch = 0
        self._was_late = False
        self._breaks = 0
        #: How many partitions the client knows that a topic has.
        self.known: dict[str, int] = {}
        self.rebuilds = 0
        #: The bound that each transaction was given.
        self.bounds: list[float | None] = []

    def rebuild(self) -> None:
        """Take the id over: whoever had it is fenced, and what was open is aborted."""
        self._kafka.on_call(self, "init")
        self._lose()
        if fault := self._kafka.fault("init"):
            if fault.happened:
                self._kafka.init(self._id)
            raise fault.error or Unanswered("no coordinator")
        if not self._wait_for_brokers(INIT_SECONDS):
            raise Unanswered("no coordinator")
        self._epoch = self._kafka.init(self._id)
        self._was_late = False
        self._breaks = self._kafka.breaks[self._id]
        self.known.clear()
        self.rebuilds += 1

    def partitions(self, topic: str, within_seconds: float) -> int | None:
        """Return how many partitions a topic has; the client knows of them from then on."""
        self._kafka.on_call(self, "partitions")
        if self._epoch == 0 or not self._wait_for_brokers(within_seconds):
            return None
        self.known[topic] = self._kafka.partitions.get(topic, 0)
        return self.known[topic]

    @property
    def request(self) -> LateRequest:
        """The request to commit what this producer has open; it may arrive late."""
        return LateRequest(self._id, self._epoch, self._kafka.open[self._id])

    @contextmanager
    def transaction(self, within_seconds: float | None = None) -> Iterator[FakeBlock]:
        """Commit what happens inside, or leave no trace of it."""
        self._kafka.on_call(self, "begin")
        self.bounds.append(within_seconds)
        if self.needs_rebuild:
            raise ProducerLost("there is no producer that is in no doubt")
        started = self._kafka.clock()
        block = FakeBlock(self._kafka, self, (self._id, self._epoch), self._seconds, self.known)
        try:
            yield block
            self._commit(block, started + (within_seconds or self._seconds))
        except Killed:
            raise
        except ProducerLost:
            self._lose()
            raise
        except BaseException as error:
            self._abort(block)
            if isinstance(error, TransactionAborted) and not block.refused_by_group:
                # It may have set the client and the brokers apart.
                self._lose()
            raise
        finally:
            # Half of the transaction's time is ``socket.timeout.ms``.
            self._was_late = self._kafka.clock() - started >= self._seconds / 2

    @property
    def needs_rebuild(self) -> bool:
        """Tell whether there is no client, or a request of it may be under way a second time.

        A request is sent again once its time is over, or if its connection broke, of which the
        client hears.
        """
        mine = (self._id, self._epoch)
        twice = any((each.transactional_id, each.epoch) == mine for each in self._kafka.under_way)
        broke = self._kafka.breaks[self._id] > self._breaks
        return self._epoch == 0 or self._was_late or twice or broke

    def _lose(self) -> None:
        self._epoch = 0

    def _wait_for_brokers(self, seconds: float) -> bool:
        if self._kafka.is_away:
            left = self._kafka.away_until - self._kafka.clock()
            self._kafka.clock.advance(max(0.0, min(left, seconds)))
        return not self._kafka.is_away

    def _commit(self, block: FakeBlock, deadline: float) -> None:
        block.check_epoch()
        if block.refused:
            raise RecordsRefused("records were refused", block.refused)
        self._kafka.tell(self._id, "sent", block.transaction)
        self._kafka.on_call(self, "commit")
        if not self._wait_for_brokers(deadline - self._kafka.clock()):
            raise ProducerLost("the brokers did not answer in time")
        fault = self._kafka.fault("commit")
        block.check_epoch()
        if fault is not None and fault.late:
            self._kafka.under_way.append(self.request)
        if fault is None or fault.happened:
            self._kafka.finish(block.transaction, "committed")
        self._kafka.on_call(self, "committed")
        if fault is not None and fault.error is not None:
            raise fault.error
        self._kafka.tell(self._id, "committed", block.transaction)

    def _abort(self, block: FakeBlock) -> None:
        self._kafka.on_call(self, "abort")
        fault = self._kafka.fault("abort")
        if fault is not None or not self._wait_for_brokers(self._seconds):
            self._lose()
        elif not block.is_current:
            self._lose()  # the brokers have ended it themselves; the client can't go on
        else:
            self._kafka.finish(block.transaction, "aborted")
            self._kafka.tell(self._id, "aborted", block.transaction)


class FakeBlock:
    """What can be done inside a transaction; the brokers hear of it with its first record."""

    def __init__(
        self,
        kafka: FakeKafka,
        owner: object,
        id_and_epoch: tuple[str, int],
        timeout_seconds: float,
        known: dict[str, int],
    ) -> None:
        self._kafka = kafka
        self._known = known
        self._owner = owner
        self._id, self._epoch = id_and_epoch
        self._timeout = timeout_seconds
        self._records = 0
        self._transaction: FakeTransaction | None = None
        #: It is the group that refused something; the client is as good as before.
        self.refused_by_group = False
        #: Why records are refused, by their number in the transaction.
        self.refused: dict[int, str] = {}

    @property
    def transaction(self) -> FakeTransaction:
        """What the brokers know of it."""
        if self._transaction is None:
            self._transaction = self._kafka.begin(self._id, self._timeout)
        return self._transaction

    @property
    def is_current(self) -> bool:
        """Whether the brokers still take something in for it."""
        known = self._kafka.epochs[self._id] == self._epoch
        return known and self.transaction.state == "open"

    def check_epoch(self) -> None:
        """Refuse to go on for a producer that is fenced, or whose transaction was ended."""
        if not self.is_current:
            raise ProducerLost("INVALID_PRODUCER_EPOCH or INVALID_TXN_STATE")

    def produce(self, topic: str, events: ScoredEvents) -> None:
        """Append the events; nobody sees them yet. That it is fenced, it hears later."""
        self._kafka.on_call(self._owner, "produce")
        if fault := self._kafka.fault("produce"):
            raise fault.error or TransactionAborted("the delivery failed")
        if not self.is_current:
            return
        for value, key, partition, timestamp, headers in zip(
            events.values,
            events.keys,
            events.partitions.tolist(),
            events.timestamps.tolist(),
            events.headers,
            strict=True,
        ):
            is_late = timestamp > self._kafka.latest_ms.get(topic, timestamp)
            if is_late or self._kafka.refuses(topic, value):
                self.refused[self._records] = "INVALID_RECORD"
            self._records += 1
            target = self._target(topic, partition)
            record = Record(self.transaction, value, key, headers, timestamp)
            self._kafka.append(target, record)
            self.transaction.touched.add(target)
            self.transaction.records += 1

    def _target(self, topic: str, partition: int) -> TopicPartition:
        """Return where a record goes, if its partition is there and the client knows of it."""
        there = self._kafka.partitions[topic]
        if max(0, partition) >= min(there, self._known.setdefault(topic, there)):
            raise TopicInDoubt("_UNKNOWN_PARTITION")
        return TopicPartition(topic, partition % there)

    def send_offsets(self, positions: Mapping[TopicPartition, Position], membership: bytes) -> None:
        """Take the offsets in, if the membership is current; whose partitions, nobody asks."""
        self._kafka.on_call(self._owner, "send_offsets")
        fault = self._kafka.fault("send_offsets")
        if fault is not None and fault.error is not None:
            self.refused_by_group = fault.by_group
            raise fault.error
        self.check_epoch()
        group, member, generation = membership.decode().split("/")
        self.refused_by_group = True
        self._kafka.groups[group].fence(member, int(generation))
        self.refused_by_group = False
        asked = {(group, partition): each.offset for partition, each in positions.items()}
        self.transaction.offsets.update(asked)
        if fault is not None and fault.late:
            late = LateRequest(self._id, self._epoch, self.transaction, tuple(asked.items()))
            self._kafka.under_way.append(late)
