"""The rounds of a proof: which load, protocol and timeouts, and which is always the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from stream_scorer.verify.cluster_faults import CUT_OFF
from stream_scorer.verify.kinds import Kind, kinds_of
from stream_scorer.verify.loads import BACKLOG, STEADY, Load, all_loads
from stream_scorer.verify.plan import Plan
from stream_scorer.verify.scene import Course, Fault, Scene
from stream_scorer.verify.timeouts import Patience


def course(_: Scene) -> Course:
    """A course that does nothing."""
    yield from ()
    return True


ANY = Fault("any", course)
SHORT = Fault("short", course, patience=Patience.SHORT)
LONG = Fault(CUT_OFF, course, patience=Patience.LONG)
FAULTS = (SHORT, ANY, LONG)
MINUTE, HOUR = 60.0, 3600.0


def plan(seconds: float, *, seed: int = 1, faults: int | None = None) -> Plan:
    """A proof of so long, of both protocols and both orders."""
    return Plan(
        duration_seconds=seconds,
        seed=seed,
        faults=faults,
        group_protocols=("classic", "consumer"),
        order_by=("source", "key"),
    )


def kinds(
    wanted: Plan, loads: Sequence[Load] = all_loads(), faults: Sequence[Fault] = FAULTS
) -> list[Kind]:
    """Its rounds."""
    return kinds_of(wanted, loads, faults)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("seconds", [10.0, 180.0, 24 * HOUR])
def test_it_begins_with_the_backlog_and_all_brokers_cut_off(seed: int, seconds: float) -> None:
    """Whatever the seed and however long."""
    first = kinds(plan(seconds, seed=seed))[0]
    assert (first.load, first.patience, first.first) == (BACKLOG, Patience.LONG, LONG)


def test_what_is_first_is_not_there_if_something_else_is_asked_for() -> None:
    """Another load or another fault."""
    assert kinds(plan(MINUTE), [STEADY])[0].first is None
    assert kinds(plan(MINUTE), faults=[SHORT])[0].first is None


def test_the_seed_orders_the_other_loads() -> None:
    """The same seed the same, another one otherwise."""
    orders = [tuple(kind.load.name for kind in kinds(plan(HOUR, seed=seed))) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert len(set(orders[0])) == len(all_loads())


def test_half_an_hour_has_a_round_for_each_load_with_both_protocols_and_timeouts() -> None:
    """In equal parts."""
    found = kinds(plan(HOUR / 2))
    assert {kind.load.name for kind in found} == {load.name for load in all_loads()}
    assert {kind.seconds for kind in found} == {150.0}
    halves = len(found) / 2
    assert Counter(kind.variant for kind in found) == {
        "classic-source": halves,
        "consumer-key": halves,
    }
    assert Counter(kind.patience for kind in found) == dict.fromkeys(Patience, halves)


def test_in_a_day_each_load_has_each_protocol_with_each_timeouts() -> None:
    """So that each pair of load and fault comes with time."""
    found = kinds(plan(24 * HOUR))
    ways = Counter((kind.load.name, kind.variant, kind.patience) for kind in found)
    assert len(ways) == len(all_loads()) * 4
    assert set(ways.values()) == {1}
    assert len({kind.label for kind in found}) == len(found)


def test_a_short_proof_has_a_round_for_each_protocol_and_order() -> None:
    """However short."""
    assert [kind.variant for kind in kinds(plan(10.0))] == ["classic-source", "consumer-key"]
    [one] = kinds(Plan(duration_seconds=MINUTE, faults=7))
    assert (one.seconds, one.count, one.label) == (MINUTE, 7, "1-classic-source")


def test_more_protocols_than_orders_share_the_order() -> None:
    """As many rounds as the longer list."""
    found = kinds(Plan(group_protocols=("classic", "consumer"), duration_seconds=20.0))
    assert [kind.variant for kind in found] == ["classic-source", "consumer-source"]


def test_no_fault_is_lost_to_rounding() -> None:
    """The rounds share them."""
    assert [kind.count for kind in kinds(plan(160.0, faults=41))] == [11, 10, 10, 10]


def test_a_round_has_the_faults_that_its_timeouts_allow() -> None:
    """Those that want others come in another round."""
    found = kinds(plan(180.0))
    assert {kind.patience: kind.faults for kind in found} == {
        Patience.LONG: (ANY, LONG),
        Patience.SHORT: (SHORT, ANY),
    }


@pytest.mark.parametrize(
    ("faults", "patience"),
    [
        ([SHORT, ANY], Patience.SHORT),
        ([LONG], Patience.LONG),
        ([ANY], Patience.SHORT),
        ([], Patience.SHORT),
    ],
)
def test_no_round_has_timeouts_that_no_fault_asks_for(
    faults: Sequence[Fault], patience: Patience
) -> None:
    """On a cluster of one's own nobody cuts brokers off."""
    assert {kind.patience for kind in kinds(plan(180.0), faults=faults)} == {patience}
