"""What the times of making and of seeing events say: how late they are, and does a scorer keep up.

All pure; times in seconds, latencies in milliseconds.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: A lag that grows by less than this part of the rate may be chance: it goes up and down with each
#: transaction.
_GROWTH_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Percentiles:
    """How long events took until they were visible, in milliseconds."""

    p50: float
    p95: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True)
class LagSample:
    """How many events waited at a time."""

    at_seconds: float
    events: int


def percentiles(made_ns: NDArray[np.int64], seen_ns: NDArray[np.int64]) -> Percentiles:
    """Return them for events of which one array says when each was made, the other when seen.

    Raises:
        ValueError: there is no event.
    """
    if not len(made_ns):
        raise ValueError("no event, so no latency")
    took_ms = (seen_ns - made_ns) / 1e6
    p50, p95, p99 = np.quantile(took_ms, (0.5, 0.95, 0.99)).tolist()
    return Percentiles(p50, p95, p99, float(took_ms.max()))


def growth_per_second(samples: Sequence[LagSample]) -> float:
    """Return by how many events a second the lag grows: the slope of a line through the samples.

    Raises:
        ValueError: fewer than two samples.
    """
    if len(samples) < 2:
        raise ValueError("a growth takes two samples")
    times = [sample.at_seconds for sample in samples]
    return statistics.linear_regression(times, [sample.events for sample in samples]).slope


def keeps_up(growth: float, rate: int) -> bool:
    """Return whether a lag that grows by ``growth`` events a second does not really grow."""
    return growth <= rate * _GROWTH_SHARE


def first_sightings(
    made_ns: NDArray[np.int64], seen_ns: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Return the events, each once with its first sighting, and how many sightings were repeats.

    ``made_ns`` tells events apart. What is seen later stands later.
    """
    made, first = np.unique(made_ns, return_index=True)
    return made, seen_ns[first], len(made_ns) - len(made)
