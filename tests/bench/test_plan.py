"""What makes no sense is said before anything is started; rates and sizes that nobody gave."""

from __future__ import annotations

from typing import Any

import pytest

from stream_scorer.bench.plan import Plan
from stream_scorer.bench.run import enough, rates_for
from stream_scorer.errors import ConfigError
from tests.bench.measured import alone


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"events": 99}, "--events must be at least 100, not 99"),
        ({"seconds": 1.0}, "--seconds must be at least 2, not 1"),
        ({"seconds": float("nan")}, "--seconds must be at least 2, not nan"),
        ({"rates": (500.0, 0.0)}, "--rate must be more than 0, not 0"),
        ({"partitions": 0}, "--partitions must be at least 1, not 0"),
        ({"topic_prefix": "a b"}, "--topic-prefix must be 1 to 200 characters"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], said: str) -> None:
    """By the name of the option."""
    with pytest.raises(ConfigError) as refused:
        Plan(config=None, **given).check()
    assert str(refused.value).startswith(said)


def test_two_runs_have_different_names() -> None:
    """Beside each other, and after one that could not clean up."""
    assert Plan(config=None).topic_prefix != Plan(config=None).topic_prefix


@pytest.mark.parametrize(
    ("throughput", "rates"),
    [(400_000.0, (500.0, 10_000.0)), (8_000.0, (500.0, 4_000.0)), (100.0, (10.0, 50.0))],
)
def test_the_latency_is_of_a_light_and_a_busy_rate(
    throughput: float, rates: tuple[float, ...]
) -> None:
    """The worker can hold both; or those that are asked for."""
    assert rates_for(Plan(config=None), throughput) == rates
    assert rates_for(Plan(config=None, rates=(7.0,)), throughput) == (7.0,)


@pytest.mark.parametrize(
    ("micros", "events"), [(0.5, 1_000_000), (18.0, 500_000), (99_998.0, 100), (9e9, 100)]
)
def test_a_backlog_lasts_about_as_long_as_asked(micros: float, events: int) -> None:
    """Ten seconds, or what disk and memory allow, or the fewest that can be watched."""
    assert enough(Plan(config=None), alone((1024, micros))) == events
