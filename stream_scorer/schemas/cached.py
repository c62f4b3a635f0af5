"""A memory in front of a source that is slow, or may be away."""

from __future__ import annotations

from collections.abc import Callable

from stream_scorer.avro.framing import SchemaKey
from stream_scorer.avro.schema import Schema
from stream_scorer.errors import Unanswered
from stream_scorer.schemas.source import SchemaSource

MAX_UNKNOWN_KEYS = 10_000
"""How many unknown keys are remembered; beyond, the oldest is asked for again."""


class CachedSchemas:
    """Asks a source once for each key, within limits.

    A schema is kept for ever: its id never means another one. That a key is unknown is kept for a
    while: the schema may be registered later. After a source did not answer, nothing is asked for
    a moment, whatever the key, so that a worker that tries again does not hammer it.
    """

    def __init__(
        self,
        source: SchemaSource,
        clock: Callable[[], float],
        unknown_seconds: float = 30.0,
        unanswered_seconds: float = 0.5,
    ) -> None:
        """Begin with an empty memory.

        Args:
            source: where to ask.
            clock: monotonic seconds.
            unknown_seconds: how long a key stays unknown without asking again.
            unanswered_seconds: how long to leave the source alone after it did not answer.
        """
        self._source = source
        self._clock = clock
        self._unknown_seconds = unknown_seconds
        self._unanswered_seconds = unanswered_seconds
        self._schemas: dict[SchemaKey, Schema] = {}
        self._unknown_until: dict[SchemaKey, float] = {}
        self._unanswered = ""
        self._unanswered_until = float("-inf")

    def find(self, key: SchemaKey) -> Schema | None:
        """Return the schema, or ``None`` if the source answered that it has none.

        Raises:
            Unanswered: the source can't say now, or could not a moment ago.
            ContractError: what the source has is no Avro schema that can be read.
        """
        schema = self._schemas.get(key)
        if schema is not None:
            return schema
        now = self._clock()
        if now < self._unknown_until.get(key, now):
            return None
        if now < self._unanswered_until:
            raise Unanswered(self._unanswered)
        return self._ask(key)

    def _ask(self, key: SchemaKey) -> Schema | None:
        try:
            schema = self._source.find(key)
        except Unanswered as error:
            self._unanswered = str(error)
            self._unanswered_until = self._clock() + self._unanswered_seconds
            raise
        self._unknown_until.pop(key, None)
        if schema is not None:
            self._schemas[key] = schema
            return schema
        if len(self._unknown_until) >= MAX_UNKNOWN_KEYS:
            del self._unknown_until[next(iter(self._unknown_until))]
        self._unknown_until[key] = self._clock() + self._unknown_seconds
        return None
