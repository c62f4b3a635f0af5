"""Milling machines that wear out, after the published rules of the AI4I 2020 data set.

S. Matzka, "Explainable Artificial Intelligence for Predictive Maintenance Applications", 2020:
https://doi.org/10.1109/AI4I49448.2020.00023. Only the rules are used; no row is copied.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_scorer.demo.simulation import Simulation

FEATURES = (
    "grade",
    "reading.air_temperature_kelvin",
    "reading.process_temperature_kelvin",
    "reading.rotational_speed_rpm",
    "reading.torque_newton_metres",
    "reading.tool_wear_minutes",
)
"""The model's features, in the order of its input tensor."""

FAILURE_MODES = ("tool_wear", "heat_dissipation", "power", "overstrain", "random")
"""The label columns, in the order of the model's second output."""

_OVERSTRAIN_LIMIT = np.array([11_000, 12_000, 13_000])  # newton metre minutes, by grade
_SITES = np.array(["Bremen", "Gdańsk", "Porto"])


def simulate(count: int, rng: np.random.Generator) -> Simulation:
    """Return ``count`` reports; each label row marks the failure modes that occurred."""
    air = rng.normal(300, 2, count)
    # Torque times speed is the power drawn, about 6.3 kW: a faster machine has less torque.
    torque = np.clip(rng.normal(40, 10, count), 4, 77)
    power_watt = np.clip(rng.normal(6_300, 1_300, count), 2_000, 11_000)
    grade = rng.choice(3, count, p=[0.5, 0.3, 0.2])
    columns: dict[str, NDArray[Any]] = {
        "machine_id": np.char.add("mill-", rng.integers(0, 300, count).astype(str)),
        "site": _SITES[rng.integers(0, 3, count)],
        "grade": grade,
        "reading.air_temperature_kelvin": air,
        "reading.process_temperature_kelvin": air + rng.normal(10, 1, count),
        "reading.rotational_speed_rpm": power_watt / torque * 60 / (2 * np.pi),
        "reading.torque_newton_metres": torque,
        "reading.tool_wear_minutes": rng.uniform(0, 245, count),
    }
    nullable = frozenset({"reading.torque_newton_metres"})
    return Simulation(columns, nullable, _failures(columns, rng))


def _failures(columns: dict[str, NDArray[Any]], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the failure modes by rule, one column each."""
    _, air, process, speed, torque, wear = (columns[name] for name in FEATURES)
    watt = torque * speed * 2 * np.pi / 60
    modes = (
        wear > rng.uniform(200, 240, len(wear)),
        (process - air < 8.6) & (speed < 1_380),
        (watt < 3_500) | (watt > 9_000),
        wear * torque > _OVERSTRAIN_LIMIT[columns["grade"]],
        rng.random(len(wear)) < 0.001,
    )
    return np.column_stack(modes).astype(np.int64)
