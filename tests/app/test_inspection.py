"""``inspect``: what is in a model file, and what the scorer makes of it."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import helper

from stream_scorer.app.inspection import Inspection, inspect_model
from stream_scorer.errors import ContractError
from tests.model.making import passing, value, write_model

GOLDEN = Path(__file__).parents[1] / "golden"


def rows(inspection: Inspection, title: str) -> list[tuple[str, ...]]:
    """The rows of the table whose title begins so."""
    (table,) = (each for each in inspection.tables if each.title.startswith(title))
    assert all(len(row) == len(table.columns or row) for row in table.rows)
    return list(table.rows)


def test_a_pipeline_is_shown_from_its_file_to_the_scored_event() -> None:
    """The ZipMap is what the graph has, an array with classes is what the event gets."""
    inspection = inspect_model(GOLDEN / "sklearn_fraud_pipeline" / "model.onnx")
    assert inspection.refusal is None
    assert ("producer", "skl2onnx 1.20.0") in rows(inspection, "Model")
    assert ("channel", "string", "[?, 1]", "0") in rows(inspection, "Inputs in the graph")
    assert ("output_probability", "sequence", "", "") in rows(inspection, "Outputs in the graph")
    assert ("ai.onnx.ml.OneHotEncoder", "2") in rows(inspection, "Operators")
    assert ("channel", "1 text or enum field") in rows(inspection, "What fills")
    assert rows(inspection, "What the scored event gets") == [
        ("output_label", "long", "", "output_label"),
        ("output_probability", "array of float", "0, 1", "output_probability"),
    ]


def test_names_that_avro_does_not_allow_are_shown_with_the_legal_ones() -> None:
    """As they would stand in the scored event."""
    inspection = inspect_model(GOLDEN / "keras_iot_two_outputs" / "model.onnx")
    fields = [(row[0], row[3]) for row in rows(inspection, "What the scored event gets")]
    assert fields == [("output_43", "43"), ("output_35", "35")]


@pytest.mark.parametrize(
    ("row", "takes"),
    [
        ((), "1 number field"),
        ((1,), "1 number field"),
        ((3,), "3 number fields in order, or one array field of that length"),
        ((None,), "any number of number fields in order, or one array field of that length"),
        ((28, 28), "one field of arrays within arrays, 28 x 28 numbers"),
    ],
)
def test_what_fills_an_input_is_said_by_its_shape(
    tmp_path: Path, row: tuple[int | None, ...], takes: str
) -> None:
    """In the words of model.inputs."""
    path = passing(tmp_path / "m.onnx", "float32", None, *row)
    assert rows(inspect_model(path), "What fills") == [("x", takes)]


def test_metadata_is_shown_where_there_is_any() -> None:
    """As the trainer left it."""
    demo = Path(__file__).parents[2] / "stream_scorer" / "demo" / "models" / "card_fraud.onnx"
    listed = {row[0]: row[1] for row in rows(inspect_model(demo), "Metadata")}
    assert listed["features"].startswith("amount,usual_amount,")


def test_long_metadata_is_cut_to_a_line(tmp_path: Path) -> None:
    """CatBoost keeps all its parameters there, over many lines; how long it is is said."""
    path = passing(tmp_path / "m.onnx", "float32", None, 2)
    model = onnx.load(path)
    helper.set_model_props(model, {"model_params": '{"depth": 6,\n' * 400, "note": "ours\t!"})
    onnx.save(model, path)
    listed = {row[0]: row[1] for row in rows(inspect_model(path), "Metadata")}
    assert listed["note"] == "ours !"
    assert listed["model_params"].startswith('{"depth": 6, {"depth": 6, ')
    assert listed["model_params"].endswith("… (5,200 characters)")
    assert len(listed["model_params"]) < 500


def test_a_model_that_can_not_be_served_is_shown_all_the_same(tmp_path: Path) -> None:
    """With the reason why not."""
    node = helper.make_node("Nonsense", ["x"], ["y"], domain="com.example")
    path = write_model(
        tmp_path / "m.onnx",
        [node],
        [value("x", "float32", None, 2)],
        [value("y", "float32", None, 2)],
    )
    inspection = inspect_model(path)
    assert ("com.example.Nonsense", "1") in rows(inspection, "Operators")
    assert isinstance(inspection.refusal, ContractError)
    assert "Nonsense" in str(inspection.refusal)


@pytest.mark.parametrize("content", [b"", b"not a model at all", None])
def test_what_is_no_model_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """Empty, of another kind, or not there."""
    path = tmp_path / "m.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ContractError, match=r"m\.onnx"):
        inspect_model(path)


@pytest.mark.parametrize("name", ["m.json", "m.textproto", "m.txt", "m"])
def test_a_model_is_one_whatever_its_name_ends_with(tmp_path: Path, name: str) -> None:
    """The file is read as ONNX Runtime reads it."""
    path = passing(tmp_path / "m.onnx", "float32", None, 2).rename(tmp_path / name)
    assert inspect_model(path).refusal is None
    path.write_text('{"irVersion": "8"}')
    with pytest.raises(ContractError, match="not an ONNX model"):
        inspect_model(path)


def test_no_text_of_a_model_breaks_a_line_or_steers_a_terminal(tmp_path: Path) -> None:
    """Names of tensors and operators are its author's, too."""
    name, far = "a\nb\t\x1b[31mc", "x" * 5000
    node = helper.make_node("Identity", [name], [far])
    path = write_model(
        tmp_path / "m.onnx",
        [node],
        [value(name, "float32", None, 2)],
        [value(far, "float32", None, 2)],
    )
    cells = [cell for table in inspect_model(path).tables for row in table.rows for cell in row]
    assert all(cell.isprintable() and len(cell) < 500 for cell in cells)
    assert "a b \N{REPLACEMENT CHARACTER}[31mc" in cells
