"""Can the events be read, and at what cost."""

from __future__ import annotations

from typing import Any

from stream_scorer.avro.schema import Schema, parse
from stream_scorer.check.findings import exit_code_of
from stream_scorer.check.plans import judge_logical_types, judge_reader, judge_writers
from stream_scorer.errors import ContractError

LABELS = {"name": "labels", "type": {"type": "map", "values": "string"}}
AMOUNT = {"name": "amount", "type": "double"}
COUNTRY = {"name": "country", "type": "string"}


def record(*fields: Any) -> Schema:
    """A record of these fields."""
    return parse({"type": "record", "name": "Event", "fields": list(fields)})


def test_a_reader_whose_fields_are_columns_is_fine() -> None:
    """A map that no one reads does no harm."""
    (finding,) = judge_reader(record(LABELS, AMOUNT), ["amount"])
    assert (finding.level, finding.sentence) == (
        "ok",
        "Events of the reader's schema are read as columns (1 field).",
    )


def test_the_field_that_forces_row_by_row_is_named_with_its_cost() -> None:
    """The way out is to leave it out."""
    (finding,) = judge_reader(record(LABELS, AMOUNT), ["amount", "labels"])
    assert finding.level == "warning"
    assert finding.sentence.startswith("schemas.reader: Field 'labels' is read and holds a map")
    assert "hundred times" in finding.sentence
    assert "leave the field out" in finding.sentence


def test_a_map_that_is_copied_is_fine() -> None:
    """Its bytes are copied, and no value is made of it."""
    (finding,) = judge_reader(record(LABELS, AMOUNT), ["amount"], ["labels", "amount"])
    assert (finding.level, finding.sentence) == (
        "ok",
        "Events of the reader's schema are read as columns (2 fields).",
    )


def test_writers_that_resolve_are_fine() -> None:
    """An older version without a field that has a default, and a newer one with one more."""
    reader = record(AMOUNT, {**COUNTRY, "default": ""})
    versions = {1: record(AMOUNT), 2: record(AMOUNT, COUNTRY, LABELS)}
    (finding,) = judge_writers("t-value", versions, reader, ["amount", "country"])
    assert finding.level == "ok"
    assert "2 versions of t-value" in finding.sentence


def test_a_latest_version_that_can_not_be_read_is_an_error() -> None:
    """Every new event would be a dead letter."""
    versions = {1: record(AMOUNT, COUNTRY), 3: record(AMOUNT)}
    findings = list(judge_writers("t-value", versions, record(AMOUNT, COUNTRY), ["country"]))
    assert [each.level for each in findings] == ["error"]
    assert "Version 3 of t-value" in findings[0].sentence
    assert "country" in findings[0].sentence
    assert exit_code_of(findings) == ContractError.exit_code


def test_a_latest_version_that_no_reader_could_read_has_no_reader_as_its_cure() -> None:
    """Encrypted, say, or no Avro: the sentence has a way out of its own."""
    broken = ContractError("Version 2 is JSON, not Avro.")
    versions: dict[int, Schema | ContractError] = {1: record(AMOUNT), 2: broken}
    (finding, *_) = judge_writers("t-value", versions, record(AMOUNT), ["amount"])
    assert finding.sentence == (
        "Version 2 is JSON, not Avro. It is the latest, so every new event would be a dead letter."
    )


def test_an_older_version_that_can_not_be_read_is_a_warning() -> None:
    """Its events may be gone from the topic already."""
    versions = {1: record(AMOUNT), 2: record(AMOUNT, COUNTRY)}
    (finding,) = judge_writers("t-value", versions, record(AMOUNT, COUNTRY), ["country"])
    assert finding.level == "warning"
    assert "Version 1 of t-value" in finding.sentence


def test_a_version_that_is_no_avro_is_as_one_that_does_not_resolve() -> None:
    """The registry's own words say why."""
    broken = ContractError("In the registry, version 2 of subject t-value is JSON, not Avro.")
    (finding,) = judge_writers("t-value", {1: record(AMOUNT), 2: broken}, record(AMOUNT), [])
    assert finding.level == "error"
    assert "JSON, not Avro" in finding.sentence


def test_a_writer_that_goes_row_by_row_is_named_with_its_version() -> None:
    """Here the writer's record holds itself, which columns can't skip."""
    node = {"name": "parent", "type": ["null", "Event"]}
    versions = {4: record(AMOUNT, node)}
    (finding,) = judge_writers("t-value", versions, record(AMOUNT), ["amount"])
    assert finding.level == "warning"
    assert finding.sentence.startswith("Version 4 of t-value: Field 'parent'")


def test_an_unknown_subject_says_what_was_not_looked_at() -> None:
    """Producers may name subjects by another strategy."""
    (finding,) = judge_writers("t-value", {}, record(AMOUNT), [])
    assert finding.level == "warning"
    assert "no subject t-value" in finding.sentence


def test_a_decimal_that_is_none_is_said_to_be_no_number() -> None:
    """Once for all fields that share the reason, and only for those that are read."""
    oracle = {"type": "bytes", "logicalType": "decimal", "precision": 64, "scale": 127}
    text = {"type": "string", "logicalType": "decimal", "precision": 9}
    reader = record(
        {"name": "id", "type": oracle},
        {"name": "row", "type": {"type": "record", "name": "Row", "fields": [
            {"name": "n", "type": ["null", oracle]}]}},
        {"name": "unread", "type": {"type": "int", "logicalType": "timestamp-millis"}},
        {"name": "text", "type": text},
    )  # fmt: skip
    findings = list(judge_logical_types(reader, ["id", "row", "row.n", "text"]))
    assert [each.level for each in findings] == ["warning", "warning"]
    assert findings[0].sentence == (
        "schemas.reader: id, row, row.n are read as bytes, not as a number, since the logical type "
        "decimal (its scale 127 exceeds its precision 64) is not valid and so ignored."
    )
    assert "text is read as string, not as a number" in findings[1].sentence
    assert list(judge_logical_types(record(AMOUNT), ["amount"])) == []
