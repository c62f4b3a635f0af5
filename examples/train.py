"""Train the demo's two models and export them to ONNX.

From a clone::

    pip install -e ".[train]"
    python examples/train.py

writes ``stream_scorer/demo/models/*.onnx`` and their ``SHA256SUMS``. The events are simulated and
every seed is fixed: the same versions of the libraries produce the same files. Each model's
metadata contains these versions; ``stream-scorer inspect --model`` prints it.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxmltools.convert import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from stream_scorer.demo import card_fraud, machine_telemetry

MODELS = Path(__file__).parents[1] / "stream_scorer" / "demo" / "models"
TRAINING_ROWS = 60_000
TEST_ROWS = 20_000
OPSET = 15  # the newest that onnxmltools writes


def train_card_fraud() -> onnx.ModelProto:
    """Train gradient-boosted trees: ``features`` to ``label`` and ``probabilities``.

    A null feature reaches the trees as NaN, and each split has learned which branch NaN takes.
    """
    train = card_fraud.simulate(TRAINING_ROWS, np.random.default_rng(1))
    test = card_fraud.simulate(TEST_ROWS, np.random.default_rng(2))
    trees = XGBClassifier(n_estimators=60, max_depth=4, learning_rate=0.2, n_jobs=1, random_state=1)
    trees.fit(train.features(card_fraud.FEATURES), train.labels)
    score = trees.predict_proba(test.features(card_fraud.FEATURES))[:, 1]
    print(f"card_fraud: AUC {roc_auc_score(test.labels, score):.4f}")
    inputs = [("features", FloatTensorType([None, len(card_fraud.FEATURES)]))]
    model = convert_xgboost(trees, "card_fraud", initial_types=inputs, target_opset=OPSET)
    _agree(model, test.features(card_fraud.FEATURES), {"probabilities": np.c_[1 - score, score]})
    return model


def train_machine_telemetry() -> onnx.ModelProto:
    """Train a small network: ``sensors`` to ``failure_probability`` and ``failure_modes``."""
    train = machine_telemetry.simulate(TRAINING_ROWS, np.random.default_rng(3))
    test = machine_telemetry.simulate(TEST_ROWS, np.random.default_rng(4))
    scaler = StandardScaler().fit(train.features(machine_telemetry.FEATURES))
    network = MLPClassifier((48, 24), early_stopping=True, random_state=3)
    network.fit(
        scaler.transform(train.features(machine_telemetry.FEATURES)), _targets(train.labels)
    )
    score = network.predict_proba(scaler.transform(test.features(machine_telemetry.FEATURES)))
    for name, target, column in zip(
        ("any", *machine_telemetry.FAILURE_MODES), _targets(test.labels).T, score.T, strict=True
    ):
        print(f"machine_telemetry: {name} AUC {roc_auc_score(target, column):.4f}")
    model = _network_as_onnx(scaler, network)
    expected = {"failure_probability": score[:, :1], "failure_modes": score[:, 1:]}
    _agree(model, test.features(machine_telemetry.FEATURES), expected)
    return model


def _agree(
    model: onnx.ModelProto, rows: NDArray[np.float32], expected: dict[str, NDArray[np.floating]]
) -> None:
    """Raise ``AssertionError`` unless ONNX Runtime returns the scores of the training library."""
    session = onnxruntime.InferenceSession(model.SerializeToString())
    outputs = session.run(list(expected), {session.get_inputs()[0].name: rows})
    for name, output in zip(expected, outputs, strict=True):
        np.testing.assert_allclose(output, expected[name], atol=1e-5, err_msg=name)


def _targets(modes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return one column for any failure, followed by one per failure mode."""
    return np.column_stack([modes.max(axis=1), modes])


def _network_as_onnx(scaler: StandardScaler, network: MLPClassifier) -> onnx.ModelProto:
    """Build one graph from the scaler and the layers; a final split yields both outputs."""
    arrays = {"mean": scaler.mean_, "deviation": scaler.scale_}
    for layer, (weights, bias) in enumerate(zip(network.coefs_, network.intercepts_, strict=True)):
        arrays |= {f"weights_{layer}": weights, f"bias_{layer}": bias}
    node = helper.make_node
    nodes = [
        node("Sub", ["sensors", "mean"], ["centred"]),
        node("Div", ["centred", "deviation"], ["hidden_0"]),
    ]
    last = len(network.coefs_) - 1
    for layer in range(last + 1):
        nodes.append(
            node("Gemm", [f"hidden_{layer}", f"weights_{layer}", f"bias_{layer}"], [f"sum_{layer}"])
        )
        activation = "Sigmoid" if layer == last else "Relu"
        nodes.append(node(activation, [f"sum_{layer}"], [f"hidden_{layer + 1}"]))
    outputs = {"failure_probability": 1, "failure_modes": len(machine_telemetry.FAILURE_MODES)}
    nodes.append(node("Split", [f"hidden_{last + 1}", "widths"], list(outputs), axis=1))
    constants = [numpy_helper.from_array(a.astype(np.float32), name) for name, a in arrays.items()]
    constants.append(numpy_helper.from_array(np.array(list(outputs.values()), np.int64), "widths"))
    graph = helper.make_graph(
        nodes,
        "machine_telemetry",
        [_tensor("sensors", len(machine_telemetry.FEATURES))],
        [_tensor(name, width) for name, width in outputs.items()],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


def _tensor(name: str, width: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width])


def save(
    model: onnx.ModelProto, name: str, libraries: tuple[str, ...], about: dict[str, str]
) -> None:
    """Check the model, add ``about`` and the library versions as metadata, and write it."""
    made_with = ", ".join(f"{library} {version(library)}" for library in libraries)
    helper.set_model_props(model, about | {"made_with": made_with})
    onnx.checker.check_model(model)
    onnx.save(model, MODELS / f"{name}.onnx")


def main() -> None:
    """Train, export, and write the checksums."""
    save(
        train_card_fraud(),
        "card_fraud",
        ("xgboost", "onnxmltools", "onnx", "numpy"),
        {"features": ",".join(card_fraud.FEATURES)},
    )
    save(
        train_machine_telemetry(),
        "machine_telemetry",
        ("scikit-learn", "onnx", "numpy"),
        {
            "features": ",".join(machine_telemetry.FEATURES),
            "failure_modes": ",".join(machine_telemetry.FAILURE_MODES),
        },
    )
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(MODELS.glob("*.onnx"))
    ]
    (MODELS / "SHA256SUMS").write_text("".join(sums))


if __name__ == "__main__":
    main()
