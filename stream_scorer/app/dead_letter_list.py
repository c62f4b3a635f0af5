"""``dlq list``: what the dead-letter topic holds, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from stream_scorer.config.settings import Settings
from stream_scorer.errors import ConfigError
from stream_scorer.kafka.reading import read_to_end
from stream_scorer.records import Batch
from stream_scorer.scoring.told_letters import ToldLetter


@dataclass(frozen=True, slots=True)
class ListedLetter:
    """One dead letter as its headers tell it; ``timestamp`` is the event's, in milliseconds.

    A record that is no dead letter has question marks.
    """

    partition: int
    offset: int
    timestamp: int
    source: str
    group: str
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
        for row in range(len(batch)):
            letter = _listed(batch, row)
            if reason is None or letter.reason == reason:
                yield letter


def _listed(batch: Batch, row: int) -> ListedLetter:
    told = ToldLetter.of(batch.headers[row])
    value_bytes = len(batch.values[row] or b"")
    letter = ListedLetter(
        partition=batch.source_of(row).partition,
        offset=int(batch.offsets[row]),
        timestamp=int(batch.timestamps[row]),
        source="?[?]@?",
        group="?",
        reason="?",
        stage="?",
        message="",
        replays=0,
        value_bytes=value_bytes,
    )
    if told is None:
        return letter
    return replace(
        letter,
        timestamp=letter.timestamp if told.timestamp is None else told.timestamp,
        source=f"{told.source.topic}[{told.source.partition}]@{told.offset}",
        group=told.group or letter.group,
        reason=told.reason,
        stage=told.stage,
        message=told.message,
        replays=told.replays,
        value_bytes=value_bytes if told.value_bytes is None else told.value_bytes,
    )
