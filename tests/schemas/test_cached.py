"""The cache: one question a key, and none to a registry that is away."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from stream_scorer.avro.framing import ById, SchemaKey
from stream_scorer.avro.schema import Schema, parse
from stream_scorer.errors import Unanswered
from stream_scorer.schemas import CachedSchemas
from stream_scorer.schemas.cached import MAX_UNKNOWN_KEYS

LONG = parse("long")


@dataclass
class Source:
    """A source that notes what it is asked for, and can be away."""

    schemas: dict[SchemaKey, Schema] = field(default_factory=dict)
    asked: list[SchemaKey] = field(default_factory=list)
    away: bool = False

    def find(self, key: SchemaKey) -> Schema | None:
        """Answer, or not."""
        self.asked.append(key)
        if self.away:
            raise Unanswered("The registry is away.")
        return self.schemas.get(key)


@dataclass
class Clock:
    """Seconds that pass when told to."""

    seconds: float = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.seconds


def cache(source: Source, clock: Clock) -> CachedSchemas:
    """Return a cache that keeps "unknown" for 30 s, and waits 1 s after no answer."""
    return CachedSchemas(source, clock, unknown_seconds=30, unanswered_seconds=1)


def test_a_schema_is_asked_for_once() -> None:
    """Its id never means another one."""
    source, clock = Source({ById(1): LONG}), Clock()
    cached = cache(source, clock)
    assert cached.find(ById(1)) is LONG
    clock.seconds = 1e9
    source.away = True
    assert cached.find(ById(1)) is LONG
    assert source.asked == [ById(1)]


def test_an_unknown_key_is_asked_for_again_after_a_while() -> None:
    """The schema may be registered later."""
    source, clock = Source(), Clock()
    cached = cache(source, clock)
    assert cached.find(ById(1)) is None
    source.schemas[ById(1)] = LONG
    clock.seconds = 29.9
    assert cached.find(ById(1)) is None
    assert source.asked == [ById(1)]
    clock.seconds = 30
    assert cached.find(ById(1)) is LONG


def test_a_source_that_is_away_is_left_alone_for_a_moment() -> None:
    """Whatever the key: a worker that tries again at once gets the same words."""
    source, clock = Source(away=True), Clock()
    cached = cache(source, clock)
    with pytest.raises(Unanswered, match="registry is away"):
        cached.find(ById(1))
    source.away = False
    clock.seconds = 0.9
    with pytest.raises(Unanswered, match="registry is away"):
        cached.find(ById(2))
    assert source.asked == [ById(1)]
    clock.seconds = 1
    assert cached.find(ById(2)) is None


def test_no_answer_is_not_remembered_as_unknown() -> None:
    """The two must never be mixed up."""
    source, clock = Source({ById(1): LONG}, away=True), Clock()
    cached = cache(source, clock)
    with pytest.raises(Unanswered):
        cached.find(ById(1))
    source.away = False
    clock.seconds = 1
    assert cached.find(ById(1)) is LONG


def test_what_is_known_is_answered_while_the_source_is_away() -> None:
    """Unknown ids too, while they count as unknown."""
    source, clock = Source({ById(1): LONG}), Clock()
    cached = cache(source, clock)
    assert (cached.find(ById(1)), cached.find(ById(2))) == (LONG, None)
    source.away = True
    with pytest.raises(Unanswered):
        cached.find(ById(3))
    assert (cached.find(ById(1)), cached.find(ById(2))) == (LONG, None)


def test_garbage_ids_do_not_fill_the_memory() -> None:
    """Beyond a limit the oldest unknown key is asked for again."""
    source, clock = Source(), Clock()
    cached = cache(source, clock)
    for number in range(MAX_UNKNOWN_KEYS + 1):
        assert cached.find(ById(number)) is None
    source.asked.clear()
    assert cached.find(ById(MAX_UNKNOWN_KEYS)) is None
    assert source.asked == []
    assert cached.find(ById(0)) is None
    assert source.asked == [ById(0)]
