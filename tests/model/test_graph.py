"""The model file: its fingerprint, its ZipMaps, its external data."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from stream_scorer.errors import ContractError
from stream_scorer.model.graph import read_graph
from stream_scorer.model.session import load_model
from tests.model.making import passing, value, write_model

WEIGHTS = np.arange(6, dtype=np.float32).reshape(3, 2)


def maps_of(name: str, key: int) -> onnx.ValueInfoProto:
    """Return an output that is a sequence of maps, as a ZipMap makes it."""
    inner = helper.make_map_type_proto(key, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    return helper.make_value_info(name, helper.make_sequence_type_proto(inner))


def zipmap(labels: list[str] | list[int], source: str = "p", name: str = "z") -> onnx.NodeProto:
    """Return a ZipMap with those classes."""
    kind = "classlabels_strings" if isinstance(labels[0], str) else "classlabels_int64s"
    return helper.make_node("ZipMap", [source], [name], domain="ai.onnx.ml", **{kind: labels})


def classifier(path: Path, labels: list[str] | list[int]) -> Path:
    """Write a model of a matrix product and a ZipMap."""
    key = TensorProto.STRING if isinstance(labels[0], str) else TensorProto.INT64
    nodes = [helper.make_node("MatMul", ["x", "w"], ["p"]), zipmap(labels)]
    weights = numpy_helper.from_array(WEIGHTS, "w")
    return write_model(
        path, nodes, [value("x", "float32", "N", 3)], [maps_of("z", key)], initializers=[weights]
    )


def with_external_data(path: Path) -> Path:
    """Move the weights of a model into a file beside it."""
    model = onnx.load(path)
    onnx.save_model(
        model, path, save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    return path


@pytest.mark.parametrize("labels", [["refuse", "approve"], [7, -3]])
def test_a_zipmap_becomes_a_tensor_and_its_class_names_stay(
    tmp_path: Path, labels: list[str] | list[int]
) -> None:
    """Row by class in the order of the labels, instead of one dict a row."""
    model = load_model(classifier(tmp_path / "m.onnx", labels))

    arrays = model.run({"x": np.eye(3, dtype=np.float32)}, ["z"])

    assert model.outputs[0].classes == tuple(labels)
    assert model.outputs[0].shape == (None, 2)
    np.testing.assert_array_equal(arrays["z"], WEIGHTS)


def test_every_zipmap_of_a_model_is_taken_out(tmp_path: Path) -> None:
    """A model with two targets has two of them, and may give the plain tensor as well."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["p"]),
        zipmap(["a", "b"], name="first"),
        zipmap([0, 1], name="second"),
    ]
    outputs = [
        value("p", "float32", "N", 2),
        maps_of("first", TensorProto.STRING),
        maps_of("second", TensorProto.INT64),
    ]
    weights = numpy_helper.from_array(WEIGHTS, "w")
    path = write_model(
        tmp_path / "m.onnx", nodes, [value("x", "float32", "N", 3)], outputs, initializers=[weights]
    )

    model = load_model(path)

    assert [spec.classes for spec in model.outputs] == [None, ("a", "b"), (0, 1)]
    arrays = model.run({"x": np.eye(3, dtype=np.float32)}, ["p", "first", "second"])
    for array in arrays.values():
        np.testing.assert_array_equal(array, WEIGHTS)


def test_a_rewritten_model_finds_its_external_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the process stands: the folder is the model's own."""
    path = with_external_data(classifier(tmp_path / "m.onnx", ["no", "yes"]))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    arrays = load_model(path).run({"x": np.eye(3, dtype=np.float32)}, ["z"])

    np.testing.assert_array_equal(arrays["z"], WEIGHTS)


def test_a_model_without_zipmap_is_served_from_its_file(tmp_path: Path) -> None:
    """Nothing is rewritten that needs no rewriting."""
    graph = read_graph(passing(tmp_path / "m.onnx", "float32", None, 2))

    assert graph.rewritten is None


def test_the_fingerprint_is_what_sha256sum_prints(tmp_path: Path) -> None:
    """The file's own bytes, though a ZipMap was taken out."""
    path = classifier(tmp_path / "m.onnx", ["no", "yes"])

    graph = read_graph(path)

    assert graph.rewritten is not None
    assert graph.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert graph.size_bytes == path.stat().st_size


def test_the_fingerprint_covers_external_data(tmp_path: Path) -> None:
    """Other weights are another model, even if the graph is the same."""
    path = with_external_data(classifier(tmp_path / "m.onnx", ["no", "yes"]))
    weights = tmp_path / "weights.bin"
    both = path.read_bytes() + weights.read_bytes()
    before = read_graph(path)

    weights.write_bytes(bytes(len(weights.read_bytes())))

    assert before.sha256 == hashlib.sha256(both).hexdigest()
    assert before.size_bytes == len(both)
    assert read_graph(path).sha256 != before.sha256


def test_missing_external_data_is_named(tmp_path: Path) -> None:
    """Models are copied without their second file."""
    path = with_external_data(classifier(tmp_path / "m.onnx", ["no", "yes"]))
    (tmp_path / "weights.bin").unlink()

    with pytest.raises(ContractError, match=r"keeps weights in 'weights\.bin'.*same folder"):
        read_graph(path)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's right to read everything."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_model_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    """The file, or its folder, is another user's."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    private, shut = passing(tmp_path / "m.onnx", "float32", None, 2), tmp_path / "shut"
    private.chmod(0)
    shut.mkdir(mode=0)
    for path in (private, shut / "m.onnx"):
        with as_nobody(), pytest.raises(ContractError) as refused:
            read_graph(path)
        assert str(refused.value) == f"The model '{path}' can't be read: Permission denied."


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (b"x" * 300, "can't be read: File name too long"),
        (b"loop", "can't be read: Too many levels of symbolic links"),
        (b"m.onnx/x", "There is no model"),
        (b"\xff.onnx", "is not UTF-8"),
    ],
)
def test_a_path_that_leads_nowhere_is_one_sentence(tmp_path: Path, name: bytes, why: str) -> None:
    """Nor does one that ONNX Runtime can't be given."""
    passing(tmp_path / "m.onnx", "float32", None, 2)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    if "UTF-8" in why:
        path.write_bytes(b"any")
    with pytest.raises(ContractError, match=why):
        load_model(path)
