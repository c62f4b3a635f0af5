"""Copied fields from file to file: what comes out of ``score`` is what went in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fastavro
import pytest

from stream_scorer.cli.main import main
from tests.scorers import event, scorer

CREATED = {"type": "record", "name": "Created", "fields": [{"name": "id", "type": "long"}]}
DELETED = {**CREATED, "name": "Deleted"}
COLOUR = {"type": "enum", "name": "Colour", "symbols": ["RED", "BLUE"]}
FIELDS: dict[str, tuple[Any, list[Any]]] = {
    "change": ([CREATED, DELETED], [("Deleted", {"id": 7}), ("Created", {"id": 8})]),
    "colour": (["string", COLOUR], [("Colour", "RED"), "RED"]),
    "flags": ({"type": "map", "values": ["boolean", "Colour"]}, [{"a": True, "b": "BLUE"}, {}]),
    "history": (
        {"type": "array", "items": ["Created", "Deleted"]},
        [[("Deleted", {"id": 1}), ("Created", {"id": 2})], []],
    ),
    "either": (
        ["null", {"type": "record", "name": "Both", "fields": [{"name": "c", "type": "Deleted"}]}],
        [{"c": {"id": 3}}, None],
    ),
}


def read(path: Path) -> list[dict[str, Any]]:
    """The records of a file, with the names of their unions' branches."""
    with path.open("rb") as file:
        reader = fastavro.reader(file, return_record_name=True, return_named_type=True)
        return [dict(each) for each in reader if isinstance(each, dict)]


@pytest.mark.parametrize("records", [2, 40])
def test_a_file_s_copied_fields_are_those_of_its_records(tmp_path: Path, records: int) -> None:
    """For types without a namespace that are used again and again, too."""
    schema = event(*({"name": name, "type": of} for name, (of, _) in FIELDS.items()))
    (tmp_path / "event.avsc").write_text(json.dumps(schema))
    config = scorer(tmp_path, {"output": {"pass_through": list(FIELDS)}})
    rows = [
        {"event_id": f"e{row}", "a": 1.0, "b": 2.0}
        | {name: values[row % 2] for name, (_, values) in FIELDS.items()}
        for row in range(records)
    ]
    with (tmp_path / "in.avro").open("wb") as file:
        fastavro.writer(file, fastavro.parse_schema(schema), rows)
    source, target = tmp_path / "in.avro", tmp_path / "out.avro"
    assert main(["score", "-c", str(config), str(source), str(target)]) == 0
    copied = [{name: each[name] for name in FIELDS} for each in read(target)]
    assert copied == [{name: each[name] for name in FIELDS} for each in read(source)]
    assert copied[0]["change"] == ("Deleted", {"id": 7})
    assert copied[0]["colour"] == ("Colour", "RED")


@pytest.mark.parametrize("default", [1, "one"])
def test_a_file_whose_copied_record_has_a_default_is_scored(tmp_path: Path, default: Any) -> None:
    """One that other libraries refuse, or that is none at all: it is no part of any value."""
    amount = {"name": "amount", "type": {"type": "double", "unit": "EUR"}, "default": default}
    inner = {"name": "order", "type": {"type": "record", "name": "Order", "fields": [amount]}}
    (tmp_path / "event.avsc").write_text(json.dumps(event(inner)))
    config = scorer(tmp_path, {"output": {"pass_through": ["event_id", "order"]}})
    source, target = tmp_path / "in.avro", tmp_path / "out.avro"
    plain = json.loads(json.dumps(event(inner)))
    del plain["fields"][-1]["type"]["fields"][0]["default"]
    with source.open("wb") as file:
        rows = [{"event_id": "e", "a": 1.0, "b": 2.0, "order": {"amount": 2.5}}] * 3
        fastavro.writer(file, fastavro.parse_schema(plain), rows)
    assert main(["check", "--offline", "-c", str(config)]) == 0
    assert main(["score", "-c", str(config), str(source), str(target)]) == 0
    assert [each["order"] for each in read(target)] == [{"amount": 2.5}] * 3
