"""A Kafka in memory, as far as the loop can tell, on a clock that tests move.

It keeps what the loop's guarantee rests on: transactions that commit or abort as a whole, control
markers that take an offset, offsets that are pending, timeouts, fencing by transactional id and by
membership, requests that arrive late, partitions that are revoked before they move, and partitions
that are lost. ``tests/kafka/test_conformance*.py`` hold it and a real Kafka to the same sentences.
"""

from __future__ import annotations

from tests.fakes.consumer import FakeConsumer
from tests.fakes.kafka import FakeClock, FakeKafka, Killed
from tests.fakes.producer import FakeProducer

__all__ = ["FakeClock", "FakeConsumer", "FakeKafka", "FakeProducer", "Killed"]
