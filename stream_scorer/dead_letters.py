"""A dead letter as a Kafka record: the event byte for byte, and headers that say why.

The ``__streams.errors.*`` names are those of Kafka Streams (KIP-1034), as text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stream_scorer.records import DeadLetter, Headers, ScoredEvents

STREAMS_PREFIX = "__streams.errors."
OWN_PREFIX = "stream_scorer."
#: A message in a header is cut here: headers count toward the topic's max.message.bytes.
MESSAGE_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class DeadLetterFormat:
    """What every dead letter of this scorer has in common.

    ``partitions`` is the number of partitions of the dead-letter topic, ``max_bytes`` the largest
    record it takes (``None``: not known).
    """

    group: str
    version: str
    model: str
    partitions: int
    max_bytes: int | None = None

    def records(self, dead_letters: Sequence[DeadLetter]) -> ScoredEvents:
        """Lay the dead letters out for the producer, in their order.

        A partition of the input keeps its own partition here (modulo their number), and with it
        its order.
        """
        headers = [self._headers(letter) for letter in dead_letters]
        values = [letter.value for letter in dead_letters]
        for row, letter in enumerate(dead_letters):
            if letter.value is not None and self._too_large(letter, headers[row]):
                values[row] = None
                headers[row] += _fingerprint(letter.value)
        partitions = [letter.source.partition % self.partitions for letter in dead_letters]
        return ScoredEvents(
            values=values,
            keys=[letter.key for letter in dead_letters],
            headers=headers,
            timestamps=np.array([letter.timestamp for letter in dead_letters], np.int64),
            partitions=np.array(partitions, np.int64),
        )

    def _too_large(self, letter: DeadLetter, headers: Headers) -> bool:
        if self.max_bytes is None:
            return False
        return record_bytes(letter.value, letter.key, headers) > self.max_bytes

    def _headers(self, letter: DeadLetter) -> Headers:
        problem = letter.problem
        texts = [
            (STREAMS_PREFIX + "exception", problem.exception),
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
        return [*(letter.headers or []), *((name, text.encode()) for name, text in texts)]


def record_bytes(value: bytes | None, key: bytes | None, headers: Headers | None) -> int:
    """Return the size of a record's contents, with room for the lengths between them."""
    size = len(value or b"") + len(key or b"")
    for name, content in headers or ():
        size += len(name.encode()) + len(content or b"") + 10
    return size


def _fingerprint(value: bytes) -> Headers:
    return [
        (OWN_PREFIX + "value_bytes", str(len(value)).encode()),
        (OWN_PREFIX + "value_sha256", hashlib.sha256(value).hexdigest().encode()),
    ]
