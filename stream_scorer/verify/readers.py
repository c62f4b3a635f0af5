"""Everything that reads during a run: results, input and offsets, live and again at the end.

While brokers are away nothing here raises, and every call is bounded.
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
#: Reading to the end is given up if nothing arrives for this long.
SILENCE_SECONDS = 60.0

#: The reason why an event with these headers must be dead-lettered, or its score.
Expectation = Callable[[Headers], tuple[Reason | None, float | None]]


@dataclass(frozen=True, slots=True)
class Watched:
    """The three topics and the group to read.

    Attributes:
        input: the topic of the events.
        output: the topic of the scored events.
        dead_letters: the topic of the dead letters.
        group: the group whose committed offsets are queried.
        scored: the format of the scored events.
        score_field: the field with the score.
        expectation: returns the expected result of an event.
    """

    input: str
    output: str
    dead_letters: str
    group: str
    scored: Scored
    score_field: str
    expectation: Expectation


class Readers:
    """Reads the input of a :class:`~stream_scorer.verify.checker.Checker`; for one thread.

    Args:
        client: properties with ``bootstrap.servers``.
        watched: what to read.
        patience_seconds: how long transactions may still take to end when all writers are gone.
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

    # ------------------------------------------------------------------ while faults are active

    def traces(self, timeout_seconds: float) -> list[Trace]:
        """Return the newly visible results, none if none appeared in time."""
        return self._traces(self._output.read(timeout_seconds))

    def events(self, timeout_seconds: float = 0.0) -> list[InputEvent]:
        """Return the next input events, none if none came in time."""
        return self._events(self._input.read(timeout_seconds))

    def events_until(self) -> dict[TopicPartition, int]:
        """Return, for each input partition, the offset after the last event read."""
        return self._input.next_offsets()

    def offsets(self, timeout_seconds: float = 2.0) -> dict[TopicPartition, int] | None:
        """Return the committed, stable offsets, or ``None`` if the brokers don't answer in time."""
        return self._stable.now(timeout_seconds)

    def latest_offsets(self, timeout_seconds: float = 2.0) -> dict[TopicPartition, int] | None:
        """Return the offsets committed before pending transactions: do they still move (I9)?"""
        return self._latest.now(timeout_seconds)

    def input_ends(self, timeout_seconds: float = 2.0) -> dict[TopicPartition, int] | None:
        """Return the end offsets of the input partitions with markers, or ``None`` as above."""
        bounds = self._input_ends.now(timeout_seconds)
        return None if bounds is None else {p: high for p, (_, high) in bounds.items()}

    # ------------------------------------------------------------------ when all writers are gone

    def ends(self) -> Bounds:
        """Return last stable offset and high watermark of each output and dead-letter partition.

        The first call waits up to its limit until no transaction is open; its answer is kept.

        Raises:
            Unreachable: no broker answers.
        """
        if self._ends is None:
            bounds = self._output_ends.settled(self._patience_seconds)
            self._ends = _answered(bounds, self._places)
        return self._ends

    def offsets_in_the_end(self) -> dict[TopicPartition, int]:
        """Return the committed offsets once no transaction is pending.

        Raises:
            Unreachable: no broker answers in time.
        """
        deadline = time.monotonic() + self._patience_seconds
        while time.monotonic() < deadline:
            if (offsets := self._stable.now()) is not None:
                return offsets
        raise Unreachable(f"No broker returned the committed offsets of {self._watched.group}.")

    def traces_to_the_end(self) -> Iterator[Trace]:
        """Yield the results that :meth:`traces` has not returned yet.

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
        """Yield all results, as a reader that starts now finds them; raises as above."""
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
            raise Unreachable(f"{topics}: no more records arrive before the end of the log.")


def _answered(bounds: Bounds | None, topics: Sequence[str]) -> Bounds:
    if bounds is None:
        raise Unreachable(f"No broker returned the end offsets of {' and '.join(topics)}.")
    return bounds


def _stable(bounds: Bounds) -> dict[TopicPartition, int]:
    return {partition: stable for partition, (stable, _) in bounds.items()}
