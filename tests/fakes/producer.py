"""A transactional producer in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from stream_scorer.errors import ProducerLost, RecordRefused, TransactionAborted
from stream_scorer.records import ScoredEvents, TopicPartition
from tests.fakes.kafka import FakeKafka, FakeTransaction, Record


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
        members = {each.member_id for each in group.members}
        if member not in members or int(generation) != group.generation:
            raise TransactionAborted("ILLEGAL_GENERATION")
        self.transaction.offsets.update({(group_id, p): o for p, o in offsets.items()})
