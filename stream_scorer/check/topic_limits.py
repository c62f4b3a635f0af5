"""Compares the limits of the topics: records that the input takes and an output refuses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from stream_scorer.check.findings import Finding, warning
from stream_scorer.check.wording import some
from stream_scorer.kafka.client_config import BATCH_OVERHEAD_BYTES, RECEIVE_BYTES
from stream_scorer.kafka.cluster import TopicFacts

#: A dead letter is its input event and headers of up to this size.
DEAD_LETTER_HEADROOM_BYTES = 64 * 1024
#: Kafka's word for what the setting ``output.compression`` calls none.
_NONE = "uncompressed"
#: A topic with this takes every codec as it comes.
_ANY = "producer"

Side = Literal["before", "after"]


def compare(
    inputs: Sequence[TopicFacts],
    output: TopicFacts | None,
    dead_letters: TopicFacts | None,
    *,
    compression: str,
    receive_bytes: int,
) -> Iterator[Finding]:
    """Judge timestamps, sizes and compression of the topics against each other.

    ``compression`` is ``output.compression``, ``receive_bytes`` the consumer's
    ``receive.message.max.bytes``.
    """
    for topic in inputs:
        yield from _receivable(topic, receive_bytes)
    if output is not None:
        yield from _scored_times(output, inputs)
        yield from _scored_sizes(output, inputs)
        yield from _recompressed(output, "kafka.output_topic", compression)
    if dead_letters is not None:
        yield from _dead_times(dead_letters, inputs)
        yield from _headroom(dead_letters, inputs)
        yield from _expanded(dead_letters, inputs)
        yield from _recompressed(dead_letters, "kafka.dead_letter_topic", compression)
        yield from _compacted(dead_letters)


def _receivable(topic: TopicFacts, receive_bytes: int) -> Iterator[Finding]:
    needed = min(RECEIVE_BYTES, (topic.max_message_bytes or 0) + BATCH_OVERHEAD_BYTES)
    if needed > receive_bytes:
        yield warning(
            f"kafka.input_topics: {topic.name} takes messages of {topic.max_message_bytes} bytes, "
            f"and the consumer's receive.message.max.bytes is {receive_bytes}; a larger one would "
            f"hold up its partition. Omit kafka.consumer.receive.message.max.bytes, or set it to "
            f"{needed}."
        )


# ------------------------------------------------------------------ timestamps


def _limit(topic: TopicFacts, side: Side) -> int | None:
    return topic.before_max_ms if side == "before" else topic.after_max_ms


def _wider(limit: int, side: Side, inputs: Sequence[TopicFacts]) -> list[str]:
    """Return the topics with events that are beyond a limit, or will be once they have waited."""
    if side == "before":
        return [topic.name for topic in inputs]
    return [
        topic.name
        for topic in inputs
        if not topic.is_append_time and (topic.after_max_ms is None or topic.after_max_ms > limit)
    ]


def _scored_times(output: TopicFacts, inputs: Sequence[TopicFacts]) -> Iterator[Finding]:
    ways: tuple[tuple[Side, str], ...] = (
        ("before", "are older than that when they are scored, as in a backlog,"),
        ("after", "are further ahead of their time"),
    )
    for side, which in ways:
        limit = _limit(output, side)
        if limit is not None and (names := _wider(limit, side, inputs)):
            yield warning(
                f"kafka.output_topic: {output.name} has message.timestamp.{side}.max.ms {limit}; "
                f"events of {some(names)} that {which} become dead letters (rejected_by_broker). "
                "Set it to 9223372036854775807, or message.timestamp.type to LogAppendTime."
            )


def _dead_times(dead_letters: TopicFacts, inputs: Sequence[TopicFacts]) -> Iterator[Finding]:
    sides: tuple[Side, ...] = ("before", "after")
    for side in sides:
        limit = _limit(dead_letters, side)
        if limit is not None and (names := _wider(limit, side, inputs)):
            yield warning(
                f"kafka.dead_letter_topic: {dead_letters.name} has message.timestamp.{side}.max.ms "
                f"{limit}; a dead letter of an event of {some(names)} beyond that has the time of "
                "its writing, and the event's own in a header. Set it to 9223372036854775807."
            )


# ------------------------------------------------------------------ sizes


def _largest(inputs: Sequence[TopicFacts]) -> int:
    return max((topic.max_message_bytes or 0 for topic in inputs), default=0)


def _scored_sizes(output: TopicFacts, inputs: Sequence[TopicFacts]) -> Iterator[Finding]:
    largest = _largest(inputs)
    if output.max_message_bytes is not None and output.max_message_bytes < largest:
        yield warning(
            f"kafka.output_topic: {output.name} takes messages of {output.max_message_bytes} "
            f"bytes, and the input's are of up to {largest}; a scored event has the key and the "
            "headers of its event and the fields of output.pass_through, and becomes a dead letter "
            f"(too_large) if that is more. Set its max.message.bytes to {largest}."
        )


def _headroom(dead_letters: TopicFacts, inputs: Sequence[TopicFacts]) -> Iterator[Finding]:
    largest = _largest(inputs)
    if dead_letters.max_message_bytes is None or largest == 0:
        return
    needed = min(RECEIVE_BYTES, largest + DEAD_LETTER_HEADROOM_BYTES)
    if dead_letters.max_message_bytes < needed:
        yield warning(
            f"kafka.dead_letter_topic: {dead_letters.name} takes messages of "
            f"{dead_letters.max_message_bytes} bytes, and the input's of up to {largest} get "
            f"headers; a large one is written without its value. Set its max.message.bytes to "
            f"{needed}."
        )


def _expanded(dead_letters: TopicFacts, inputs: Sequence[TopicFacts]) -> Iterator[Finding]:
    names = [topic.name for topic in inputs if topic.compression not in (None, _ANY, _NONE)]
    if names and dead_letters.max_message_bytes is not None:
        yield warning(
            f"kafka.dead_letter_topic: {some(names)} has a compression.type, and max.message.bytes "
            "counts compressed bytes there; a dead letter is counted as it is, and one of over "
            f"{dead_letters.max_message_bytes} bytes is written without its value. Leave the "
            f"max.message.bytes of {dead_letters.name} room for that."
        )


# ------------------------------------------------------------------ how they are kept


def _recompressed(topic: TopicFacts, setting: str, compression: str) -> Iterator[Finding]:
    ours = _NONE if compression == "none" else compression
    if topic.compression not in (None, _ANY, ours):
        yield warning(
            f"{setting}: {topic.name} has compression.type {topic.compression}, and "
            f"output.compression is {compression}; the brokers compress every batch again. Set the "
            f"topic's to {_ANY}, or output.compression to "
            f"{'none' if topic.compression == _NONE else topic.compression}."
        )


def _compacted(dead_letters: TopicFacts) -> Iterator[Finding]:
    if dead_letters.is_compacted:
        yield warning(
            f"kafka.dead_letter_topic: {dead_letters.name} is compacted; a dead letter goes once "
            "there is a newer one of the same key. Set its cleanup.policy to delete."
        )
