"""How large a set may be, after what became of the ones before it."""

from __future__ import annotations

import pytest

from stream_scorer.open_set import SetSize


def test_an_abort_halves_what_did_not_get_through() -> None:
    """A small set that aborted says more than the limit that it did not reach."""
    size = SetSize(1000)
    size.aborted(1000)
    assert size.rows == 500
    size.aborted(60)
    assert size.rows == 30
    for _ in range(10):
        size.aborted(size.rows)
    assert size.rows == 1


def test_full_sets_that_commit_bring_it_back() -> None:
    """From a single row to a thousand in a few dozen commits, which take milliseconds each."""
    size = SetSize(1000)
    size.aborted(1)
    commits = 0
    while size.rows < 1000:
        size.committed(size.rows)
        commits += 1
    assert commits < 60
    size.committed(1000)
    assert size.rows == 1000


def test_a_set_that_was_not_full_proves_nothing() -> None:
    """Few events in a quiet hour are no reason to try the full size in a burst."""
    size = SetSize(1000)
    size.aborted(100)
    for _ in range(100):
        size.committed(49)
    assert size.rows == 50


@pytest.mark.parametrize("takes", [8, 24, 700])
def test_it_settles_near_what_gets_through(takes: int) -> None:
    """Of a hundred sets few abort, and the others have more than half of what could be."""
    size = SetSize(1000)
    through: list[int] = []
    for _ in range(100):
        if size.rows > takes:
            size.aborted(size.rows)
        else:
            through.append(size.rows)
            size.committed(size.rows)
    assert len(through) > 66
    assert sum(through) / len(through) > takes / 2
