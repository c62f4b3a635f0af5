"""Reads the headers that the writer of a dead letter added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stream_scorer.dead_letters import (
    FIRST_HEADER,
    MOST_REPLAYS,
    OWN_PREFIX,
    REPLAYS_HEADER,
    STREAMS_PREFIX,
    number,
)
from stream_scorer.records import Headers, TopicPartition

_INT32, _INT64 = 2**31 - 1, 2**63 - 1


@dataclass(frozen=True, slots=True)
class ToldLetter:
    """A dead letter's headers: the event's own, and what the writer says behind them.

    ``timestamp`` is the event's where the letter has another, else ``None``. ``missing`` are words
    for what of the event is not in the letter. ``group`` is empty in a letter of another program,
    such as Kafka Streams.
    """

    source: TopicPartition
    offset: int
    headers: Headers
    group: str
    reason: str
    stage: str
    message: str
    replays: int
    timestamp: int | None
    value_bytes: int | None
    key_was_null: bool
    missing: tuple[str, ...]

    @classmethod
    def of(cls, headers: Headers | None) -> ToldLetter | None:
        """Read a record's headers; ``None`` if they are not those of a dead letter.

        The writer's begin at the last :data:`FIRST_HEADER`: what is in front of it, whatever its
        name, came with the event.
        """
        names = [name for name, _ in headers or ()]
        if headers is None or FIRST_HEADER not in names:
            return None
        begin = len(names) - 1 - names[::-1].index(FIRST_HEADER)
        told = dict(headers[begin:])
        topic = told.get(STREAMS_PREFIX + "topic")
        partition = number(told.get(STREAMS_PREFIX + "partition"), _INT32)
        offset = number(told.get(STREAMS_PREFIX + "offset"), _INT64)
        if not topic or partition is None or offset is None:
            return None
        return cls(
            source=TopicPartition(topic.decode("utf-8", "replace"), partition),
            offset=offset,
            headers=headers[:begin],
            group=_text(told, OWN_PREFIX + "group", ""),
            reason=_text(told, OWN_PREFIX + "reason"),
            stage=_text(told, OWN_PREFIX + "stage"),
            message=_text(told, STREAMS_PREFIX + "message"),
            replays=number(told.get(REPLAYS_HEADER), MOST_REPLAYS) or 0,
            timestamp=number(told.get(OWN_PREFIX + "timestamp"), _INT64, -_INT64 - 1),
            value_bytes=number(told.get(OWN_PREFIX + "value_bytes"), _INT64),
            key_was_null=OWN_PREFIX + "key_added" in told,
            missing=tuple(word for word, name in _MISSING if OWN_PREFIX + name in told),
        )


_MISSING = (("value", "value_bytes"), ("headers", "headers_lost"), ("key", "key_bytes"))


def _text(told: Mapping[str, bytes | None], name: str, absent: str = "?") -> str:
    content = told.get(name)
    return content.decode("utf-8", "replace") if content else absent
