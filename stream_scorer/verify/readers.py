"""All that reads during a proof: traces and input as they come, offsets, and all of it at the end.

Nothing here raises while brokers are away, and every call is bounded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Self

from confluent_kafka import Message

from stream_scorer.errors import Unreachable
from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.messages import source_of
from stream_scorer.records import Headers, Reason, TopicPartition
from stream_scorer.verify.follower import Follower
from stream_scorer.verify.positions import Bounds, CommittedOffsets, LogEnds
from stream_scorer.verify.subject import Scored
from stream_scorer.verify.tracing import Tracing
from stream_scorer.verify.values import InputEvent, Trace

POLL_SECONDS = 0.2
#: Reading to an end that brings nothing for this long is given up.
SILENCE_SECONDS = 60.0

#: Why an event with these headers must be dead-lettered, or its score.
Expectation = Callable[[Headers], tuple[Reason | None, float | None]]


@dataclass(frozen=True, slots=True)
class Watched:
    """What is read: three topics, and a group.

    Attributes:
        input: the topic of the events.
        output: the topic of the scored events.
        dead_letters: the topic of the dead letters.
        group: whose committed offsets are asked for.
        scored: how the scored events look.
        score_field: the field with the score.
        expectation: what must become of an event.
    """

    input: str
    output: str
    dead_letters: str
    group: str
    scored: Scored
    score_field: str
    expectation: Expectation


class Readers:
    """Reads what a :class:`~stream_scorer.verify.checker.Checker` is given; for one thread.

    Args:
        client: properties with ``bootstrap.servers``.
        watched: what to read.
        patience_seconds: how long transactions may still need to end when all writers are gone.
    """

    def __init__(
        self, client: Mapping[str, Property], watched: Watched, patience_seconds: float = 30.0
    ) -> None:
        self._client = client
        self._patience_seconds = patience_seconds
        self._watched = watched
        self._places = (watched.output, watched.dead_letters)
        self._tracing = Tracing(
            watched.output, watched.scored.schema, watched.score_field, watched.scored.prefix
        )
        self._output = Follower(client, self._places)
        self._input = Follower(client, [watched.input])
        self._stable = CommittedOffsets(client, watched.group, watched.input)
        self._latest = CommittedOffsets(client, watched.group, watched.input, stable=False)
        self._input_ends = LogEnds(client, [watched.input])
        self._output_ends = LogEnds(client, self._places)
        self._ends: Bounds | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        for each in (self._output, self._input, self._stable, self._latest):
            each.close()
        self._input_ends.close()
        self._output_ends.close()

    # ------------------------------------------------------------------ while faults go on

    def traces(self, timeout_seconds: float) -> list[Trace]:
        """Return the traces that became visible, none if nothing did in time."""
        return self._traces(self._output.read(timeout_seconds))

    def events(self, timeout_seconds: float = 0.0) -> list[InputEvent]:
        """Return the next events of the input, none if none came in time."""
        return self._events(self._input.read(timeout_seconds))

    def events_until(self) -> dict[TopicPartition, int]:
        """Return the offset after the last event that was read of each input partition."""
        return self._input.next_offsets()

    def offsets(self, timeout_seconds: float = 2.0) -> dict[TopicPartition, int] | None:
        """Return the committed offsets, stable ones, or ``None`` if nobody says them in time."""
        return self._stable.now(timeout_seconds)

    def latest_offsets(self, timeout_seconds: float = 2.0) -> dict[TopicPartition, int] | None:
        """Return the committed offsets of before what is under way: do they still move (I9)?"""
        return self._latest.now(timeout_seconds)

    def input_ends(self, timeout_seconds: float = 2.0) -> dict[TopicPartition, int] | None:
        """Return where the input's partitions end, markers included, or ``None`` alike."""
        bounds = self._input_ends.now(timeout_seconds)
        return None if bounds is None else {p: high for p, (_, high) in bounds.items()}

    # ------------------------------------------------------------------ when all writers are gone

    def ends(self) -> Bounds:
        """Return last stable offset and high watermark of each output and dead-letter partition.

        The first call waits until no transaction is open, as long as it may, and counts.

        Raises:
            Unreachable: no broker answers.
        """
        if self._ends is None:
            bounds = self._output_ends.settled(self._patience_seconds)
            self._ends = _answered(bounds, self._places)
        return self._ends

    def offsets_in_the_end(self) -> dict[TopicPartition, int]:
        """Return the committed offsets once nothing is under way any more.

        Raises:
            Unreachable: nobody says them in time.
        """
        deadline = time.monotonic() + self._patience_seconds
        while time.monotonic() < deadline:
            if (offsets := self._stable.now()) is not None:
                return offsets
        raise Unreachable(f"No broker says what {self._watched.group} has committed.")

    def traces_to_the_end(self) -> Iterator[Trace]:
        """Yield what the reader of :meth:`traces` has not read yet.

        Raises:
            Unreachable: the end can't be reached.
        """
        for messages in _to_the_end(self._output, _stable(self.ends())):
            yield from self._traces(messages)

    def events_to_the_end(self) -> Iterator[InputEvent]:
        """Yield the events that :meth:`events` has not returned yet; raises as above."""
        ends = _answered(self._input_ends.settled(self._patience_seconds), [self._watched.input])
        for messages in _to_the_end(self._input, _stable(ends)):
            yield from self._events(messages)

    def all_traces(self) -> Iterator[Trace]:
        """Yield all traces there are, as a reader finds them that starts now; raises as above."""
        with closing(Follower(self._client, self._places)) as follower:
            for messages in _to_the_end(follower, _stable(self.ends())):
                yield from self._traces(messages)

    def _traces(self, messages: Sequence[Message]) -> list[Trace]:
        return [self._tracing.trace(message) for message in messages]

    def _events(self, messages: Sequence[Message]) -> list[InputEvent]:
        return [
            InputEvent(
                source_of(message),
                message.offset(),
                message.key(),
                *self._watched.expectation(message.headers() or []),
            )
            for message in messages
        ]


def _to_the_end(follower: Follower, ends: Mapping[TopicPartition, int]) -> Iterator[list[Message]]:
    silent_since = time.monotonic()
    while not follower.has_reached(ends):
        messages = follower.read(POLL_SECONDS)
        if messages:
            silent_since = time.monotonic()
            yield [each for each in messages if each.offset() < ends.get(source_of(each), 0)]
        elif time.monotonic() - silent_since > SILENCE_SECONDS:
            topics = ", ".join(sorted({partition.topic for partition in ends}))
            raise Unreachable(f"{topics}: nothing more arrives though there is more.")


def _answered(bounds: Bounds | None, topics: Sequence[str]) -> Bounds:
    if bounds is None:
        raise Unreachable(f"No broker says where {' and '.join(topics)} end.")
    return bounds


def _stable(bounds: Bounds) -> dict[TopicPartition, int]:
    return {partition: stable for partition, (stable, _) in bounds.items()}
