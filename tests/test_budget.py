"""The dead-letter budget: a ratio over a sliding window, from a minimum count on."""

from __future__ import annotations

import pytest

from stream_scorer.budget import Budget, BudgetLedger


@pytest.fixture
def ledger() -> BudgetLedger:
    """One in ten, counted over a minute, from five on."""
    return BudgetLedger(Budget(ratio=0.1, window_seconds=60.0, minimum=5))


def test_below_the_minimum_it_is_never_spent(ledger: BudgetLedger) -> None:
    """Four bad events of four are few."""
    assert not ledger.would_overspend(0.0, events=4, dead_letters=4)


def test_from_the_minimum_on_the_ratio_counts(ledger: BudgetLedger) -> None:
    """Exactly the ratio is still within the budget."""
    assert not ledger.would_overspend(0.0, events=50, dead_letters=5)
    assert ledger.would_overspend(0.0, events=49, dead_letters=5)


def test_what_was_committed_before_counts_too(ledger: BudgetLedger) -> None:
    """A question alone spends nothing."""
    ledger.spend(0.0, events=45, dead_letters=4)
    assert ledger.would_overspend(1.0, events=4, dead_letters=1)
    assert ledger.would_overspend(1.0, events=4, dead_letters=1)
    assert not ledger.would_overspend(1.0, events=5, dead_letters=1)


def test_the_window_slides(ledger: BudgetLedger) -> None:
    """What is older than the window is forgotten, both the good and the bad."""
    ledger.spend(0.0, events=1000, dead_letters=0)
    ledger.spend(30.0, events=10, dead_letters=4)
    assert not ledger.would_overspend(59.9, events=1, dead_letters=1)
    assert ledger.would_overspend(60.0, events=1, dead_letters=1)
    assert not ledger.would_overspend(90.0, events=1, dead_letters=1)


def test_it_holds_no_more_than_its_window(ledger: BudgetLedger) -> None:
    """A worker commits many times a second for months, and may never meet a bad event."""
    for second in range(10_000):
        ledger.spend(float(second), events=1, dead_letters=0)
    assert len(ledger._committed) == 60


def test_a_ratio_of_one_is_never_crossed() -> None:
    """That is how no budget is written."""
    ledger = BudgetLedger(Budget(ratio=1.0, window_seconds=1.0, minimum=0))
    assert not ledger.would_overspend(0.0, events=7, dead_letters=7)
