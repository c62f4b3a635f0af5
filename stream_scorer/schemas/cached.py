"""A memory in front of a source that is slow, or may be away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stream_scorer.avro.framing import SchemaKey
from stream_scorer.avro.schema import Schema
from stream_scorer.errors import ContractError, Unanswered, Withheld
from stream_scorer.schemas.source import SchemaSource

MAX_UNKNOWN_KEYS = 10_000
"""So many keys without a schema are remembered; beyond, the oldest is asked for again."""
REST = 10.0
"""A question without an answer is followed by no question for so many times what it took."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 30.0
"""What is not answered is asked again after this; twice as long each time, up to the second."""


@dataclass(frozen=True, slots=True)
class _Pause:
    """When to ask again, and what was said in place of an answer."""

    until: float
    seconds: float
    words: str


class CachedSchemas:
    """Asks a source once for each key, and only so much of the time.

    A schema is kept for ever: its id never means another one. That a key is unknown is kept for a
    while: the schema may be registered later. A key that the source withholds is left alone for a
    while, and so is the whole source if it is away. A caller stands still while it asks, so after a
    question that is not answered nothing at all is asked for :data:`REST` times as long.
    """

    def __init__(
        self,
        source: SchemaSource,
        clock: Callable[[], float],
        unknown_seconds: float = 30.0,
    ) -> None:
        """Begin with an empty memory.

        Args:
            source: where to ask.
            clock: monotonic seconds.
            unknown_seconds: how long a key stays unknown without asking again.
        """
        self._source = source
        self._clock = clock
        self._unknown_seconds = unknown_seconds
        self._schemas: dict[SchemaKey, Schema] = {}
        self._unknown_until: dict[SchemaKey, float] = {}
        self._withheld: dict[SchemaKey, _Pause] = {}
        self._away: _Pause | None = None
        #: After any question that was not answered.
        self._rest: _Pause | None = None

    def find(self, key: SchemaKey) -> Schema | None:
        """Return the schema, or ``None`` if the source answered that it has none.

        Raises:
            Unanswered: the source can't say now, or could not a moment ago; within its ``seconds``
                it is not asked again.
            ContractError: what the source has is no Avro schema that can be read.
        """
        schema = self._schemas.get(key)
        if schema is not None:
            return schema
        if self._clock() < self._unknown_until.get(key, float("-inf")):
            return None
        if (unanswered := self._left_alone(key)) is not None:
            raise unanswered
        return self._ask(key)

    def _left_alone(self, key: SchemaKey) -> Unanswered | None:
        """Return what is said in place of a question, if the key must not be asked for now."""
        now = self._clock()
        pauses = (self._withheld.get(key), self._away, self._rest)
        current = [each for each in pauses if each is not None and now < each.until]
        if not current:
            return None
        words = current[0].words
        if current == [self._rest]:
            words = f"{key} is asked for in a moment; the last question had no answer: {words}"
        return Unanswered(words, max(each.until for each in current) - now)

    def _ask(self, key: SchemaKey) -> Schema | None:
        asked_at = self._clock()
        try:
            schema = self._source.find(key)
        except Unanswered as error:
            self._leave_alone(key, error, self._clock() - asked_at)
            raise self._left_alone(key) or error from None
        except ContractError:
            self._answered(key)
            raise
        self._answered(key)
        if schema is not None:
            self._schemas[key] = schema
        else:
            _make_room(self._unknown_until)
            self._unknown_until[key] = self._clock() + self._unknown_seconds
        return schema

    def _answered(self, key: SchemaKey) -> None:
        self._away = None
        self._withheld.pop(key, None)
        self._unknown_until.pop(key, None)

    def _leave_alone(self, key: SchemaKey, error: Unanswered, took_seconds: float) -> None:
        now, words = self._clock(), str(error)
        self._rest = _Pause(now + REST * took_seconds, 0.0, words)
        is_away = not isinstance(error, Withheld)
        before = self._away if is_away else self._withheld.pop(key, None)
        seconds = min(2 * before.seconds, LONGEST_PAUSE_SECONDS) if before else FIRST_PAUSE_SECONDS
        pause = _Pause(now + seconds, seconds, words)
        self._away = pause if is_away else None
        if not is_away:
            _make_room(self._withheld)
            self._withheld[key] = pause


def _make_room(remembered: dict[SchemaKey, Any]) -> None:
    if len(remembered) >= MAX_UNKNOWN_KEYS:
        del remembered[next(iter(remembered))]
