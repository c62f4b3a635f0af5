"""Which failures of a write end it, and what is said then."""

from __future__ import annotations

from confluent_kafka import KafkaError

from stream_scorer.errors import Unreachable
from stream_scorer.kafka.translation import RECORD_REFUSALS, RIGHTS, describe


def is_refusal(error: KafkaError) -> bool:
    """Tell whether writing the event again is of no use."""
    return error.code() in RIGHTS or error.code() in RECORD_REFUSALS


def refusal(topic: str, error: KafkaError, rights: str) -> Unreachable:
    """Return what ends the writing; ``rights`` are those that it takes."""
    sentence = f"The brokers don't take the events for {topic} ({describe(error)})"
    return Unreachable(f"{sentence}; grant {rights}." if error.code() in RIGHTS else f"{sentence}.")


def unheard(_: KafkaError) -> None:
    """Leave it to the calls and the deliveries: what can't be waited out they say."""
