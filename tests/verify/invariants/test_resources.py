"""I10: a worker that grows once it is warm."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from stream_scorer.verify.checker import Checker
from stream_scorer.verify.invariants.resources import Growth
from stream_scorer.verify.values import Entry, Invariant

MIB = 1 << 20
GROWTH = Growth(
    warm_up_seconds=10, samples=3, share=0.2, rss_bytes=10 * MIB, descriptors=5, threads=4
)
WARM = {"rss_bytes": 100 * MIB, "descriptors": 50, "threads": 20}
ALLOWED = {"rss_bytes": 130 * MIB, "descriptors": 65, "threads": 28}


def entries(who: str, samples: Iterable[dict[str, int]]) -> list[Entry]:
    """A sample every five seconds."""
    return [Entry(5.0 * n, who, "resources", sample) for n, sample in enumerate(samples)]


def judged(*histories: list[Entry]) -> list[str]:
    """What is said of these workers."""
    checker = Checker(order_by="source", growth=GROWTH)
    for history in histories:
        checker.told(history)
    violations = checker.violations()
    assert {each.invariant for each in violations} <= {Invariant.NO_LEAK}
    return [violation.sentence for violation in violations]


def test_a_worker_may_grow_while_it_warms_up() -> None:
    """And by the slack afterwards."""
    cold = {name: value // 10 for name, value in WARM.items()}
    assert judged(entries("w1", [cold, WARM, WARM, *[ALLOWED] * 20])) == []


@pytest.mark.parametrize("name", list(WARM))
def test_a_worker_that_grows_beyond_the_slack_is_named_once(name: str) -> None:
    """With what has grown."""
    grown = {**WARM, name: ALLOWED[name] + 1}
    assert judged(entries("w1", [*[WARM] * 4, *[grown] * 5])) == [
        f"w1 grew from {WARM[name]} to {ALLOWED[name] + 1} {name} within 30 s."
    ]


def test_a_peak_is_no_growth() -> None:
    """A rebuilt producer stands beside the old one for a moment."""
    peak = {name: value * 2 for name, value in WARM.items()}
    assert judged(entries("w1", [*[WARM] * 4, peak, peak, WARM, peak, peak, WARM])) == []


def test_each_process_has_its_own_level() -> None:
    """A successor may need more than who was there before."""
    more = {name: value * 3 for name, value in WARM.items()}
    assert judged(entries("w1.1", [WARM] * 9), entries("w1.2", [more] * 9)) == []
