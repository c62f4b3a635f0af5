"""The models of the benchmarks, all from ``features`` to ``score``: the same bytes every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

IMAGE_NETWORK = Path(__file__).parents[1] / "tests/golden/torch_ffnn_28x28/model.onnx"
IMAGE_LOGIT = 2
_OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]


def small_mlp(features: int = 30, hidden: int = 32, seed: int = 1) -> onnx.ModelProto:
    """Return ``features`` to ``score``: one hidden layer, sigmoid; about 1,000 parameters."""
    rng = np.random.default_rng(seed)
    weights = {
        "weights_0": rng.normal(size=(features, hidden)) / np.sqrt(features),
        "bias_0": np.zeros(hidden),
        "weights_1": rng.normal(size=(hidden, 1)) / np.sqrt(hidden),
        "bias_1": np.zeros(1),
    }
    nodes = [
        helper.make_node("Gemm", ["features", "weights_0", "bias_0"], ["sum_0"]),
        helper.make_node("Relu", ["sum_0"], ["hidden"]),
        helper.make_node("Gemm", ["hidden", "weights_1", "bias_1"], ["sum_1"]),
        helper.make_node("Sigmoid", ["sum_1"], ["score"]),
    ]
    constants = [numpy_helper.from_array(w.astype(np.float32), n) for n, w in weights.items()]
    return _model("small_mlp", nodes, features, constants)


def trees(features: int = 30, count: int = 100, depth: int = 5, seed: int = 1) -> onnx.ModelProto:
    """Return ``features`` to ``score``: the sum of ``count`` full binary trees.

    A null feature goes left at each split, as a boosting library's trees send NaN somewhere.
    """
    rng = np.random.default_rng(seed)
    inner = 2**depth - 1
    nodes = 2 * inner + 1
    ids = np.arange(nodes)
    is_leaf = np.tile(ids >= inner, count)
    tree_ids = np.repeat(np.arange(count), nodes)
    node_ids = np.tile(ids, count)
    weights = rng.normal(size=is_leaf.sum()) / np.sqrt(count)
    ensemble = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["score"],
        domain="ai.onnx.ml",
        nodes_treeids=tree_ids.tolist(),
        nodes_nodeids=node_ids.tolist(),
        nodes_featureids=_inner(rng.integers(0, features, len(ids) * count), is_leaf),
        nodes_modes=np.where(is_leaf, "LEAF", "BRANCH_LT").tolist(),
        nodes_values=_inner(rng.normal(size=len(ids) * count), is_leaf),
        nodes_truenodeids=_inner(2 * node_ids + 1, is_leaf),
        nodes_falsenodeids=_inner(2 * node_ids + 2, is_leaf),
        nodes_missing_value_tracks_true=_inner(np.ones_like(node_ids), is_leaf),
        target_treeids=tree_ids[is_leaf].tolist(),
        target_nodeids=node_ids[is_leaf].tolist(),
        target_ids=[0] * len(weights),
        target_weights=weights.tolist(),
        n_targets=1,
    )
    return _model("trees", [ensemble], features, [])


def image_network() -> onnx.ModelProto:
    """Return the golden PyTorch network of 784 floats; ``score`` is the third of its ten logits.

    That one differs most from event to event.
    """
    model = onnx.load(IMAGE_NETWORK)
    (features,), (logits,) = model.graph.input, model.graph.output
    for node in model.graph.node:
        node.input[:] = ["features" if name == features.name else name for name in node.input]
    model.graph.initializer.append(numpy_helper.from_array(np.array([IMAGE_LOGIT]), "place"))
    model.graph.node.append(helper.make_node("Gather", [logits.name, "place"], ["score"], axis=1))
    features.name = "features"
    score = helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch", 1])
    model.graph.output[0].CopyFrom(score)
    onnx.checker.check_model(model)
    return model


def _inner(values: NDArray[np.generic], is_leaf: NDArray[np.bool_]) -> list[float]:
    """Return one value a node, zero in the leaves."""
    inner: list[float] = np.where(is_leaf, 0, values).tolist()
    return inner


def _model(
    name: str, nodes: list[onnx.NodeProto], features: int, constants: list[onnx.TensorProto]
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", features])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["rows", 1])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=_OPSETS, ir_version=8)
    onnx.checker.check_model(model)
    return model
