"""A dead letter as a Kafka record: the event byte for byte, and headers that say why.

The ``__streams.errors.*`` names are those of Kafka Streams (KIP-1034), as text. The event's own
headers come first, whatever their names; the writer's are behind them, and begin with
:data:`FIRST_HEADER`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from stream_scorer.records import DeadLetter, Headers, ScoredEvents, TopicLimits

STREAMS_PREFIX = "__streams.errors."
OWN_PREFIX = "stream_scorer."
FIRST_HEADER = STREAMS_PREFIX + "exception"
#: How often the event was replayed. A replayed event has it behind its own headers, and after it
#: the group that it is replayed for: a producer's header of the same name says nothing.
REPLAYS_HEADER = OWN_PREFIX + "replays"
REPLAYED_FOR_HEADER = OWN_PREFIX + "replayed_for"
#: A message in a header is cut here: headers count toward the topic's max.message.bytes.
MESSAGE_CHARACTERS = 2000
#: What is left of it in a record that is still too large.
FEWEST_CHARACTERS = 100
#: No time for librdkafka, which writes the time of the writing instead.
NO_TIME = -1
#: A letter that was refused so often is written without time, value, headers and key.
LAST_REFUSAL = 2


@dataclass(frozen=True, slots=True)
class _Record:
    """A dead letter on its way to a record: ``told`` are the writer's own headers."""

    value: bytes | None
    key: bytes | None
    headers: Headers
    timestamp: int
    told: Headers

    def tell(self, name: str, text: object) -> Headers:
        """Return the writer's headers with another one."""
        return [*self.told, (OWN_PREFIX + name, str(text).encode())]


@dataclass(frozen=True, slots=True)
class DeadLetterFormat:
    """The parts that all dead letters of one scorer share.

    ``partitions`` is the number of partitions of the dead-letter topic, ``limits`` what it takes.
    """

    group: str
    version: str
    model: str
    partitions: int
    limits: TopicLimits = field(default_factory=TopicLimits)

    def records(self, dead_letters: Sequence[DeadLetter], now_ms: int) -> ScoredEvents:
        """Lay the dead letters out for the producer, in their order; ``now_ms`` is the wall clock.

        A partition of the input keeps its own partition here (modulo their number), and with it
        its order. What the topic does not take is left out and said in headers.
        """
        records = [self._record(letter, now_ms) for letter in dead_letters]
        partitions = [letter.source.partition % self.partitions for letter in dead_letters]
        return ScoredEvents(
            values=[record.value for record in records],
            keys=[record.key for record in records],
            headers=[[*record.headers, *record.told] for record in records],
            timestamps=np.array([record.timestamp for record in records], np.int64),
            partitions=np.array(partitions, np.int64),
        )

    def _record(self, letter: DeadLetter, now_ms: int) -> _Record:
        own, replays = _without_count(letter.headers or [], self.group)
        told = self._told(letter)
        if replays > 0:
            told.append((REPLAYS_HEADER, b"%d" % replays))
        record = _Record(letter.value, letter.key, own, letter.timestamp, told)
        if letter.problem.headers_lost:
            record = replace(record, told=record.tell("headers_lost", "unreadable"))
        record = self._in_time(record, letter.refusals, now_ms)
        record = self._with_key(record, letter)
        for shed in _SHEDDING:
            if letter.refusals < LAST_REFUSAL and self._fits(record):
                break
            record = shed(record)
        return record

    def _in_time(self, record: _Record, refusals: int, now_ms: int) -> _Record:
        time = record.timestamp
        if time == NO_TIME:
            return record
        # librdkafka takes 0 for none, and no producer but a broken one writes anything below.
        is_taken = time > 0 and refusals == 0 and self.limits.refused_side(time, now_ms) is None
        if is_taken and not self.limits.may_set_time:
            return record
        kept = time if is_taken else NO_TIME
        return replace(record, timestamp=kept, told=record.tell("timestamp", time))

    def _with_key(self, record: _Record, letter: DeadLetter) -> _Record:
        if record.key is not None or not (self.limits.needs_key or letter.refusals > 0):
            return record
        key = f"{letter.source.topic}-{letter.source.partition}-{letter.offset}"
        return replace(record, key=key.encode(), told=record.tell("key_added", "true"))

    def _fits(self, record: _Record) -> bool:
        largest = self.limits.max_bytes
        headers = [*record.headers, *record.told]
        return largest is None or record_bytes(record.value, record.key, headers) <= largest

    def _told(self, letter: DeadLetter) -> Headers:
        problem = letter.problem
        texts = [
            (FIRST_HEADER, problem.exception),
            (STREAMS_PREFIX + "message", problem.message[:MESSAGE_CHARACTERS]),
            (STREAMS_PREFIX + "topic", letter.source.topic),
            (STREAMS_PREFIX + "partition", str(letter.source.partition)),
            (STREAMS_PREFIX + "offset", str(letter.offset)),
            (OWN_PREFIX + "reason", problem.reason),
            (OWN_PREFIX + "stage", problem.stage),
            (OWN_PREFIX + "group", self.group),
            (OWN_PREFIX + "version", self.version),
            (OWN_PREFIX + "model", self.model),
        ]
        return [(name, text.encode("utf-8", "replace")) for name, text in texts]


def record_bytes(value: bytes | None, key: bytes | None, headers: Headers | None) -> int:
    """Return the size of a record's contents, with room for the lengths between them."""
    size = len(value or b"") + len(key or b"")
    for name, content in headers or ():
        size += len(name.encode()) + len(content or b"") + 10
    return size


def counted(headers: Headers, replays: int, group: str) -> Headers:
    """Return an event's own headers, and that it was replayed so often for this group."""
    told = [(REPLAYS_HEADER, b"%d" % replays), (REPLAYED_FOR_HEADER, group.encode())]
    return [*headers, *told]


def _without_count(headers: Headers, group: str) -> tuple[Headers, int]:
    """Return an event's own headers, and how often it was replayed for this group."""
    last = headers[-2:]
    if [name for name, _ in last] == [REPLAYS_HEADER, REPLAYED_FOR_HEADER]:
        (_, count), (_, replayed_for) = last
        if replayed_for == group.encode() and (replays := number(count, MOST_REPLAYS)) is not None:
            return headers[:-2], replays
    return headers, 0


#: More than anybody replays.
MOST_REPLAYS = 1_000_000


def number(text: bytes | None, most: int, least: int = 0) -> int | None:
    """Return the whole number that a header holds; ``None`` if it is none, or out of bounds."""
    try:
        found = int((text or b"").decode("ascii"))
    except ValueError:
        return None
    return found if least <= found <= most else None


# ------------------------------------------------------------------ what is left out of a record


def _without_value(record: _Record) -> _Record:
    if record.value is None:
        return record
    return replace(record, value=None, told=_fingerprint(record, "value", record.value))


def _without_headers(record: _Record) -> _Record:
    if not record.headers:
        return record
    told = record.tell("headers_lost", len(record.headers))
    return replace(record, headers=[], told=told)


def _without_key(record: _Record) -> _Record:
    if record.key is None or OWN_PREFIX + "key_added" in dict(record.told):
        return record
    # A key all the same: the topic may want one.
    digest = hashlib.sha256(record.key).hexdigest().encode()
    return replace(record, key=digest, told=_fingerprint(record, "key", record.key))


def _with_a_short_message(record: _Record) -> _Record:
    name = STREAMS_PREFIX + "message"
    return replace(
        record,
        told=[
            (each, (text or b"").decode()[:FEWEST_CHARACTERS].encode() if each == name else text)
            for each, text in record.told
        ],
    )


_SHEDDING: tuple[Callable[[_Record], _Record], ...] = (
    _without_value,
    _without_headers,
    _without_key,
    _with_a_short_message,
)


def _fingerprint(record: _Record, part: str, content: bytes) -> Headers:
    return [
        *record.tell(f"{part}_bytes", len(content)),
        (f"{OWN_PREFIX}{part}_sha256", hashlib.sha256(content).hexdigest().encode()),
    ]
