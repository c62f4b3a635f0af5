"""Schemas as producers have them, which the specification would have otherwise: checked, scored."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import fastavro
import pytest

from stream_scorer.cli.main import main
from tests.scorers import event, scorer

HEADER = fastavro.parse_schema(
    {
        "type": "record",
        "name": "Header",
        "fields": [
            {"name": "magic", "type": {"type": "fixed", "name": "Magic", "size": 4}},
            {"name": "meta", "type": {"type": "map", "values": "bytes"}},
            {"name": "sync", "type": {"type": "fixed", "name": "Sync", "size": 16}},
        ],
    }
)
SYNC = b"0123456789abcdef"
ORACLE = {"type": "bytes", "logicalType": "decimal", "precision": 64, "scale": 127}


def avro_file(path: Path, schema: Any, datums: Sequence[bytes]) -> Path:
    """A file of one block, whatever the schema: fastavro would refuse to write some."""
    header = {"magic": b"Obj\x01", "meta": {"avro.schema": json.dumps(schema).encode()}}
    written, block = io.BytesIO(), b"".join(datums)
    fastavro.schemaless_writer(written, HEADER, {**header, "sync": SYNC})
    for number in (len(datums), len(block)):
        fastavro.schemaless_writer(written, {"type": "long"}, number)
    path.write_bytes(written.getvalue() + block + SYNC)
    return path


def text(value: bytes) -> bytes:
    """A short string, or bytes."""
    return bytes([2 * len(value)]) + value


def of_event(number: int, more: bytes = b"") -> bytes:
    """An event of the scorer, and the bytes of further fields."""
    return text(b"e%d" % number) + struct.pack("<2d", number, 0.5) + more


def prepared(
    folder: Path, schema: Any, more: bytes = b"", settings: Mapping[str, Any] | None = None
) -> tuple[str, Path]:
    """A config whose reader has the schema, and three events of it."""
    (folder / "event.avsc").write_text(json.dumps(schema))
    source = avro_file(folder / "events.avro", schema, [of_event(n, more) for n in range(3)])
    return str(scorer(folder, settings)), source


def scored(config: str, source: Path) -> list[dict[str, Any]]:
    """The scored events of a file, as another implementation reads them."""
    target = source.with_name("scored.avro")
    assert main(["score", "-c", config, str(source), str(target)]) == 0
    with target.open("rb") as file:
        return [dict(each) for each in fastavro.reader(file) if isinstance(each, dict)]


def checked(config: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """The exit code of ``check``, and its lines that say more than ``ok``."""
    capsys.readouterr()
    code = main(["check", "--offline", "-c", config])
    lines = capsys.readouterr().out.splitlines()
    return code, [line for line in lines if line.startswith(("warning", "error"))]


def test_a_decimal_that_is_none_is_copied_as_the_bytes_that_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is read, and everyone can read the scored one."""
    schema = event({"name": "amount", "type": ["null", ORACLE]})
    copied = {"output": {"pass_through": ["event_id", "amount"]}}
    config, source = prepared(tmp_path, schema, b"\x02" + text(b"\x01\x02"), copied)
    assert [row["amount"] for row in scored(config, source)] == [b"\x01\x02"] * 3
    code, lines = checked(config, capsys)
    assert (code, len(lines)) == (0, 1)
    assert "amount is read as bytes, not as a number" in lines[0]


@pytest.mark.parametrize(
    "of",
    [
        ORACLE,
        {"type": "bytes", "logicalType": "decimal"},
        {"type": "string", "logicalType": "decimal", "precision": 9, "scale": 2},
        {"type": "fixed", "name": "F", "size": 2, "logicalType": "decimal", "precision": 9},
    ],
)
def test_a_decimal_that_is_none_can_not_be_a_feature(
    of: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not event by event, but before the first; and the reason is said."""
    fed = {"model": {"inputs": {"x": ["a", "amount"]}}}
    config, source = prepared(tmp_path, event({"name": "amount", "type": of}), settings=fed)
    code, lines = checked(config, capsys)
    assert code == 3
    assert "takes numbers, but the field 'amount' is" in lines[0]
    assert "since its logical type decimal (" in lines[0]
    assert main(["score", "-c", config, str(source), str(tmp_path / "out.avro")]) == 3
