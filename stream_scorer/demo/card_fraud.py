"""Card payments, some of them fraud: payer, amount, place, frequency, device."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream_scorer.demo.simulation import Simulation

FEATURES = (
    "amount",
    "usual_amount",
    "mcc",
    "hour",
    "country_match",
    "card_present",
    "velocity_1h",
    "velocity_24h",
    "device_age_days",
    "merchant_risk",
)
"""The model's features, in the order of its input tensor."""

_CHANNELS = np.array(["CHIP", "CONTACTLESS", "MAGSTRIPE", "ONLINE"])
_MCC = np.array([4111, 5411, 5541, 5732, 5812, 5944, 5967, 6011, 7995])
_RISKY_MCC = np.array([5732, 5944, 5967, 7995])  # electronics, jewels, direct marketing, betting


def simulate(count: int, rng: np.random.Generator) -> Simulation:
    """Return ``count`` payments; a label of 1 means fraud, about one payment in thirty.

    A fraudulent payment is larger than usual for the card, online, at night, in quick succession,
    from a new device, or at a merchant with disputes. None of these alone is proof.
    """
    fraud = rng.random(count) < 1 / 30
    signs = {name: _more_often(fraud, rng) for name in ("much", "abroad", "fast", "new", "shady")}
    usual = rng.lognormal(3.3, 0.6, count)
    hour = np.where(signs["fast"], rng.integers(0, 6, count), _daytime(count, rng))
    channel = np.where(
        fraud & (rng.random(count) < 0.7), 3, rng.choice(4, count, p=[0.3, 0.4, 0.05, 0.25])
    )
    velocity = rng.poisson(np.where(signs["fast"], 4.0, 0.3))
    columns = {
        "card_id": np.char.add("card-", rng.integers(0, 5_000, count).astype(str)),
        "merchant_id": rng.integers(1, 80_000, count),
        "merchant_risk": _sometimes_unknown(
            rng.beta(np.where(signs["shady"], 3, 1), 20), 0.15, rng
        ),
        "channel": _CHANNELS[channel],
        "amount": np.round(usual * rng.lognormal(np.where(signs["much"], 1.6, 0.0), 0.5), 2),
        "usual_amount": np.round(usual, 2),
        "mcc": np.where(signs["shady"], rng.choice(_RISKY_MCC, count), rng.choice(_MCC, count)),
        "hour": hour,
        "country_match": ~signs["abroad"],
        "card_present": channel != 3,
        "velocity_1h": velocity,
        "velocity_24h": velocity + rng.poisson(2.0, count),
        "device_age_days": _sometimes_unknown(
            rng.exponential(np.where(signs["new"], 2.0, 400.0)).astype(np.float32), 0.25, rng
        ),
    }
    nullable = frozenset({"amount", "device_age_days", "merchant_risk"})
    return Simulation(columns, nullable, fraud.astype(np.int64))


def _more_often(fraud: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return a sign that six in ten frauds show, and one in twenty honest payments."""
    return rng.random(len(fraud)) < np.where(fraud, 0.6, 0.05)


def _daytime(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.clip(rng.normal(14, 4, count), 0, 23).astype(np.int64)


def _sometimes_unknown(
    values: NDArray[np.floating], share: float, rng: np.random.Generator
) -> NDArray[np.floating]:
    return np.where(rng.random(len(values)) < share, np.nan, values)
