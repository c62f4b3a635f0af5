"""How many transactions a contender made, counted from outside.

Kafka ends every transaction with a control record in each partition that it wrote to. One that is
to be exactly once also writes its input's offsets, all of them to the one partition of
``__consumer_offsets`` that its group belongs to. So there it leaves one control record, whatever
else it wrote to. A reader never sees control records, but they take an offset: what is missing
between the offsets read is what was transactions. (In the output topic, a transaction leaves none
to as many as there are partitions.)
"""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

OFFSETS_TOPIC = "__consumer_offsets"
_ANSWER_SECONDS = 10.0

Ends = Mapping[int, int]


def ends(bootstrap_servers: str) -> dict[int, int]:
    """Return where the partitions of the offsets topic end; none before the first group is."""
    consumer = _consumer(bootstrap_servers)
    try:
        return _ends(consumer)
    finally:
        consumer.close()


def ended_since(bootstrap_servers: str, before: Ends) -> int:
    """Return how many transactions with offsets have ended since ``before``, whoever's."""
    consumer = _consumer(bootstrap_servers)
    try:
        now = _ends(consumer)
        grown = {number: end for number, end in now.items() if end > before.get(number, 0)}
        taken = sum(end - before.get(number, 0) for number, end in grown.items())
        starts = {number: before.get(number, 0) for number in grown}
        return taken - _records(consumer, starts, grown)
    finally:
        consumer.close()


def _consumer(bootstrap_servers: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "counts-transactions",
            "enable.auto.commit": False,
            # What an aborted transaction wrote is no control record either.
            "isolation.level": "read_uncommitted",
            "enable.partition.eof": True,
        }
    )


def _ends(consumer: Consumer) -> dict[int, int]:
    topic = consumer.list_topics(OFFSETS_TOPIC, timeout=_ANSWER_SECONDS).topics[OFFSETS_TOPIC]
    return {
        number: consumer.get_watermark_offsets(
            TopicPartition(OFFSETS_TOPIC, number), timeout=_ANSWER_SECONDS
        )[1]
        for number in topic.partitions
    }


def _records(consumer: Consumer, starts: Ends, stops: Ends) -> int:
    """Return how many records a reader finds from ``starts`` up to ``stops``."""
    consumer.assign([TopicPartition(OFFSETS_TOPIC, *start) for start in starts.items()])
    found, left = 0, set(starts)
    while left:
        messages = consumer.consume(10_000, timeout=0.1)
        for message in messages:
            error, number = message.error(), message.partition()
            if error is None:
                found += message.offset() < stops[number]
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                left.discard(number)
            else:
                raise KafkaException(error)
    return found
