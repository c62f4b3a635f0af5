"""From a configuration file to scores in NumPy, and to what is wrong with which event."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest
import yaml

import stream_scorer
from stream_scorer import ConfigError, ContractError, Reason, Stage, load
from tests.model.making import passing
from tests.scorers import EVENT, event, scorer

GOLDEN = Path(__file__).parents[1] / "golden"
BUNDLES = sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())


@pytest.fixture(autouse=True)
def _in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def record(number: int, a: float = 1.0, b: float = 2.0) -> dict[str, Any]:
    """One event as a record."""
    return {"event_id": f"e{number}", "a": a, "b": b}


def value(number: int, a: float = 1.0, b: float = 2.0) -> bytes:
    """The same as bytes without framing."""
    written = io.BytesIO()
    fastavro.schemaless_writer(written, fastavro.parse_schema(dict(EVENT)), record(number, a, b))
    return written.getvalue()


def test_a_pipeline_says_what_it_reads_and_what_it_writes(tmp_path: Path) -> None:
    """Model, fields, and the schema of the scored event."""
    path = scorer(tmp_path, {"model": {"version": "7"}})
    with load(path) as pipeline:
        assert set(pipeline.input_fields) == {"a", "b", "event_id"}
        assert (pipeline.model.version, pipeline.model.providers) == (
            "7",
            ("CPUExecutionProvider",),
        )
        assert len(pipeline.model.sha256) == len("0" * 64)
        fields = [each["name"] for each in pipeline.output_schema["fields"]]
        assert fields[:2] == ["event_id", "score"]


def test_records_and_their_bytes_have_the_same_scores(tmp_path: Path) -> None:
    """Row by row, with the model's own dtype and axes."""
    with load(scorer(tmp_path)) as pipeline:
        of_records = pipeline.score([record(number, number, 0.5) for number in range(5)])
        of_values = pipeline.score([value(number, number, 0.5) for number in range(5)])
    assert of_records.rows.tolist() == of_values.rows.tolist() == list(range(5))
    wanted = np.array([[number, 0.5] for number in range(5)], np.float32)
    for scores in (of_records, of_values):
        assert scores.columns["score"].dtype == np.float32
        np.testing.assert_array_equal(scores.columns["score"], wanted)
        assert scores.problems == {}
        assert len(scores) == 5


def test_the_values_are_scored_events_of_the_output_schema(tmp_path: Path) -> None:
    """As a reader of the topic gets them, without framing."""
    with load(scorer(tmp_path)) as pipeline:
        scores = pipeline.score([record(0), record(1)])
        schema = fastavro.parse_schema(pipeline.output_schema)
    read = [fastavro.schemaless_reader(io.BytesIO(each), schema, None) for each in scores.values]
    assert [(each["event_id"], each["source"]["offset"]) for each in read] == [("e0", 0), ("e1", 1)]


def test_one_bad_event_does_not_cost_its_neighbours(tmp_path: Path) -> None:
    """Bytes that are no event, a tombstone, an empty value: a problem each."""
    with load(scorer(tmp_path)) as pipeline:
        scores = pipeline.score([value(0), b"\xff", None, b"", value(4)])
    assert scores.rows.tolist() == [0, 4]
    assert len(scores.columns["score"]) == len(scores.values) == 2
    assert {row: problem.reason for row, problem in scores.problems.items()} == {
        1: Reason.UNDECODABLE,
        2: Reason.TOMBSTONE,
        3: Reason.UNDECODABLE,
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"event_id": "e", "a": 1.0},
        {"event_id": "e", "a": 1.0, "b": None},
        {"event_id": "e", "a": 1.0, "b": 2.0, "bb": 2.0},
        {"event_id": 7, "a": 1.0, "b": 2.0},
    ],
    ids=["a field is missing", "null", "an unknown name", "another type"],
)
def test_a_record_that_the_schema_can_not_have_is_a_problem_of_its_row(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    """It says that it is the record; the others are scored."""
    with load(scorer(tmp_path)) as pipeline:
        scores = pipeline.score([record(0), wrong, record(2)])
    assert scores.rows.tolist() == [0, 2]
    [(row, problem)] = scores.problems.items()
    assert (row, problem.reason, problem.stage) == (1, Reason.UNDECODABLE, Stage.DECODE)
    assert problem.message.startswith("the record can't be written in the reader's schema: ")


def test_nothing_to_score_is_no_scores(tmp_path: Path) -> None:
    """With the columns all the same."""
    with load(scorer(tmp_path)) as pipeline:
        nothing: list[list[Any]] = [[], [None], [{}]]
        for events in nothing:
            scores = pipeline.score(events)
            assert len(scores) == len(scores.columns["score"]) == 0


def test_a_forwarded_tombstone_has_neither_score_nor_problem(tmp_path: Path) -> None:
    """There is nothing to say of it."""
    with load(scorer(tmp_path, {"output": {"tombstones": "forward"}})) as pipeline:
        scores = pipeline.score([value(0), None, value(2)])
    assert scores.rows.tolist() == [0, 2]
    assert scores.problems == {}


def test_records_and_values_are_not_mixed(tmp_path: Path) -> None:
    """It is a mistake of the caller."""
    mixed: list[Any] = [record(0), value(1)]
    with load(scorer(tmp_path)) as pipeline, pytest.raises(TypeError, match="of their own"):
        pipeline.score(mixed)


def test_values_are_framed_as_configured_and_records_are_not(tmp_path: Path) -> None:
    """The same configuration as the worker's."""
    path = scorer(tmp_path, {"schemas": {"framing": "single_object"}})
    with load(path) as pipeline:
        framed = b"\xc3\x01" + pipeline.contract.reader.fingerprint + value(0, 3.0)
        scores = pipeline.score([framed, value(1)])
        assert (scores.columns["score"][0].tolist(), scores.rows.tolist()) == ([3.0, 2.0], [0])
        assert scores.problems[1].reason == Reason.NO_SCHEMA
        assert pipeline.score([record(0)]).rows.tolist() == [0]


def test_more_events_than_a_batch_are_scored(tmp_path: Path) -> None:
    """The model is called in calls of batching.max_records."""
    with load(scorer(tmp_path, {"batching": {"max_records": 7}})) as pipeline:
        scores = pipeline.score([record(number, number) for number in range(100)])
    assert scores.columns["score"][:, 0].tolist() == list(range(100))


@pytest.mark.parametrize("name", BUNDLES)
def test_scores_are_what_the_training_library_says(tmp_path: Path, name: str) -> None:
    """Of every output of every event, with the axes that the library gives it."""
    bundle = GOLDEN / name
    facts: Any = json.loads((bundle / "bundle.json").read_text())
    config = {
        "schemas": {"framing": "none", "reader": str(bundle / "event.avsc")},
        "model": {"path": str(bundle / "model.onnx"), "inputs": facts["inputs"]},
    }
    path = tmp_path / "scorer.yaml"
    path.write_text(yaml.safe_dump(config))
    with (bundle / "events.avro").open("rb") as file:
        events = list(fastavro.reader(file))
    with load(path) as pipeline:
        scores = pipeline.score(events)
        fields = pipeline.contract.outputs.picks
    assert scores.problems == {}
    with np.load(bundle / "expected.npz") as expected:
        for pick in fields:
            wanted = expected[pick.selector.output]
            found = scores.columns[pick.field.name]
            np.testing.assert_allclose(
                found.reshape(wanted.shape), wanted, rtol=0, atol=facts["atol"]
            )


def test_texts_come_as_python_has_them(tmp_path: Path) -> None:
    """``str`` in an object array."""
    schema = event({"name": "word", "type": "string"})
    (tmp_path / "event.avsc").write_text(json.dumps(schema))
    passing(tmp_path / "model.onnx", "string", None, 1)
    path = scorer(tmp_path, {"model": {"inputs": {"x": ["word"]}}})
    with load(path) as pipeline:
        scores = pipeline.score([{**record(0), "word": "é"}, {**record(1), "word": ""}])
    [column] = scores.columns.values()
    assert (column.dtype, column.tolist()) == (np.dtype(object), ["é", ""])


# ---------------------------------------------------------------------- what is wrong with a file


def test_a_mistake_in_the_file_is_one_sentence(tmp_path: Path) -> None:
    """As on the command line."""
    with pytest.raises(ConfigError, match=r"batching\.max_record"):
        load(scorer(tmp_path, {"batching": {"max_record": 7}}))


def test_a_setting_may_be_given_in_python(tmp_path: Path) -> None:
    """As --set takes it."""
    with load(scorer(tmp_path), overrides=["model.version=9"]) as pipeline:
        assert pipeline.model.version == "9"


def test_a_model_that_does_not_fit_is_a_contract_error(tmp_path: Path) -> None:
    """Before any event."""
    with pytest.raises(ContractError, match="nosuch"):
        load(str(scorer(tmp_path, {"model": {"inputs": {"x": ["a", "nosuch"]}}})))


def test_a_schema_that_fastavro_does_not_take_scores_bytes_alone(tmp_path: Path) -> None:
    """The specification says to ignore such a logical type, and fastavro refuses it."""
    decimal = {"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 9}
    (tmp_path / "event.avsc").write_text(json.dumps(event({"name": "d", "type": decimal})))
    with load(scorer(tmp_path)) as pipeline:
        assert pipeline.score([value(0) + b"\x00"]).rows.tolist() == [0]
        with pytest.raises(ContractError, match="Score the events' bytes"):
            pipeline.score([record(0)])


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="no attribute 'Nosuch'"):
        stream_scorer.Nosuch  # noqa: B018
