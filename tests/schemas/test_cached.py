"""The cache: one question a key, and none to a registry that is away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from stream_scorer.avro.framing import ById, SchemaKey
from stream_scorer.avro.schema import Schema, parse
from stream_scorer.errors import Unanswered, Withheld
from stream_scorer.schemas import CachedSchemas
from stream_scorer.schemas.cached import MAX_UNKNOWN_KEYS

LONG = parse("long")


@dataclass
class Source:
    """A source that notes what it is asked for, and can be away."""

    schemas: dict[SchemaKey, Schema] = field(default_factory=dict)
    asked: list[SchemaKey] = field(default_factory=list)
    away: bool = False
    withheld: set[SchemaKey] = field(default_factory=set)
    #: What a question takes that is not answered.
    takes: Callable[[], None] = lambda: None

    def find(self, key: SchemaKey) -> Schema | None:
        """Answer, or not."""
        self.asked.append(key)
        if self.away or key in self.withheld:
            self.takes()
        if self.away:
            raise Unanswered("The registry is away.")
        if key in self.withheld:
            raise Withheld(f"The registry refuses access to {key}.")
        return self.schemas.get(key)


@dataclass
class Clock:
    """Seconds that pass when told to."""

    seconds: float = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.seconds


def cache(source: Source, clock: Clock) -> CachedSchemas:
    """Return a cache that keeps "unknown" for 30 s."""
    return CachedSchemas(source, clock, unknown_seconds=30)


def unanswered(cached: CachedSchemas, number: int) -> Unanswered:
    """Ask for a schema id that can't be had, and return what is said."""
    with pytest.raises(Unanswered) as caught:
        cached.find(ById(number))
    return caught.value


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


def test_a_key_that_is_withheld_keeps_no_other_waiting() -> None:
    """It is left alone by itself, for all who ask."""
    source, clock = Source({ById(2): LONG}, withheld={ById(1)}), Clock()
    cached = cache(source, clock)
    for _ in range(100):
        said = unanswered(cached, 1)
        assert (str(said), said.seconds) == ("The registry refuses access to schema id 1.", 1.0)
    assert cached.find(ById(2)) is LONG
    assert source.asked == [ById(1), ById(2)]
    source.withheld.clear()
    source.schemas[ById(1)] = LONG
    clock.seconds = 1
    assert cached.find(ById(1)) is LONG


@pytest.mark.parametrize("away", [True, False])
def test_what_stays_without_an_answer_is_asked_less_and_less_often(away: bool) -> None:  # noqa: FBT001
    """Up to half a minute; an answer is the end of that."""
    source, clock = Source(away=away, withheld={ById(1)}), Clock()
    cached = cache(source, clock)
    pauses = []
    for _ in range(7):
        pauses.append(unanswered(cached, 1).seconds)
        clock.seconds += pauses[-1]
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    assert len(source.asked) == 7
    source.away = False
    source.withheld.clear()
    assert cached.find(ById(1)) is None
    source.away = True
    clock.seconds += 30
    assert unanswered(cached, 1).seconds == 1


@pytest.mark.parametrize(("away", "takes"), [(True, 4.0), (False, 0.5)])
def test_no_more_than_a_tenth_of_the_time_goes_into_asking(away: bool, takes: float) -> None:  # noqa: FBT001
    """However long a question takes, and however many keys there are."""
    source, clock = Source(away=away, withheld={ById(each) for each in range(9)}), Clock()

    def take() -> None:
        clock.seconds += takes

    source.takes = take
    cached = cache(source, clock)
    spent = []
    while clock.seconds < 1_000:
        before = clock.seconds
        for number in range(9):
            assert unanswered(cached, number).seconds > 0
        spent.append(clock.seconds - before)
        clock.seconds += 0.5
    assert max(spent) == takes
    assert 10 * takes < sum(spent) < 1_000 / 10


def test_who_waits_for_another_s_question_is_told_so() -> None:
    """Its own key may be well."""
    source, clock = Source(withheld={ById(1)}), Clock()

    def take() -> None:
        clock.seconds += 0.5

    source.takes = take
    cached = cache(source, clock)
    unanswered(cached, 1)
    said = unanswered(cached, 2)
    assert said.seconds == 5.0
    assert str(said).startswith("schema id 2 is asked for in a moment; the last question had no")
    clock.seconds += 5
    assert cached.find(ById(2)) is None


def test_garbage_ids_that_are_withheld_do_not_fill_the_memory() -> None:
    """As those that are unknown."""
    clock = Clock()
    source = Source(withheld={ById(each) for each in range(MAX_UNKNOWN_KEYS + 2)})
    cached = cache(source, clock)
    for number in range(MAX_UNKNOWN_KEYS + 1):
        unanswered(cached, number)
    source.asked.clear()
    unanswered(cached, MAX_UNKNOWN_KEYS)
    assert source.asked == []
    unanswered(cached, 0)
    assert source.asked == [ById(0)]


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
