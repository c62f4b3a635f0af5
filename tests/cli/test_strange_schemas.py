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

from stream_scorer.avro.schema import parse
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
        {"name": "amount", "type": ["null", "bytes"], "logicalType": "decimal", "precision": 9},
    ],
)
def test_a_decimal_that_is_none_can_not_be_a_feature(
    of: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not event by event, but before the first; and the reason is said."""
    fed = {"model": {"inputs": {"x": ["a", "amount"]}}}
    amount = of if "name" in of and "size" not in of else {"name": "amount", "type": of}
    config, source = prepared(tmp_path, event(amount), settings=fed)
    code, lines = checked(config, capsys)
    assert code == 3
    assert "takes numbers, but the field 'amount' is" in lines[0]
    assert "since its logical type decimal (" in lines[0]
    assert main(["score", "-c", config, str(source), str(tmp_path / "out.avro")]) == 3


def test_a_reader_may_say_what_number_the_bytes_are(tmp_path: Path) -> None:
    """The way out for a decimal that is none: one that is, in the reader's schema."""
    fed = {"model": {"inputs": {"x": ["a", "amount"]}}}
    writer = event({"name": "amount", "type": ORACLE})
    config, source = prepared(tmp_path, writer, text(b"\x04\x1a"), fed)
    reader = event({"name": "amount", "type": {**ORACLE, "scale": 2}})
    (tmp_path / "event.avsc").write_text(json.dumps(reader))
    assert [row["score"] for row in scored(config, source)] == [[float(n), 10.5] for n in range(3)]


@pytest.mark.parametrize("namespace", ["my-server.shop", "2024.orders", "a..b", "größe", "-"])
def test_a_namespace_that_only_java_takes_is_read_and_written_as_a_legal_one(
    namespace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Debezium puts the server's name there. ``check`` says it once."""
    inner = {"type": "record", "name": "Inner", "fields": [{"name": "n", "type": "int"}]}
    schema = event({"name": "inner", "type": inner}, {"name": "again", "type": ["null", "Inner"]})
    schema["namespace"] = namespace
    copied = {"output": {"pass_through": ["event_id", "inner", "again"]}}
    config, source = prepared(tmp_path, schema, b"\x02\x02\x04", copied)
    rows = scored(config, source)
    assert [(row["inner"], row["again"]) for row in rows] == [({"n": 1}, {"n": 2})] * 3
    code, lines = checked(config, capsys)
    assert code == 0
    assert len([line for line in lines if f"{namespace}.Event" in line]) == 1
    assert main(["schema", "output", "-c", config]) == 0
    written = capsys.readouterr().out
    parse(written, strict=True)  # the specification's names


def test_what_java_takes_for_a_letter_is_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fields of such names are features, and are copied under a legal name."""
    size = {"name": "größe", "type": "double"}
    settings = {
        "model": {"inputs": {"x": ["a", "größe"]}},
        "output": {"pass_through": ["event_id", {"size": "größe"}]},
    }
    config, source = prepared(tmp_path, event(size), struct.pack("<d", 1.5), settings)
    assert [row["size"] for row in scored(config, source)] == [1.5] * 3
    assert checked(config, capsys)[0] == 0


@pytest.mark.parametrize(
    ("of", "name"),
    [
        ({"type": "enum", "name": "E", "symbols": ["groß"]}, "groß"),
        ({"type": "record", "name": "R", "fields": [{"name": "größe", "type": "int"}]}, "größe"),
    ],
)
def test_a_name_that_readers_look_for_is_not_copied_under_another(
    of: Any, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A symbol or a field within a copied record; the sentence says what to do instead."""
    copied = {"output": {"pass_through": ["event_id", "more"]}}
    config, _ = prepared(tmp_path, event({"name": "more", "type": of}), settings=copied)
    code, lines = checked(config, capsys)
    assert code == 2
    assert f"more can't be copied: it holds the name '{name}'" in lines[0]


def test_a_schema_file_with_a_byte_order_mark_and_comments_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reader's file; so it is in a folder of schemas."""
    config, source = prepared(tmp_path, event())
    schema = (tmp_path / "event.avsc").read_text()
    (tmp_path / "event.avsc").write_bytes(f"/* ours */ {schema} // end".encode("utf-16"))
    assert len(scored(config, source)) == 3
    assert checked(config, capsys) == (0, [])


def test_a_short_schema_that_uses_its_types_over_and_over_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twelve records, each seven times in the next: more fields than could be listed."""
    inner: Any = {"type": "record", "name": "L0", "fields": [{"name": "v", "type": "string"}]}
    for level in range(1, 12):
        fields = [{"name": "f0", "type": inner}]
        fields += [{"name": f"f{n}", "type": f"L{level - 1}"} for n in range(1, 7)]
        inner = {"type": "record", "name": f"L{level}", "fields": fields}
    schema = event({"name": "body", "type": ["null", inner]})
    config, source = prepared(tmp_path, schema, b"\x00")
    assert len(scored(config, source)) == 3
    assert checked(config, capsys) == (0, [])
    wrong = str(scorer(tmp_path, {"model": {"inputs": {"x": ["a", "bb"]}}}))
    code, lines = checked(wrong, capsys)
    assert code == 3
    assert len(lines[0]) < 500
