"""A memory in front of a source that is slow, or may be away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stream_scorer.avro.framing import ById, SchemaKey
from stream_scorer.avro.schema import Schema
from stream_scorer.errors import ContractError, SchemaGone, Unanswered, Withheld
from stream_scorer.schemas.patience import REST, Patience, make_room
from stream_scorer.schemas.source import LARGEST_ID, SchemaSource

MAX_UNKNOWN_KEYS = 10_000
"""At most this many unknown keys are remembered; beyond that, the oldest is looked up again."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 30.0
"""First and longest delay before an unanswered lookup is retried; the delay doubles each time."""


@dataclass(frozen=True, slots=True)
class _Pause:
    """When to ask again, and what was said in place of an answer."""

    until: float
    seconds: float
    words: str


@dataclass(frozen=True, slots=True)
class _Unknown:
    """Until when a key counts as unknown, and why if that is not all there is to say."""

    until: float
    gone: str | None

    def answer(self) -> None:
        if self.gone is not None:
            raise SchemaGone(self.gone)


class CachedSchemas:
    """Asks a source once for each key, and only so much of the time.

    A schema is kept for ever: its id never means another one. A key that is not known may have been
    registered a moment ago, so it is waited for, as far as :class:`Patience` goes. That it is
    unknown then is kept for a while: the schema may be registered later. A key that the source
    withholds is left alone for a while, and so is the whole source if it is away. A caller stands
    still while it asks, so after a question that is not answered nothing at all is asked for
    :data:`REST` times as long.
    """

    def __init__(
        self,
        source: SchemaSource,
        clock: Callable[[], float],
        unknown_seconds: float = 60.0,
        wait_seconds: float = 0.0,
    ) -> None:
        """Begin with an empty memory.

        Args:
            source: where to ask.
            clock: monotonic seconds.
            unknown_seconds: how long a key stays unknown without asking again.
            wait_seconds: how long a key is waited for before it is unknown; 0 for not at all.
        """
        self._source = source
        self._clock = clock
        self._unknown_seconds = unknown_seconds
        self._schemas: dict[SchemaKey, Schema] = {}
        self._patience = Patience(clock, wait_seconds)
        self._unknown: dict[SchemaKey, _Unknown] = {}
        self._withheld: dict[SchemaKey, _Pause] = {}
        self._away: _Pause | None = None
        #: After any question that was not answered.
        self._rest: _Pause | None = None

    def find(self, key: SchemaKey) -> Schema | None:
        """Return the schema, or ``None`` if the source answered that it has none.

        Raises:
            Unanswered: the source can't say now, or could not a moment ago, or does not know the
                key yet; within its ``seconds`` it is not asked again.
            SchemaGone: the source has the schema, and no longer one that it refers to.
            ContractError: what the source has is not an Avro schema that can be read.
        """
        schema = self._schemas.get(key)
        if schema is not None:
            return schema
        unknown = self._unknown.get(key)
        if unknown is not None and self._clock() < unknown.until:
            unknown.answer()
            return None
        if isinstance(key, ById) and key.id > LARGEST_ID:
            return None
        if (seconds := self._patience.left(key)) > 0:
            raise _not_yet(key, seconds)
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
        except SchemaGone as gone:
            self._answered(key)
            self._not_there(key, str(gone)).answer()
            return None
        except ContractError:
            self._answered(key)
            self._patience.found(key)
            raise
        self._answered(key)
        if schema is None:
            self._not_there(key, None)
            return None
        self._patience.found(key)
        self._schemas[key] = schema
        return schema

    def _not_there(self, key: SchemaKey, gone: str | None) -> _Unknown:
        if (seconds := self._patience.lasts(key)) > 0:
            raise _not_yet(key, seconds) from None
        make_room(self._unknown, MAX_UNKNOWN_KEYS)
        self._unknown[key] = unknown = _Unknown(self._clock() + self._unknown_seconds, gone)
        return unknown

    def _answered(self, key: SchemaKey) -> None:
        self._away = None
        self._withheld.pop(key, None)
        self._unknown.pop(key, None)

    def _leave_alone(self, key: SchemaKey, error: Unanswered, took_seconds: float) -> None:
        now, words = self._clock(), str(error)
        self._rest = _Pause(now + REST * took_seconds, 0.0, words)
        is_away = not isinstance(error, Withheld)
        before = self._away if is_away else self._withheld.pop(key, None)
        seconds = min(2 * before.seconds, LONGEST_PAUSE_SECONDS) if before else FIRST_PAUSE_SECONDS
        pause = _Pause(now + seconds, seconds, words)
        self._away = pause if is_away else None
        if not is_away:
            make_room(self._withheld, MAX_UNKNOWN_KEYS)
            self._withheld[key] = pause


def _not_yet(key: SchemaKey, seconds: float) -> Unanswered:
    return Unanswered(f"{key} is not known yet; the registry is asked again in a moment.", seconds)
