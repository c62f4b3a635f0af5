"""Reads a record of the output or dead-letter topic as the result of an event."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import fastavro
from confluent_kafka import Message

from stream_scorer.dead_letters import OWN_PREFIX, STREAMS_PREFIX
from stream_scorer.kafka.messages import source_of
from stream_scorer.records import Reason, TopicPartition
from stream_scorer.verify.values import TRANSACTION_HEADER, Trace

#: The source of a record that does not name its event.
UNREADABLE = TopicPartition("unreadable", 0)


class Tracing:
    """Reads records as any downstream consumer could: scored events from Avro, others from headers.

    A record that can't be read is a result of :data:`UNREADABLE`, where no event is.

    Args:
        output: the topic of the scored events; all other records are dead letters.
        scored_schema: the schema of the scored events, with ``source``.
        score_field: the field of a scored event that holds the score.
        prefix: the bytes in front of each scored event.
    """

    def __init__(
        self,
        output: str,
        scored_schema: Mapping[str, Any],
        score_field: str,
        prefix: bytes = b"",
    ) -> None:
        self._output = output
        self._prefix = prefix
        self._schema = fastavro.parse_schema(dict(scored_schema))
        self._score_field = score_field

    def trace(self, message: Message) -> Trace:
        """Return the result that a record represents."""
        place = source_of(message)
        headers = dict(message.headers() or ())
        transaction = (headers.get(TRANSACTION_HEADER) or b"").decode(errors="replace")
        reason, score = None, None
        try:
            if place.topic == self._output:
                source, offset, score = self._scored(message.value())
            else:
                source, offset, reason = _dead_lettered(headers)
        except (EOFError, KeyError, TypeError, ValueError, IndexError, AttributeError):
            source, offset = UNREADABLE, message.offset()
        return Trace(
            place, message.offset(), source, offset, message.key(), transaction, reason, score
        )

    def _scored(self, value: bytes) -> tuple[TopicPartition, int, float]:
        if not value.startswith(self._prefix):
            raise ValueError("it lacks the prefix that the workers write")
        body = io.BytesIO(value)
        body.seek(len(self._prefix))
        event: Any = fastavro.schemaless_reader(body, self._schema, None)
        source = event["source"]
        place = TopicPartition(source["topic"], source["partition"])
        return place, source["offset"], event[self._score_field]


def _dead_lettered(headers: Mapping[str, bytes | None]) -> tuple[TopicPartition, int, Reason]:
    def text(name: str) -> str:
        value = headers[name]
        if value is None:
            raise ValueError(f"header {name} is null")
        return value.decode()

    source = TopicPartition(text(STREAMS_PREFIX + "topic"), int(text(STREAMS_PREFIX + "partition")))
    offset = int(text(STREAMS_PREFIX + "offset"))
    return source, offset, Reason(text(OWN_PREFIX + "reason"))
