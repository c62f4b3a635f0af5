"""Trees that do not say which way a missing value goes, and the fields that feed them NaN."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from stream_scorer.columns import FieldType
from stream_scorer.model.features import FeatureMap, map_features
from stream_scorer.model.fields import Missing
from stream_scorer.model.session import load_model
from stream_scorer.model.trees import fed_with_nan
from tests.model.making import array_of, field_type, value, write_model

FIELDS: dict[str, FieldType] = {
    "a": field_type("double", nullable=True),
    "b": field_type("double", nullable=True),
    "c": field_type("double"),
}
GOLDEN = Path(__file__).parents[1] / "golden"


def trees(source: str, tracks: Sequence[int] | None) -> onnx.NodeProto:
    """One tree that splits by column 0, then by column 2."""
    said: dict[str, Any] = {} if tracks is None else {"nodes_missing_value_tracks_true": tracks}
    return helper.make_node(
        "TreeEnsembleRegressor",
        [source],
        ["y"],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=[0] * 5,
        nodes_nodeids=[0, 1, 2, 3, 4],
        nodes_featureids=[0, 2, 1, 1, 1],
        nodes_values=[1.0, 2.0, 0.0, 0.0, 0.0],
        nodes_modes=["BRANCH_LEQ", "BRANCH_LEQ", "LEAF", "LEAF", "LEAF"],
        nodes_truenodeids=[1, 2, 0, 0, 0],
        nodes_falsenodeids=[4, 3, 0, 0, 0],
        target_treeids=[0] * 3,
        target_nodeids=[2, 3, 4],
        target_ids=[0] * 3,
        target_weights=[1.0, 2.0, 3.0],
        **said,
    )


def model(path: Path, *nodes: onnx.NodeProto, initializers: Sequence[Any] = ()) -> Path:
    """A model of ``x``, three numbers, that ends in ``y``."""
    inputs, outputs = [value("x", "float32", None, 3)], [value("y", "float32", None, 1)]
    return write_model(path, list(nodes), inputs, outputs, initializers=initializers)


def features(path: Path, *paths: str, missing: object = "nan") -> FeatureMap:
    """The fields that fill ``x``."""
    return map_features(load_model(path).inputs, FIELDS, {"x": paths}, Missing(missing))


@pytest.mark.parametrize("tracks", [None, [0] * 5])
def test_the_fields_that_the_trees_split_by_are_named_with_the_operator(
    tracks: list[int] | None, tmp_path: Path
) -> None:
    """Column 1 is split by nowhere, and a field that is never null feeds no NaN."""
    path = model(tmp_path / "m.onnx", trees("x", tracks))
    operator = "TreeEnsembleRegressor"
    assert fed_with_nan(path, features(path, "a", "b", "c")) == {operator: ["a"]}
    assert fed_with_nan(path, features(path, "c", "b", "a")) == {operator: ["a"]}
    assert fed_with_nan(path, features(path, "c", "a", "c")) == {}
    assert fed_with_nan(path, features(path, "a", "b", "b", missing=0)) == {}


def test_an_array_with_a_null_in_it_feeds_nan_too(tmp_path: Path) -> None:
    """Any of its items may be null."""
    path = model(tmp_path / "m.onnx", trees("x", None))
    fields = {"all": array_of(field_type("double", nullable=True))}
    mapped = map_features(load_model(path).inputs, fields, {"x": ["all"]}, Missing())
    assert fed_with_nan(path, mapped) == {"TreeEnsembleRegressor": ["all"]}


def test_trees_with_tracks_know_what_to_do(tmp_path: Path) -> None:
    """One is enough: then the exporter writes them, and 0 means the false branch."""
    path = model(tmp_path / "m.onnx", trees("x", [0, 1, 0, 0, 0]))
    assert fed_with_nan(path, features(path, "a", "b", "a")) == {}


def test_an_imputer_in_front_keeps_nan_away(tmp_path: Path) -> None:
    """The model itself is asked; a scaler and a swap of columns do not hide it."""
    imputer = helper.make_node(
        "Imputer",
        ["x"],
        ["full"],
        domain="ai.onnx.ml",
        imputed_value_floats=[0.0, 0.0, 0.0],
        replaced_value_float=float("nan"),
    )
    path = model(tmp_path / "imputed.onnx", imputer, trees("full", None))
    assert fed_with_nan(path, features(path, "a", "b", "a")) == {}
    order = numpy_helper.from_array(np.array([1, 0, 1]), "order")
    swapped = helper.make_node("Gather", ["x", "order"], ["s"], axis=1)
    twice = helper.make_node("Add", ["s", "s"], ["t"])
    path = model(tmp_path / "m.onnx", swapped, twice, trees("t", None), initializers=[order])
    assert fed_with_nan(path, features(path, "a", "b", "c")) == {"TreeEnsembleRegressor": ["b"]}


def test_the_one_operator_of_later_opsets_is_known_too(tmp_path: Path) -> None:
    """``TreeEnsemble`` has its leaves elsewhere."""

    def tensor(name: str, values: Any) -> onnx.TensorProto:
        return numpy_helper.from_array(values, name)

    node = helper.make_node(
        "TreeEnsemble",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        n_targets=1,
        tree_roots=[0],
        nodes_featureids=[2],
        nodes_splits=tensor("s", np.array([1], np.float32)),
        nodes_modes=tensor("m", np.array([0], np.uint8)),
        nodes_truenodeids=[0],
        nodes_trueleafs=[1],
        nodes_falsenodeids=[1],
        nodes_falseleafs=[1],
        leaf_targetids=[0, 0],
        leaf_weights=tensor("w", np.array([1, 2], np.float32)),
    )
    path = model(tmp_path / "m.onnx", node)
    proto = onnx.load(path)
    del proto.opset_import[:]
    proto.opset_import.append(helper.make_opsetid("ai.onnx.ml", 5))  # and no other
    onnx.save(proto, path)
    assert fed_with_nan(path, features(path, "a", "b", "c")) == {}
    assert fed_with_nan(path, features(path, "c", "b", "a")) == {"TreeEnsemble": ["a"]}


def test_a_model_of_xgboost_has_tracks() -> None:
    """So null may be NaN there."""
    path = GOLDEN / "xgboost_churn" / "model.onnx"
    inputs = load_model(path).inputs
    width = inputs[0].row_shape[0] or 0
    mapped = map_features(inputs, FIELDS, {inputs[0].name: ["a"] * width}, Missing())
    assert fed_with_nan(path, mapped) == {}


def test_a_classifier_with_names_of_classes_is_looked_into(tmp_path: Path) -> None:
    """A ZipMap behind the trees is taken out as when it is served."""
    node = trees("x", None)
    cast = helper.make_node("Cast", ["y"], ["p"], to=TensorProto.FLOAT)
    zipped = helper.make_node(
        "ZipMap", ["p"], ["maps"], domain="ai.onnx.ml", classlabels_int64s=[0]
    )
    maps = helper.make_value_info(
        "maps",
        helper.make_sequence_type_proto(
            helper.make_map_type_proto(
                TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, None)
            )
        ),
    )
    path = write_model(
        tmp_path / "m.onnx", [node, cast, zipped], [value("x", "float32", None, 3)], [maps]
    )
    assert fed_with_nan(path, features(path, "a", "b", "c")) == {"TreeEnsembleRegressor": ["a"]}
