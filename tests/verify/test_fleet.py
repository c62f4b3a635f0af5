"""The fleet: real processes that are started, injured, replaced, and none of them forgotten."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stream_scorer.verify.fleet import Fleet, Member
from stream_scorer.verify.points import Act, Order, Point
from stream_scorer.verify.values import Entry
from tests.topics import wait_for
from tests.verify.scenes import fleet_in, started

MakeFleet = Callable[[int], Fleet]


@pytest.fixture
def make_fleet(tmp_path: Path) -> Iterator[MakeFleet]:
    """Makes a fleet whose processes end with the test."""
    fleets: list[Fleet] = []

    def make(size: int) -> Fleet:
        fleets.append(fleet_in(tmp_path, size))
        return fleets[-1]

    yield make
    for fleet in fleets:
        fleet.kill()


def ended(member: Member, number: signal.Signals = signal.SIGKILL) -> Member:
    """The process, ended from outside."""
    member.process.send_signal(number)
    wait_for(lambda: not member.alive, "the process to end")
    return member


def test_what_is_missing_is_started_once(make_fleet: MakeFleet) -> None:
    """Each with a name of its own."""
    fleet = make_fleet(2)
    assert fleet.members == []
    assert list(fleet.keep_up()) == []
    assert [member.who for member in fleet.members] == ["worker-1.1", "worker-2.1"]
    assert list(fleet.keep_up()) == []
    assert [member.who for member in fleet.serving] == ["worker-1.1", "worker-2.1"]


def test_a_worker_is_told_its_configuration_and_names_its_clients_after_itself(
    make_fleet: MakeFleet,
) -> None:
    """So that the proxy can tell whose requests it sees."""
    [member] = started(make_fleet(1))
    assert member.last_words() == (
        "--config scorer.yaml --set kafka.consumer.client.id=worker-1.1 "
        "--set kafka.producer.client.id=worker-1.1-producer"
    )


def test_whoever_has_ended_is_told_once_and_replaced(make_fleet: MakeFleet) -> None:
    """By a successor in the same slot, with a history of its own."""
    fleet = make_fleet(2)
    started(fleet)
    dead = ended(fleet.serving[0])
    assert list(fleet.keep_up()) == [dead]
    after = dead.successor
    assert after is not None
    assert (after.who, after.slot, after.alive) == ("worker-1.2", 1, True)
    assert list(fleet.keep_up()) == []
    assert dead.process.stdin is not None
    assert dead.process.stdin.closed


def test_an_order_is_carried_out_and_told(make_fleet: MakeFleet) -> None:
    """By whom it was given to, and nobody else."""
    fleet = make_fleet(2)
    one, other = started(fleet)
    one.order(Order(Point.AFTER_FETCH, Act.ABORT))
    news: list[Entry] = []

    def reached() -> bool:
        news.extend(fleet.news())
        return bool(one.reached)

    wait_for(reached, "the order to be carried out")
    assert (one.reached, other.reached) == ({"after-fetch"}, set())
    assert [(each.who, each.what) for each in news] == [("worker-1.1", "reached")]
    assert (one.may_end, one.alive) == (set(), True)


@pytest.mark.parametrize("act", [Act.KILL, Act.TERMINATE])
def test_an_end_that_was_ordered_is_no_news(make_fleet: MakeFleet, act: Act) -> None:
    """By the signal itself, or as a worker ends that is asked to."""
    [member] = started(make_fleet(1))
    member.order(Order(Point.AFTER_FETCH, act))
    wait_for(lambda: not member.alive, "the process to end")
    assert member.process.returncode in member.may_end


def test_a_process_that_is_gone_takes_no_orders_and_no_signals(make_fleet: MakeFleet) -> None:
    """Neither before nor after somebody took note; how it ended stays news."""
    fleet = make_fleet(1)
    [member] = started(fleet)
    ended(member)
    for _ in ("before", "after"):
        for _ in range(3):
            member.order(Order(Point.AFTER_FETCH, Act.ABORT))
        member.send(signal.SIGTERM)
        list(fleet.keep_up())
    assert member.process.returncode == -signal.SIGKILL
    assert member.may_end == set()
    assert not member.frozen


def test_a_frozen_process_is_alive_and_is_seen_to_be_frozen(make_fleet: MakeFleet) -> None:
    """It goes on when it is told to."""
    fleet = make_fleet(1)
    [member] = started(fleet)
    assert not member.frozen
    member.order(Order(Point.AFTER_FETCH, Act.FREEZE))
    wait_for(lambda: member.frozen, "the process to freeze")
    assert member.alive
    member.send(signal.SIGCONT)
    wait_for(lambda: not member.frozen, "the process to go on")
    assert member.alive
    assert member.may_end == set()


def test_a_point_that_was_reached_before_is_not_taken_for_the_next_order(
    make_fleet: MakeFleet,
) -> None:
    """A worker survives many; what is ordered now has not happened yet."""
    fleet = make_fleet(1)
    [member] = started(fleet)
    order = Order(Point.AFTER_FETCH, Act.FREEZE)
    member.order(order)
    wait_for(lambda: member.frozen, "the process to freeze")
    list(fleet.news())
    assert member.reached == {"after-fetch"}
    member.order(replace(order, times=0))
    assert member.reached == {"after-fetch"}
    member.order(order)
    assert member.reached == set()


def test_a_successor_can_begin_with_an_order(make_fleet: MakeFleet) -> None:
    """There are points that a process passes only once, in its beginning."""
    fleet = make_fleet(1)
    [member] = started(fleet)
    fleet.begin_next_with(member, Order(Point.IN_INIT, Act.KILL))
    ended(member)
    list(fleet.keep_up())
    after = member.successor
    assert after is not None
    wait_for(lambda: not after.alive, "the successor to kill itself")
    list(fleet.news())
    assert after.reached == {"in-init"}
    assert after.process.returncode in after.may_end
    # Only the next one: its own successor begins with none.
    list(fleet.keep_up())
    assert [member.who for member in started(fleet)] == ["worker-1.3"]


def test_a_fleet_grows_and_shrinks(make_fleet: MakeFleet) -> None:
    """Whoever is one too many is asked to stop, is told when it has, and is not replaced."""
    fleet = make_fleet(1)
    started(fleet)
    fleet.scale(3)
    assert fleet.size() == 3
    started(fleet)
    leaving = fleet.serving[1:]
    fleet.scale(1)
    assert [member.who for member in fleet.serving] == ["worker-1.1"]
    wait_for(lambda: not any(member.alive for member in leaving), "two to stop")
    assert list(fleet.keep_up()) == leaving
    assert [member.process.returncode for member in leaving] == [0, 0]
    assert list(fleet.keep_up()) == []
    assert [member.who for member in fleet.members] == ["worker-1.1"]


def test_a_slot_that_comes_back_gets_a_new_name(make_fleet: MakeFleet) -> None:
    """The one before may not have stopped yet, and its history is its own."""
    fleet = make_fleet(2)
    started(fleet)
    fleet.scale(1)
    fleet.scale(2)
    list(fleet.keep_up())
    assert [member.who for member in fleet.serving] == ["worker-1.1", "worker-2.2"]


def test_a_fleet_stops_also_those_that_are_frozen(make_fleet: MakeFleet) -> None:
    """And says who was there."""
    fleet = make_fleet(2)
    members = started(fleet)
    members[0].order(Order(Point.AFTER_FETCH, Act.FREEZE))
    wait_for(lambda: members[0].frozen, "the process to freeze")
    assert fleet.stop() == members
    assert [member.process.returncode for member in members] == [0, 0]
    assert fleet.members == []


def test_who_ended_by_itself_just_before_the_stop_is_told_too(make_fleet: MakeFleet) -> None:
    """How it ended is judged by what it may, not by what it was asked for afterwards."""
    fleet = make_fleet(2)
    crashed, stopped = started(fleet)
    ended(crashed)
    assert fleet.stop() == [crashed, stopped]
    assert crashed.process.returncode not in crashed.may_end
    assert stopped.process.returncode in stopped.may_end


def test_all_can_be_ended_at_once(make_fleet: MakeFleet) -> None:
    """Whatever happens to the proof, nothing of it goes on."""
    fleet = make_fleet(2)
    members = started(fleet)
    fleet.kill()
    assert [member.process.returncode for member in members] == [-9, -9]
    assert fleet.members == []
