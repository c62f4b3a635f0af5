"""Files of somebody else: a model that points elsewhere, a config that wants to run code."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from stream_scorer.errors import ContractError
from stream_scorer.model.graph import read_graph
from stream_scorer.model.session import load_model
from tests.model.making import value
from tests.scorers import scorer

WEIGHTS = np.array([10.0, 20.0], np.float32)


def weights_at(location: str) -> TensorProto:
    """A tensor whose values stand in another file."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


def as_initializer(location: str) -> onnx.ModelProto:
    """The usual place of weights."""
    return model([helper.make_node("Add", ["x", "w"], ["y"])], initializers=[weights_at(location)])


def as_constant(location: str) -> onnx.ModelProto:
    """Weights in a node."""
    constant = helper.make_node("Constant", [], ["w"], value=weights_at(location))
    return model([constant, helper.make_node("Add", ["x", "w"], ["y"])])


def in_a_function(location: str) -> onnx.ModelProto:
    """Weights in a function of the model's own."""
    opset = helper.make_opsetid("", 18)
    constant = helper.make_node("Constant", [], ["w"], value=weights_at(location))
    body = [constant, helper.make_node("Add", ["x", "w"], ["y"])]
    function = helper.make_function("own", "AddW", ["x"], ["y"], body, [opset])
    return model([helper.make_node("AddW", ["x"], ["y"], domain="own")], functions=[function])


def model(
    nodes: list[onnx.NodeProto],
    initializers: list[TensorProto] | None = None,
    functions: list[onnx.FunctionProto] | None = None,
) -> onnx.ModelProto:
    """A model that adds its weights to ``x``."""
    inputs, outputs = [value("x", "float32", "N", 2)], [value("y", "float32", "N", 2)]
    return helper.make_model(
        helper.make_graph(nodes, "g", inputs, outputs, initializers or []),
        functions=functions or [],
        opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("own", 1)],
        ir_version=9,
    )


PLACES = [as_initializer, as_constant, in_a_function]
Made = Callable[[str], onnx.ModelProto]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for a model, beside a file that is none of its business."""
    made = tmp_path / "models"
    made.mkdir()
    for file in (tmp_path / "secret.bin", made / "weights.bin"):
        file.write_bytes(WEIGHTS.tobytes())
    (made / "linked.bin").symlink_to(tmp_path / "secret.bin")
    return made


@pytest.mark.parametrize("made", PLACES)
@pytest.mark.parametrize(
    "location", ["../secret.bin", "/{}/secret.bin", "linked.bin", "a/../../secret.bin"]
)
def test_a_model_reads_nothing_outside_of_its_own_folder(
    folder: Path, made: Made, location: str
) -> None:
    """Not by steps upwards, not by an absolute path, not by a link; wherever it asks for it."""
    path = folder / "model.onnx"
    path.write_bytes(made(location.replace("/{}", str(folder.parent))).SerializeToString())
    with pytest.raises(ContractError, match=r"'[^']*secret\.bin'|'linked\.bin'") as error:
        read_graph(path)
    assert "outside of its own folder" in str(error.value)
    assert error.value.exit_code == 3


@pytest.mark.parametrize("made", PLACES)
def test_a_model_reads_what_was_delivered_with_it(folder: Path, made: Made) -> None:
    """And its fingerprint covers that."""
    path = folder / "model.onnx"
    path.write_bytes(made("weights.bin").SerializeToString())
    arrays = load_model(path).run({"x": np.zeros((1, 2), np.float32)}, ["y"])
    assert arrays["y"].tolist() == [[10.0, 20.0]]
    assert read_graph(path).size_bytes == path.stat().st_size + WEIGHTS.nbytes


def test_a_model_whose_files_are_links_into_a_store_is_served(folder: Path, tmp_path: Path) -> None:
    """As a mounted ConfigMap and a model hub's cache have them."""
    store, shown = folder, tmp_path / "shown"
    shown.mkdir()
    (store / "model.onnx").write_bytes(as_initializer("weights.bin").SerializeToString())
    for name in ("model.onnx", "weights.bin"):
        (shown / name).symlink_to(store / name)
    assert read_graph(shown / "model.onnx").sha256 == read_graph(store / "model.onnx").sha256


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system ['touch {}']",
        "!!python/name:os.system",
        "!!python/object/new:os.system {{args: ['touch {}']}}",
    ],
)
def test_a_config_runs_no_code(tmp_path: Path, tag: str) -> None:
    """A tag is refused in a sentence, exit 2."""
    config, touched = scorer(tmp_path), tmp_path / "touched"
    config.write_text(f"{config.read_text()}\nlogging: {tag.format(touched)}\n")
    ran = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-m", "stream_scorer", "check", "-c", str(config), "--offline"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert "YAML tags are not supported" in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    assert not touched.exists()
