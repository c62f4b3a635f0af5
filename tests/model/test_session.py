"""Loading a model, running it, ending it, and what is said of a model that can't be served."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from stream_scorer.errors import Broken, ConfigError, ContractError, Terminated
from stream_scorer.model.session import InferenceError, Model, load_model
from tests.model.making import ELEMENTS, passing, value, write_model


def node(operator: str, *, domain: str = "", **attributes: Any) -> onnx.NodeProto:
    """Return a node from x to y."""
    return helper.make_node(operator, ["x"], ["y"], domain=domain, **attributes)


def one_node(path: Path, made: onnx.NodeProto, **more: Any) -> Path:
    """Write a model of that node, from three floats to three floats."""
    return write_model(
        path, [made], [value("x", "float32", "N", 3)], [value("y", "float32", "N", 3)], **more
    )


@pytest.mark.parametrize("dtype", sorted(ELEMENTS))
def test_every_dtype_goes_in_and_comes_out(tmp_path: Path, dtype: str) -> None:
    """Floats of three sizes, all integers, booleans and text."""
    model = load_model(passing(tmp_path / "m.onnx", dtype, "N", 2))
    kind = object if dtype == "string" else dtype
    rows = np.array([["1", "0"], ["0", "é"]] if dtype == "string" else [[1, 0], [0, 1]], dtype=kind)

    arrays = model.run({"x": rows}, ["y"])

    assert str(model.inputs[0].dtype) == str(model.outputs[0].dtype) == dtype
    assert arrays["y"].dtype == np.dtype(kind)
    assert arrays["y"].tolist() == rows.tolist()


def test_only_the_wanted_outputs_are_handed_out(tmp_path: Path) -> None:
    """In the order in which they are asked for."""
    nodes = [helper.make_node("Identity", ["x"], [name]) for name in ("a", "b", "c")]
    path = write_model(
        tmp_path / "m.onnx",
        nodes,
        [value("x", "float32", "N", 1)],
        [value(name, "float32", "N", 1) for name in ("a", "b", "c")],
    )

    arrays = load_model(path).run({"x": np.ones((2, 1), np.float32)}, ["c", "a"])

    assert list(arrays) == ["c", "a"]


@pytest.mark.parametrize("shape", [None, ("rows", "columns")])
def test_axes_that_the_graph_leaves_open_are_learned(tmp_path: Path, shape: Any) -> None:
    """Older converters declare no shape, or only symbols."""
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)
    path = write_model(
        tmp_path / "m.onnx", [node("Relu")], [value("x", "float32", "N", 3)], [output]
    )

    assert load_model(path).outputs[0].shape == (None, 3)


def test_an_input_of_open_width_is_learned_from_examples(tmp_path: Path) -> None:
    """The graph doesn't say how wide a row is, the mapping does."""
    model = load_model(passing(tmp_path / "m.onnx", "float32", None, None))

    before = model.outputs[0].shape
    assert model.learn({"x": np.zeros((1, 5), np.float32)})
    assert [before, model.outputs[0].shape] == [(None, None), (None, 5)]


def test_an_output_that_does_not_follow_the_rows_is_told(tmp_path: Path) -> None:
    """A mean over the batch is no score of an event."""
    path = one_node(tmp_path / "m.onnx", node("ReduceMean", keepdims=1))

    assert load_model(path).outputs[0].shape == (1, 1)


def test_examples_that_the_model_refuses_teach_nothing(tmp_path: Path) -> None:
    """A guess may well be wrong; what was learned before stays."""
    model = load_model(passing(tmp_path / "m.onnx", "float32", None, 2))

    assert not model.learn({"x": np.zeros((1, 7), np.float32)})
    assert model.outputs[0].shape == (None, 2)
    model.probe()


def test_a_batch_axis_of_one_is_scored_row_by_row(tmp_path: Path) -> None:
    """Slow, but right."""
    model = load_model(passing(tmp_path / "m.onnx", "float32", 1, 2))
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)

    assert model.one_row_at_a_time
    np.testing.assert_array_equal(model.run({"x": rows}, ["y"])["y"], rows)


def test_no_rows_need_no_call(tmp_path: Path) -> None:
    """All events of a batch may be dead letters."""
    model = load_model(passing(tmp_path / "m.onnx", "float32", "N", 2))

    assert model.run({"x": np.zeros((0, 2), np.float32)}, ["y"])["y"].shape == (0, 2)


def test_an_output_with_too_few_rows_is_a_failure(tmp_path: Path) -> None:
    """Scores would be given to the wrong events."""
    nodes = [helper.make_node("Compress", ["x", "keep"], ["y"], axis=0)]
    path = write_model(
        tmp_path / "m.onnx",
        nodes,
        [value("x", "float32", "N", 1)],
        [value("y", "float32", "M", 1)],
        initializers=[numpy_helper.from_array(np.array([True]), "keep")],
    )

    with pytest.raises(InferenceError, match=r"'y' has shape \[1, 1\] for 2 rows"):
        load_model(path).run({"x": np.zeros((2, 1), np.float32)}, ["y"])


# ------------------------------------------------------------------ probe, warm-up, termination


class BrokenDevice:
    """A session whose device has gone; what ONNX Runtime raises then has no type of its own."""

    def run(self, *_: Any) -> None:
        """Fails as a lost device does."""
        raise RuntimeError("CUDA failure 719: unspecified launch failure")


def test_a_device_that_fails_on_the_probe_row_is_broken(tmp_path: Path) -> None:
    """A row that was scored before can't be the reason."""
    model = load_model(passing(tmp_path / "m.onnx", "float32", "N", 2), name="fraud")
    model._session = BrokenDevice()

    with pytest.raises(Broken, match=r"'fraud' fails on a row that it scored.*CUDA failure 719"):
        model.probe()


def test_warming_up_runs_as_many_rows_as_a_batch_has(tmp_path: Path) -> None:
    """A model that can't take them says so before the first event."""
    path = write_model(
        tmp_path / "m.onnx",
        [
            helper.make_node("Shape", ["x"], ["rows"], end=1),
            helper.make_node("Gather", ["room", "rows"], ["some"]),
            helper.make_node("Add", ["x", "some"], ["y"]),
        ],
        [value("x", "float32", "N", 1)],
        [value("y", "float32", "N", 1)],
        initializers=[numpy_helper.from_array(np.zeros(64, np.float32), "room")],
    )
    model = load_model(path)

    model.warm_up(63)
    with pytest.raises(InferenceError, match="idx=64"):
        model.warm_up(64)


def test_a_batch_of_one_that_is_baked_into_the_graph_is_found(tmp_path: Path) -> None:
    """The axis is declared open, but a Reshape says one row: slow, but right."""
    path = write_model(
        tmp_path / "m.onnx",
        [helper.make_node("Reshape", ["x", "shape"], ["y"])],
        [value("x", "float32", "N", 2)],
        [value("y", "float32", "N", 2)],
        initializers=[numpy_helper.from_array(np.array([1, 2]), "shape")],
    )
    rows = np.arange(10, dtype=np.float32).reshape(5, 2)

    model = load_model(path)

    assert model.one_row_at_a_time
    np.testing.assert_array_equal(model.run({"x": rows}, ["y"])["y"], rows)


def test_an_output_that_is_no_row_does_not_make_the_device_look_broken(tmp_path: Path) -> None:
    """It is left out of the probe, as it is left out of the scored event."""
    path = write_model(
        tmp_path / "m.onnx",
        [node("Identity"), helper.make_node("Identity", ["table"], ["weights"])],
        [value("x", "float32", "N", 2)],
        [value("y", "float32", "N", 2), value("weights", "float32", 7)],
        initializers=[numpy_helper.from_array(np.ones(7, np.float32), "table")],
    )

    model = load_model(path)

    assert model.outputs[1].shape == (7,)
    model.probe()
    model.warm_up(4)


def endless(path: Path) -> Model:
    """Load a model whose loop does not end in this lifetime for a positive number of rounds."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["still_going"]),
            helper.make_node("Add", ["sum", "one"], ["next_sum"]),
        ],
        "body",
        [
            value("round", "int64"),
            value("going", "bool"),
            value("sum", "float32", "N", 1),
        ],
        [value("still_going", "bool"), value("next_sum", "float32", "N", 1)],
        [numpy_helper.from_array(np.ones((1, 1), np.float32), "one")],
    )
    nodes = [
        helper.make_node("ReduceMax", ["rounds"], ["most"], keepdims=0),
        helper.make_node("Loop", ["most", "", "start"], ["y"], body=body),
    ]
    return load_model(
        write_model(
            path,
            nodes,
            [value("rounds", "int64", "N", 1), value("start", "float32", "N", 1)],
            [value("y", "float32", "N", 1)],
        )
    )


def test_a_running_inference_is_ended_from_another_thread(tmp_path: Path) -> None:
    """A stop can't wait for a call that takes hours."""
    model = endless(tmp_path / "m.onnx")
    rows = {"rounds": np.array([[1 << 50]]), "start": np.zeros((1, 1), np.float32)}
    timer = threading.Timer(0.05, model.terminate)
    timer.start()

    with pytest.raises(Terminated):
        model.run(rows, ["y"])
    timer.join()


def test_what_was_terminated_stays_so(tmp_path: Path) -> None:
    """A stop between two calls ends the next one, so that there is no race to lose."""
    model = load_model(passing(tmp_path / "m.onnx", "float32", "N", 2))
    model.terminate()

    with pytest.raises(Terminated):
        model.run({"x": np.zeros((1, 2), np.float32)}, ["y"])


# ------------------------------------------------------------------ models that can't be served


def write(path: Path, content: bytes) -> Path:
    """Write a file."""
    path.write_bytes(content)
    return path


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    """With the setting that names it."""
    with pytest.raises(ContractError, match=r"no model at '.*absent\.onnx': correct model\.path"):
        load_model(tmp_path / "absent.onnx")


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    """A volume that is mounted one level too high."""
    with pytest.raises(ContractError, match="is not a file"):
        load_model(tmp_path)


def test_an_empty_file_is_no_model(tmp_path: Path) -> None:
    """A copy that failed."""
    with pytest.raises(ContractError, match=r"is empty \(0 bytes\)"):
        load_model(write(tmp_path / "m.onnx", b""))


def test_a_truncated_model_says_so(tmp_path: Path) -> None:
    """Half of a copy."""
    whole = passing(tmp_path / "whole.onnx", "float32", "N", 2).read_bytes()

    with pytest.raises(ContractError, match="not an ONNX model, or is cut off"):
        load_model(write(tmp_path / "m.onnx", whole[: len(whole) // 2]))


@pytest.mark.parametrize("content", [b"hello\n", b'{"a": 1}', bytes(64), b"ZipMap and location"])
def test_another_format_says_so(tmp_path: Path, content: bytes) -> None:
    """A pickle, a JSON, anything."""
    with pytest.raises(ContractError, match="not an ONNX model"):
        load_model(write(tmp_path / "m.onnx", content))


def test_a_newer_ir_version_is_named(tmp_path: Path) -> None:
    """With the newest that this ONNX Runtime reads."""
    path = one_node(tmp_path / "m.onnx", node("Relu"), ir_version=99)

    with pytest.raises(ContractError, match=r"IR version 99, and ONNX Runtime \S+ reads up to \d+"):
        load_model(path)


def test_a_newer_opset_is_named(tmp_path: Path) -> None:
    """With the newest that this ONNX Runtime knows."""
    path = one_node(tmp_path / "m.onnx", node("Relu"), opset=99)

    with pytest.raises(ContractError, match=r"opset 99 of ai\.onnx, and .* knows up to \d+"):
        load_model(path)


def test_an_unknown_operator_is_named(tmp_path: Path) -> None:
    """One of the standard domain that doesn't exist in that opset."""
    with pytest.raises(ContractError, match=r"operator Frobnicate, .* does not have in opset 18"):
        load_model(one_node(tmp_path / "m.onnx", node("Frobnicate")))


def test_an_operator_of_another_domain_is_named(tmp_path: Path) -> None:
    """A custom operator whose library isn't there."""
    path = one_node(tmp_path / "m.onnx", node("Frobnicate", domain="com.example"))
    model = onnx.load(path)
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    onnx.save(model, path)

    with pytest.raises(ContractError, match=r"operator com\.example:Frobnicate.*custom operators"):
        load_model(path)


def test_a_type_without_kernel_is_named(tmp_path: Path) -> None:
    """The operator is known, but not for float64 on a CPU."""
    path = write_model(
        tmp_path / "m.onnx",
        [node("Acosh")],
        [value("x", "float64", "N", 3)],
        [value("y", "float64", "N", 3)],
    )

    with pytest.raises(ContractError, match=r"operator Acosh \(opset 9\) with types"):
        load_model(path)


def test_a_fixed_batch_axis_other_than_one_is_refused(tmp_path: Path) -> None:
    """Batches have any number of rows."""
    with pytest.raises(ContractError, match=r"'x' \(float32 \[32, 2\]\) takes exactly 32 rows"):
        load_model(passing(tmp_path / "m.onnx", "float32", 32, 2))


def test_an_input_without_batch_axis_is_refused(tmp_path: Path) -> None:
    """A threshold as an input, say."""
    with pytest.raises(ContractError, match="'x' has no batch axis"):
        load_model(passing(tmp_path / "m.onnx", "float32"))


def test_a_model_without_input_is_refused(tmp_path: Path) -> None:
    """A constant is no score."""
    constant = helper.make_node("Constant", [], ["y"], value_floats=[1.0])
    path = write_model(tmp_path / "m.onnx", [constant], [], [value("y", "float32", 1)])

    with pytest.raises(ContractError, match="takes no input"):
        load_model(path)


def test_an_input_that_no_field_can_fill_is_refused(tmp_path: Path) -> None:
    """A complex number, a sequence, an optional."""
    path = tmp_path / "m.onnx"
    typed = helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, None)
    length = helper.make_node("SequenceLength", ["x"], ["y"])
    write_model(path, [length], [typed], [value("y", "int64")])

    with pytest.raises(ContractError, match=r"'x' is a seq\(tensor\(float\)\).*no field can fill"):
        load_model(path)


# ------------------------------------------------------------------ session entries, providers


def test_session_entries_reach_onnx_runtime(tmp_path: Path) -> None:
    """This one is checked by ONNX Runtime itself, which complains of the value."""
    path = passing(tmp_path / "m.onnx", "float32", "N", 2)

    with pytest.raises(ContractError, match="Processor id must consist of only digits"):
        load_model(
            path, intra_op_threads=2, session={"session.intra_op_thread_affinities": "first"}
        )


@pytest.mark.parametrize("arena", [True, False])
def test_the_arena_is_onnx_runtime_s_unless_it_is_switched_off(
    tmp_path: Path, *, arena: bool
) -> None:
    """The scores are the same; the session says what it was told."""
    model = load_model(one_node(tmp_path / "m.onnx", node("Neg")), enable_cpu_mem_arena=arena)
    assert model._session.get_session_options().enable_cpu_mem_arena is arena
    rows = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(model.run({"x": rows}, ["y"])["y"], -rows)


def test_an_entry_that_is_no_entry_is_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    """ONNX Runtime bounds the length of a key."""
    path = passing(tmp_path / "m.onnx", "float32", "N", 2)

    with pytest.raises(ConfigError, match=r"model\.session.*'kkk"):
        load_model(path, session={"k" * 2000: "1"})


def test_metadata_and_provider_are_there_to_be_shown(tmp_path: Path) -> None:
    """The exporter's notes, and what the model runs on."""
    path = passing(tmp_path / "m.onnx", "float32", "N", 2)
    proto = onnx.load(path)
    helper.set_model_props(proto, {"features": "a,b"})
    onnx.save(proto, path)

    model = load_model(path, name="fraud", version="7")

    assert model.metadata == {"features": "a,b"}
    assert model.providers_in_use == ("CPUExecutionProvider",)
    assert (model.name, model.version) == ("fraud", "7")
