"""Which write failures are final, and their error messages."""

from __future__ import annotations

from confluent_kafka import KafkaError

from stream_scorer.errors import Unreachable
from stream_scorer.kafka.translation import RECORD_REFUSALS, RIGHTS, describe


def is_refusal(error: KafkaError) -> bool:
    """Tell whether writing the event again is pointless."""
    return error.code() in RIGHTS or error.code() in RECORD_REFUSALS


def refusal(topic: str, error: KafkaError, rights: str) -> Unreachable:
    """Return the error that ends the writing; ``rights`` are those that it needs."""
    sentence = f"The brokers don't accept the events for {topic} ({describe(error)})"
    return Unreachable(f"{sentence}; grant {rights}." if error.code() in RIGHTS else f"{sentence}.")


def unheard(_: KafkaError) -> None:
    """Ignore the error: calls and deliveries report what can't be retried."""
