"""Makes clients as a worker does, without any broker: what they refuse is known beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

from confluent_kafka import Consumer, KafkaException, Producer

from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.connections import audible
from stream_scorer.kafka.refused_logins import refused_properties
from stream_scorer.kafka.translation import describe, error_of

#: A client that knows no broker connects to nobody.
_NOWHERE: Mapping[str, Property] = {"bootstrap.servers": ""}


class _Nobody:
    """A client's logger that writes nothing: what is wrong is returned."""

    def log(self, *_: object) -> None:
        """Drop the line."""


def why_no_consumer(properties: Mapping[str, Property], topics: Sequence[str]) -> str | None:
    """Return why no consumer can be made of these properties and subscribe to these topics.

    The text is librdkafka's, with the way out where it has one; ``None`` if one can be made.
    """

    def make() -> None:
        with closing(Consumer({**properties, **_NOWHERE}, logger=_Nobody())) as client:
            client.subscribe(list(topics))

    return _refusal_of(make)


def why_no_producer(properties: Mapping[str, Property]) -> str | None:
    """Return why no producer can be made of these properties; ``None`` if one can be made."""
    heard = audible(properties) if "transactional.id" in properties else properties
    return _refusal_of(lambda: Producer({**heard, **_NOWHERE}, logger=_Nobody()))


def _refusal_of(make: Callable[[], object]) -> str | None:
    try:
        make()
    except KafkaException as exception:
        return refused_properties(describe(error_of(exception)))
    return None
