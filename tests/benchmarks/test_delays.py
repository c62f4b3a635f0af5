"""Latencies and lags are judged as they should be."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.delays import (
    LagSample,
    first_sightings,
    growth_per_second,
    keeps_up,
    percentiles,
)


def _ns(*milliseconds: float) -> NDArray[np.int64]:
    return np.array([ms * 1e6 for ms in milliseconds], np.int64)


def test_percentiles_are_of_the_time_between_making_and_seeing() -> None:
    """Of 1 to 100 ms, half are visible after 50.5 ms."""
    made = _ns(*([7.0] * 100))
    seen = made + _ns(*range(1, 101))
    found = percentiles(made, seen)
    assert found.p50 == pytest.approx(50.5)
    assert found.p95 == pytest.approx(95.05)
    assert found.p99 == pytest.approx(99.01)
    assert found.most == 100


def test_no_event_has_no_latency() -> None:
    """A contender that wrote nothing must not look quick."""
    with pytest.raises(ValueError, match="no event"):
        percentiles(_ns(), _ns())


def test_an_event_counts_with_its_first_sighting() -> None:
    """What is seen again is a repeat, and told."""
    made, seen, repeated = first_sightings(_ns(2, 1, 2), _ns(5, 6, 9))
    np.testing.assert_array_equal(made, _ns(1, 2))
    np.testing.assert_array_equal(seen, _ns(6, 5))
    assert repeated == 1


def _lags(*events: int) -> list[LagSample]:
    return [LagSample(number / 2, each) for number, each in enumerate(events)]


def test_a_lag_that_goes_up_and_down_does_not_grow() -> None:
    """Each transaction makes it fall; what counts is the line through all."""
    growth = growth_per_second(_lags(*([100, 900, 500] * 13)))
    assert abs(growth) < 20
    assert keeps_up(growth, 10_000)


def test_a_lag_that_grows_slowly_is_noticed() -> None:
    """A scorer that manages 9,500 of 10,000 events a second falls behind by 500 a second."""
    lags = [250 * number + (number % 3) * 400 for number in range(40)]
    growth = growth_per_second(_lags(*lags))
    assert growth == pytest.approx(500, rel=0.1)
    assert not keeps_up(growth, 10_000)


def test_a_lag_that_shrinks_is_no_growth() -> None:
    """Who catches up keeps up."""
    assert keeps_up(growth_per_second(_lags(4_000, 2_000, 0)), 500)


def test_one_look_says_nothing_of_growth() -> None:
    """Better an error than a verdict."""
    with pytest.raises(ValueError, match="two samples"):
        growth_per_second(_lags(5))
