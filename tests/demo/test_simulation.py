"""The simulated events, and the models that learned from them."""

from __future__ import annotations

import math

import numpy as np
import onnxruntime
import pytest

from stream_scorer.demo import card_fraud, machine_telemetry
from stream_scorer.demo.simulation import Simulation
from stream_scorer.demo.stories import CARD_FRAUD, MACHINE_TELEMETRY, STORIES, Story


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_the_same_seed_gives_the_same_events(story: Story) -> None:
    """A demo that went wrong can be repeated."""
    first, again, other = (
        story.simulate(200, np.random.default_rng(seed)).rows() for seed in (5, 5, 6)
    )
    assert first == again
    assert first != other


def test_rows_are_nested_by_the_dots_and_nan_is_null_where_it_may_be() -> None:
    """A NaN in a field without null stays a NaN."""
    columns = {
        "name": np.array(["a", "b"]),
        "reading.heat": np.array([1.5, np.nan]),
        "reading.torque": np.array([np.nan, 2.5]),
    }
    simulation = Simulation(columns, frozenset({"reading.torque"}), np.zeros(2, np.int64))
    first, second = simulation.rows()
    assert first == {"name": "a", "reading": {"heat": 1.5, "torque": None}}
    assert second["reading"]["torque"] == 2.5
    assert math.isnan(second["reading"]["heat"])


def test_about_one_payment_in_thirty_is_fraud() -> None:
    """Rare, as it should be."""
    labels = card_fraud.simulate(20_000, np.random.default_rng(1)).labels
    assert 0.03 < labels.mean() < 0.037


def test_machines_fail_by_the_published_rules() -> None:
    """The rules without chance hold in the raw readings, both ways."""
    simulation = machine_telemetry.simulate(20_000, np.random.default_rng(1))
    grade, air, process, rpm, torque, wear = simulation.features(machine_telemetry.FEATURES).T
    modes = dict(zip(machine_telemetry.FAILURE_MODES, simulation.labels.T, strict=True))
    limit = np.array([11_000, 12_000, 13_000])[grade.astype(int)]
    overstrained = wear * torque > limit
    hot = (process - air < 8.6) & (rpm < 1_380)
    # The features are float32, the rules were applied in float64: a tie at the edge may differ.
    assert (overstrained != modes["overstrain"]).mean() < 1e-3
    assert (hot != modes["heat_dissipation"]).mean() < 1e-3
    assert not modes["tool_wear"][wear < 199.9].any()
    assert modes["tool_wear"][wear > 240.1].all()


def test_the_fraud_model_tells_fraud_from_honest_payments() -> None:
    """On payments that it has not seen, nulls among them."""
    simulation = card_fraud.simulate(5_000, np.random.default_rng(99))
    features = simulation.features(card_fraud.FEATURES)
    assert np.isnan(features).any()
    session = onnxruntime.InferenceSession(CARD_FRAUD.model)
    _, probabilities = session.run(None, {"features": features})
    assert _ranking(simulation.labels, probabilities[:, 1]) > 0.95


def test_the_machine_model_foresees_all_but_the_random_failures() -> None:
    """On reports that it has not seen; nobody can foresee the random ones."""
    simulation = machine_telemetry.simulate(5_000, np.random.default_rng(99))
    features = simulation.features(machine_telemetry.FEATURES)
    session = onnxruntime.InferenceSession(MACHINE_TELEMETRY.model)
    failure, modes = session.run(None, {"sensors": features})
    assert failure.shape == (5_000, 1)
    assert _ranking(simulation.labels.max(axis=1), failure[:, 0]) > 0.95
    for column in range(4):
        assert _ranking(simulation.labels[:, column], modes[:, column]) > 0.95


def _ranking(labels: np.ndarray, scores: np.ndarray) -> float:
    """Return how often a positive scores above a negative (the area under the ROC curve)."""
    positive, negative = scores[labels == 1], scores[labels == 0]
    below = np.searchsorted(np.sort(negative), positive, "left")
    return float(below.mean() / len(negative))
