"""The input of a round: every number once, keys that stay, transactions that end both ways."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import islice

import pytest

from stream_scorer.traffic.events import Burst, Outcome
from stream_scorer.verify.events import KEYS, NUMBER_HEADER
from stream_scorer.verify.input import ABORTED_EVERY, COMMITTED_EVERY, COOL_EVERY, bursts
from stream_scorer.verify.loads import STEADY, Load
from stream_scorer.verify.plan import OrderBy
from stream_scorer.verify.scene import Partitions

CYCLE = COMMITTED_EVERY * ABORTED_EVERY


def first(count: int, order_by: OrderBy = "source", load: Load = STEADY) -> list[Burst]:
    """The first bursts of a round with six partitions."""
    return list(islice(bursts(order_by, Partitions(6, 6), load), count))


def numbers(found: list[Burst]) -> list[int]:
    """The numbers of their events."""
    headers = [dict(event.headers) for burst in found for event in burst.events]
    return [int(each[NUMBER_HEADER] or b"") for each in headers]


@pytest.mark.parametrize("order_by", ["source", "key"])
def test_every_number_comes_once_and_in_turn(order_by: OrderBy) -> None:
    """For ever."""
    found = first(CYCLE, order_by)
    assert numbers(found) == list(range(CYCLE * STEADY.burst_events))


def test_some_bursts_are_transactions_and_some_of_these_abort() -> None:
    """Most are plain, so that control markers and invisible events stand amid visible ones."""
    outcomes = [burst.outcome for burst in first(CYCLE)]
    assert Counter(outcomes) == {Outcome.ABORTED: 5, Outcome.COMMITTED: 6, Outcome.PLAIN: 24}
    aborted = [at for at, outcome in enumerate(outcomes) if outcome is Outcome.ABORTED]
    assert aborted == [6, 13, 20, 27, 34]


def test_transactions_of_each_kind_reach_every_partition() -> None:
    """Each source has markers, of commits and of aborts."""
    found = first(CYCLE)
    for outcome in Outcome:
        reached = {e.partition for burst in found if burst.outcome is outcome for e in burst.events}
        assert reached == set(range(6))


def test_by_source_the_events_are_spread_evenly() -> None:
    """One partition after the other."""
    counts = Counter(event.partition for burst in first(CYCLE) for event in burst.events)
    assert set(counts.values()) == {CYCLE * STEADY.burst_events // 6}


def test_by_source_a_new_partition_is_written_to_at_once() -> None:
    """The next burst knows it."""
    partitions = Partitions(2, 2)
    source = bursts("source", partitions, STEADY)
    assert {event.partition for event in next(source).events} == {0, 1}
    partitions.now = 3
    assert {event.partition for event in next(source).events} == {0, 1, 2}


@pytest.mark.parametrize("first_partitions", [2, 6, 7])
def test_by_key_a_key_keeps_its_partition(first_partitions: int) -> None:
    """Also when there are more, for else its events would have no order."""
    partitions = Partitions(first_partitions, first_partitions)
    source = bursts("key", partitions, STEADY)
    places: defaultdict[bytes | None, set[int]] = defaultdict(set)
    for turn in range(4 * CYCLE):
        partitions.now = first_partitions + turn // CYCLE
        for event in next(source).events:
            places[event.key].add(event.partition)
    assert len(places) == KEYS
    assert all(len(each) == 1 for each in places.values())
    assert set.union(*places.values()) == set(range(first_partitions))


@pytest.mark.parametrize("order_by", ["source", "key"])
def test_a_hot_partition_has_nine_of_ten_events_and_the_others_have_some(order_by: OrderBy) -> None:
    """By key too, where all of a key's events are in one."""
    hot = Load("hot", hot=True)
    events = [event for burst in first(4 * CYCLE, order_by, hot) for event in burst.events]
    counts = Counter(event.partition for event in events)
    assert counts[0] / len(events) > 1 - 1 / COOL_EVERY - 0.02
    assert set(counts) == set(range(6))
    if order_by == "key":
        places = {(event.key, event.partition) for event in events}
        assert len(places) == len({key for key, _ in places}) == KEYS


def test_a_burst_is_as_large_as_the_load_says() -> None:
    """At thousands of events a second a transaction for a dozen would be too many."""
    assert {len(burst.events) for burst in first(CYCLE, load=Load("large", burst_events=240))} == {
        240
    }
