"""Keys that nobody knows yet: how long they are waited for, and how much of the time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from stream_scorer.avro.framing import ById, SchemaKey
from stream_scorer.avro.schema import Schema, parse
from stream_scorer.errors import ContractError, SchemaGone, Unanswered
from stream_scorer.schemas import CachedSchemas
from stream_scorer.schemas.patience import FEW, MOST

LONG = parse("long")
WAIT = 5.0
ASKING = 0.001


@dataclass
class Clock:
    """Seconds that pass when told to."""

    seconds: float = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.seconds


@dataclass
class Node:
    """A registry's node that learns of a schema at a given time; a question takes a moment."""

    clock: Clock
    known_at: dict[SchemaKey, float] = field(default_factory=dict)
    asked: list[SchemaKey] = field(default_factory=list)
    instead: dict[SchemaKey, Exception] = field(default_factory=dict)
    takes: float = ASKING

    def find(self, key: SchemaKey) -> Schema | None:
        """Answer as far as it knows."""
        self.asked.append(key)
        self.clock.seconds += self.takes
        if key in self.instead:
            raise self.instead[key]
        return LONG if self.clock.seconds >= self.known_at.get(key, float("inf")) else None


@dataclass
class Events:
    """Partitions of events, each its key, read by one loop as a worker does it."""

    clock: Clock
    cached: CachedSchemas
    unknown: list[SchemaKey] = field(default_factory=list)
    waited: list[tuple[float, float]] = field(default_factory=list)

    def read(self, keys: Sequence[SchemaKey]) -> None:
        """Read a partition to its end; it waits at each event for as long as it is told to."""
        for key in keys:
            while (seconds := self.held(key)) > 0:
                self.waited.append((self.clock.seconds, self.clock.seconds + seconds))
                self.clock.seconds += seconds

    def held(self, key: SchemaKey) -> float:
        """Return for how long an event must wait; 0 once its schema is found or unknown."""
        try:
            if self.cached.find(key) is None:
                self.unknown.append(key)
        except Unanswered as error:
            return error.seconds
        return 0.0

    def waited_seconds(self) -> float:
        """Return the seconds in which it waited."""
        return sum(end - begin for begin, end in self.waited)


Make = Callable[..., tuple[Node, Events]]


@pytest.fixture
def make() -> Make:
    """Make a node, and a loop that asks it."""

    def made(wait: float = WAIT, **known_at: float) -> tuple[Node, Events]:
        clock = Clock()
        node = Node(clock, {ById(int(name[1:])): at for name, at in known_at.items()})
        return node, Events(clock, CachedSchemas(node, clock, wait_seconds=wait))

    return made


def keys(first: int, count: int) -> list[SchemaKey]:
    """Return so many ids in a row."""
    return [ById(number) for number in range(first, first + count)]


def test_a_schema_that_comes_a_moment_later_is_waited_for(make: Make) -> None:
    """It was registered at another node a second ago. It is asked for soon, then less often."""
    node, events = make(_1=1.0)
    events.read([ById(1)])
    assert events.unknown == []
    assert len(node.asked) == 4
    assert [round(end - begin, 2) for begin, end in events.waited] == [0.25, 0.5, 1.0]


def test_what_nobody_knows_is_unknown_in_the_end(make: Make) -> None:
    """The wait is bounded, and it is told what goes on."""
    node, events = make()
    with pytest.raises(Unanswered, match="schema id 1 is not known yet; the registry is asked ag"):
        events.cached.find(ById(1))
    events.read([ById(1)])
    assert events.unknown == [ById(1)]
    assert 4.9 < events.clock.seconds <= WAIT + len(node.asked) * ASKING


def test_what_was_unknown_is_not_waited_for_again_for_a_minute(make: Make) -> None:
    """Nor asked for; after that it is a new one."""
    node, events = make()
    events.read([ById(1)])
    found_at, asked = events.clock.seconds, len(node.asked)
    for later in (0.1, 30.0, 59.9):
        events.clock.seconds = found_at + later
        assert events.cached.find(ById(1)) is None
    assert len(node.asked) == asked
    node.known_at[ById(1)] = found_at + 60.5
    events.clock.seconds = found_at + 60.1
    events.read([ById(1)])
    assert events.unknown == [ById(1)]
    assert events.cached.find(ById(1)) is LONG


def test_an_id_that_stays_unknown_is_waited_for_less_and_less_often(make: Make) -> None:
    """A producer that nobody mends must not hold its partitions up once a minute."""
    node, events = make()
    while events.clock.seconds < 24 * 3600:
        events.read([ById(1)])
        events.clock.seconds += 1
    ended, began = [end for _, end in events.waited], [begin for begin, _ in events.waited]
    apart = [later - end for end, later in zip(ended, began[1:], strict=False)]
    minutes = [round(each / 60) for each in apart if each > 10]
    assert minutes[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert events.waited_seconds() < 35 * WAIT
    assert len(node.asked) > 24 * 50, "it is asked for as often as ever"
    node.known_at[ById(1)] = 0.0
    events.clock.seconds += 61
    assert events.cached.find(ById(1)) is LONG


@pytest.mark.parametrize("count", [2, FEW, 10 * FEW, 1_000])
def test_one_wait_is_for_all_new_keys_of_a_batch(make: Make, count: int) -> None:
    """Of which one is a schema that comes later: it is not lost among the garbage."""
    node, events = make()
    real = ById(count // 2)
    node.known_at[real] = 2.4
    events.clock.seconds = 0.0
    waits = []
    for key in keys(0, count):
        with pytest.raises(Unanswered) as caught:
            events.cached.find(key)
        waits.append(events.clock.seconds + caught.value.seconds)
    assert round(max(waits), 6) <= ASKING + WAIT  # from the first answer on
    events.read(keys(0, count))
    assert real not in events.unknown
    assert len(events.unknown) == count - 1
    assert events.clock.seconds < WAIT + (count + 10) * 2 * ASKING
    assert len(node.asked) < 2 * count + 5 * FEW


def test_many_keys_are_asked_twice_and_few_more_often(make: Make) -> None:
    """A thousand garbage ids are worth no more than a second question."""
    node, events = make()
    events.read(keys(0, 1))
    assert len(node.asked) > 4
    node, events = make()
    for key in keys(0, 1_000):
        with pytest.raises(Unanswered):
            events.cached.find(key)
    node.asked.clear()
    events.read(keys(FEW, 1_000 - FEW))
    assert len(node.asked) == 1_000 - FEW


@pytest.mark.parametrize("in_a_batch", [1, 50, 500])
def test_no_more_than_a_tenth_of_the_time_goes_into_waiting(make: Make, in_a_batch: int) -> None:
    """Every event has an id of its own that nobody knows; what is not waited for takes no longer.

    What the second question takes counts as waiting.
    """
    node, events = make()
    node.takes, number = 0.01, 0
    while events.clock.seconds < 1_000:
        batch = keys(number, in_a_batch)
        for key in batch:
            # The whole batch is looked at before any of it waits.
            events.held(key)
        events.unknown.clear()
        before = len(events.waited)
        events.read(batch)
        assert len(events.unknown) == in_a_batch
        assert len(events.waited) - before <= 6 + in_a_batch
        number += in_a_batch
    asked_again = len(node.asked) - number
    wasted = events.waited_seconds() + asked_again * node.takes
    assert WAIT < wasted <= 0.1 * events.clock.seconds


def test_partitions_that_meet_garbage_in_turn_wait_no_longer(make: Make) -> None:
    """While one waits the others go on; no garbage of theirs begins another wait."""
    _, events = make()
    clock, number = events.clock, 0
    until = [0.0] * 7
    some_wait = total = 0.0
    while clock.seconds < 2_000:
        for partition, end in enumerate(until):
            if clock.seconds >= end:
                number += 1
                until[partition] = clock.seconds + events.held(ById(number))
        some_wait += 0.1 * any(clock.seconds < end for end in until)
        clock.seconds += 0.1
        total += 0.1
    assert 0 < some_wait <= 0.1 * total


def test_a_rollout_of_many_schemas_loses_none_of_them(make: Make) -> None:
    """A wait that brought what it was for is followed by the next one at once."""
    node, events = make()
    for number in range(50):
        node.known_at[ById(number)] = events.clock.seconds + 2.0
        events.read([ById(number)])
    assert events.unknown == []
    assert len(node.asked) < 50 * 6


def test_a_schema_that_comes_soon_after_garbage_is_waited_for(make: Make) -> None:
    """In a topic that had been well for a while; garbage alone is soon worth no wait any more."""
    node, events = make()
    events.clock.seconds = 600.0
    events.read([ById(1)])
    events.clock.seconds += 5.0
    node.known_at[ById(2)] = events.clock.seconds + 2.0
    events.read([ById(2)])
    assert events.unknown == [ById(1)]
    events.read(keys(3, 200))
    assert 2 * WAIT < events.waited_seconds() < 3 * WAIT


def test_two_partitions_that_meet_a_schema_at_the_end_of_a_wait_both_get_it(make: Make) -> None:
    """Whoever comes late to a wait still gets half of it."""
    node, events = make(_1=4.0, _2=7.0)
    with pytest.raises(Unanswered):
        events.cached.find(ById(1))
    events.clock.seconds = 4.9
    assert events.cached.find(ById(1)) is LONG
    with pytest.raises(Unanswered):
        events.cached.find(ById(2))
    events.read([ById(2)])
    assert events.unknown == []
    assert node.asked[-1] == ById(2)


def test_more_keys_than_can_be_waited_for_do_not_wait_for_ever(make: Make) -> None:
    """What is lost sight of begins no other wait."""
    _, events = make()
    everything = keys(0, MOST + 100)
    for key in everything:
        events.held(key)
    events.unknown.clear()
    events.read(everything)
    assert len(events.unknown) == len(everything)
    assert events.waited_seconds() < 2 * WAIT


def test_an_id_that_no_registry_can_have_is_not_waited_for(make: Make) -> None:
    """Ids are Java's ints; half of all garbage is beyond them."""
    node, events = make()
    assert events.cached.find(ById(2**31)) is None
    assert node.asked == []


def test_a_schema_of_which_a_part_is_not_there_is_waited_for_as_well(make: Make) -> None:
    """Another node may know it; when it is unknown, the reason is remembered with it."""
    node, events = make()
    node.instead[ById(1)] = SchemaGone("It refers to version 1 of subject money.")
    with pytest.raises(SchemaGone, match="refers to version 1"):
        events.read([ById(1)])
    assert 4.9 < events.clock.seconds < 5.1
    node.asked.clear()
    with pytest.raises(SchemaGone, match="refers to version 1"):
        events.cached.find(ById(1))
    assert node.asked == []


def test_what_turns_out_to_be_unreadable_was_not_waited_for_in_vain(make: Make) -> None:
    """It is an answer."""
    node, events = make(_2=0.5)
    with pytest.raises(Unanswered):
        events.cached.find(ById(1))
    events.clock.seconds = 1.0
    node.instead[ById(1)] = ContractError("It is no Avro.")
    with pytest.raises(ContractError):
        events.cached.find(ById(1))
    node.known_at[ById(2)] = 10.0
    events.clock.seconds = 9.0
    events.read([ById(2)])
    assert events.unknown == []


def test_a_registry_that_goes_away_meanwhile_answers_nothing(make: Make) -> None:
    """The key is neither known nor unknown until it is back."""
    node, events = make(_1=3.0)
    with pytest.raises(Unanswered, match="not known yet"):
        events.cached.find(ById(1))
    node.instead[ById(1)] = Unanswered("The registry is away.")
    events.clock.seconds = 20.0
    with pytest.raises(Unanswered, match="is away"):
        events.cached.find(ById(1))
    node.instead.clear()
    events.read([ById(1)])
    assert events.unknown == []


def test_without_patience_nothing_is_waited_for(make: Make) -> None:
    """As a folder of schemas has no other node."""
    node, events = make(wait=0.0)
    events.read([*keys(0, 3), ById(1)])
    assert events.waited == []
    assert len(node.asked) == 3
