"""The checker over simulated fleets: a correct one is green, each kind of wrong one is red."""

from __future__ import annotations

import random
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_scorer.verify.values import Invariant
from tests.verify.mutations import MUTATIONS, Mutation, score_into_another_partition
from tests.verify.simulation import Fleet

SEEDS = st.integers(0, 2**32 - 1)
ORDERS: st.SearchStrategy[Literal["source", "key"]] = st.sampled_from(["source", "key"])


@given(seed=SEEDS, order_by=ORDERS, workers=st.integers(1, 4), events=st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_a_correct_fleet_violates_nothing(
    seed: int, order_by: Literal["source", "key"], workers: int, events: int
) -> None:
    """However its transactions interleave, abort and die, and however late the observers are."""
    assert Fleet(seed, order_by, workers, events).run().judged() == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
@given(seed=SEEDS, order_by=ORDERS)
@settings(max_examples=12, deadline=None)
def test_a_wrong_fleet_violates_the_invariant_that_is_about_it(
    mutation: Mutation, seed: int, order_by: Literal["source", "key"]
) -> None:
    """And none that is not."""
    observed = Fleet(seed, order_by).run()
    mutation.change(observed, random.Random(seed))  # noqa: S311 - dice, not secrets
    violated = {violation.invariant for violation in observed.judged()}
    assert mutation.violates in violated
    assert violated <= {mutation.violates, *mutation.perhaps}


@given(seed=SEEDS)
@settings(max_examples=12, deadline=None)
def test_an_event_in_a_partition_of_another_number_is_out_of_order(seed: int) -> None:
    """With ``partition: source``, where the order is that of the input's partition."""
    observed = Fleet(seed, "source").run()
    score_into_another_partition(observed, random.Random(seed))  # noqa: S311 - dice, not secrets
    assert {violation.invariant for violation in observed.judged()} == {Invariant.ORDER}
