"""``dlq list``: what the dead-letter topic holds, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stream_scorer.config.settings import Settings
from stream_scorer.dead_letters import OWN_PREFIX, STREAMS_PREFIX
from stream_scorer.errors import ConfigError
from stream_scorer.kafka.reading import read_to_end
from stream_scorer.records import Headers
from stream_scorer.scoring.replay import REPLAYS_HEADER


@dataclass(frozen=True, slots=True)
class ListedLetter:
    """One dead letter as its headers tell it; ``timestamp`` is the event's, in milliseconds."""

    partition: int
    offset: int
    timestamp: int
    source: str
    reason: str
    stage: str
    message: str
    replays: int
    value_bytes: int


def list_dead_letters(settings: Settings, reason: str | None = None) -> Iterator[ListedLetter]:
    """Yield the dead letters in the topic now, only those of ``reason`` if one is given.

    Raises:
        ConfigError: no dead-letter topic is configured.
        Unreachable: it can't be read.
    """
    kafka = settings.kafka
    if kafka is None or kafka.dead_letter_topic is None:
        raise ConfigError("kafka.dead_letter_topic: name the topic whose dead letters to list.")
    common = {**kafka.common, "bootstrap.servers": kafka.bootstrap_servers}
    for batch in read_to_end(common, kafka.dead_letter_topic):
        for row, headers in enumerate(batch.headers):
            letter = _listed(
                headers or [],
                partition=batch.source_of(row).partition,
                offset=int(batch.offsets[row]),
                timestamp=int(batch.timestamps[row]),
                value_bytes=len(batch.values[row] or b""),
            )
            if reason is None or letter.reason == reason:
                yield letter


def _listed(
    headers: Headers, *, partition: int, offset: int, timestamp: int, value_bytes: int
) -> ListedLetter:
    texts = {name: (content or b"").decode("utf-8", "replace") for name, content in headers}
    topic, number, position = (
        texts.get(STREAMS_PREFIX + name, "?") for name in ("topic", "partition", "offset")
    )
    return ListedLetter(
        partition=partition,
        offset=offset,
        timestamp=timestamp,
        source=f"{topic}[{number}]@{position}",
        reason=texts.get(OWN_PREFIX + "reason", "?"),
        stage=texts.get(OWN_PREFIX + "stage", "?"),
        message=texts.get(STREAMS_PREFIX + "message", ""),
        replays=int(texts.get(REPLAYS_HEADER, "0")),
        value_bytes=int(texts.get(OWN_PREFIX + "value_bytes", value_bytes)),
    )
