"""Tree ensembles that do not say which way a missing value goes, and the fields that feed them NaN.

ONNX has a track for each split, ``nodes_missing_value_tracks_true``; without one NaN goes where a
comparison with it leads, which is to the false branch. Some exporters leave out what was learned
(sklearn-onnx, of trees and forests).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from stream_scorer.model.features import FeatureMap, TensorMap
from stream_scorer.model.graph import proto_of, read_graph
from stream_scorer.model.opening import open_session
from stream_scorer.model.providers import CPU, Provider
from stream_scorer.model.threads import decide

_OPERATORS = ("TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble")
_TRACKS = "nodes_missing_value_tracks_true"
_SEEN = "stream_scorer_tree_input_{}"


@dataclass(frozen=True, slots=True)
class _Trees:
    """An ensemble without tracks: its operator, its input, the columns that it splits by."""

    operator: str
    input: str
    columns: frozenset[int]


def fed_with_nan(path: Path, features: FeatureMap) -> dict[str, list[str]]:
    """Return the fields whose null reaches a split of trees without tracks, by operator.

    The model itself is asked, on the CPU: an imputer in front of the trees keeps NaN from them.

    Args:
        path: the model file, which a session has read before.
        features: how its inputs are filled.
    """
    places = list(_nan_places(features))
    if not places:
        return {}
    graph = read_graph(path)
    proto = proto_of(graph)
    trees = list(_without_tracks(proto.graph))
    if not trees:
        return {}
    _show_inputs(proto, trees)
    served = replace(graph, rewritten=proto.SerializeToString())
    session = open_session(served, [Provider(CPU)], decide(1, 1), {})
    found: dict[str, list[str]] = {}
    for mapped, index in places:
        row = features.example()
        cells = row[mapped.spec.name].reshape(1, -1)
        cells[0, index if len(mapped.features) > 1 else slice(None)] = np.nan
        try:
            seen = session.run([_SEEN.format(n) for n in range(len(trees))], row)
        except Exception:  # noqa: BLE001, S112 - what fails here is no score, which others judge
            continue
        for each, array in zip(trees, seen, strict=True):
            nan = set(np.flatnonzero(np.isnan(np.atleast_2d(array)).any(axis=0)).tolist())
            paths = found.setdefault(each.operator, [])
            if nan & each.columns and mapped.features[index].path not in paths:
                paths.append(mapped.features[index].path)
    return {operator: paths for operator, paths in found.items() if paths}


def _nan_places(features: FeatureMap) -> Iterator[tuple[TensorMap, int]]:
    for mapped in features.tensor_maps:
        for index, feature in enumerate(mapped.features):
            if isinstance(feature.fill.value, float) and np.isnan(feature.fill.value):
                yield mapped, index


def _without_tracks(graph: Any) -> Iterator[_Trees]:
    for node in graph.node:
        if node.domain == "ai.onnx.ml" and node.op_type in _OPERATORS:
            attributes = {each.name: each for each in node.attribute}
            if _TRACKS not in attributes or not any(attributes[_TRACKS].ints):
                yield _Trees(node.op_type, node.input[0], frozenset(_split_columns(attributes)))


def _split_columns(attributes: dict[str, Any]) -> Iterator[int]:
    columns = attributes["nodes_featureids"].ints
    modes = attributes["nodes_modes"].strings or [b""] * len(columns)  # TreeEnsemble: splits alone
    yield from (column for column, mode in zip(columns, modes, strict=True) if mode != b"LEAF")


def _show_inputs(proto: Any, trees: list[_Trees]) -> None:
    """Make the input of each ensemble an output of the graph."""
    import onnx  # noqa: PLC0415 - the graph was read with it

    if all(each.domain for each in proto.opset_import):
        proto.opset_import.append(onnx.helper.make_opsetid("", 13))
    for number, each in enumerate(trees):
        name = _SEEN.format(number)
        to = onnx.TensorProto.FLOAT
        proto.graph.node.append(onnx.helper.make_node("Cast", [each.input], [name], to=to))
        proto.graph.output.append(onnx.helper.make_tensor_value_info(name, to, None))
