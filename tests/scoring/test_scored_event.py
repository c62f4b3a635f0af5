"""The scored event's schema: copied fields, model outputs, provenance."""

from __future__ import annotations

import json
from typing import Any

import fastavro
import pytest

from stream_scorer.avro.schema import Schema, parse
from stream_scorer.columns import FieldType
from stream_scorer.errors import ConfigError
from stream_scorer.model.outputs import OutputField
from stream_scorer.scoring.scored_event import PassThrough, derive, output_type, record_name

DEVICE = {
    "type": "record",
    "name": "Device",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}},
        {"name": "seen", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    ],
}
READER = parse(
    json.dumps(
        {
            "type": "record",
            "name": "Event",
            "namespace": "shop",
            "fields": [
                {"name": "event_id", "type": "string"},
                {"name": "device", "type": DEVICE},
                {"name": "backup", "type": ["null", "Device"]},
                {"name": "note", "type": ["null", "string"]},
            ],
        }
    )
)
SCORE = OutputField("score", FieldType("float"), {})


def fields_of(schema: Schema) -> dict[str, Any]:
    """Return each field's type; fastavro reads the schema without a complaint."""
    written = json.loads(schema.text)
    fastavro.parse_schema(json.loads(schema.text))
    return {field["name"]: field["type"] for field in written["fields"]}


def derived(*copied: PassThrough, provenance: bool = False) -> dict[str, Any]:
    """Return the fields of a scored event with these copied."""
    return fields_of(
        derive("stream_scorer.Scored_m", READER, copied, [SCORE], provenance=provenance)
    )


def test_a_copied_field_keeps_its_own_type() -> None:
    """Logical types, nullable ones and records included."""
    copied = [
        PassThrough("event_id", "event_id"),
        PassThrough("note", "note"),
        PassThrough("device_seen", "device.seen"),
    ]
    assert derived(*copied) == {
        "event_id": "string",
        "note": ["null", "string"],
        "device_seen": {"type": "long", "logicalType": "timestamp-millis"},
        "score": "float",
    }


def test_a_field_of_a_nullable_record_may_be_null() -> None:
    """Where the record is null, so is the copy."""
    assert derived(PassThrough("backup_id", "backup.id"))["backup_id"] == ["null", "string"]


def test_a_named_type_is_defined_once_and_then_referred_to() -> None:
    """Whatever is copied first defines it."""
    types = derived(PassThrough("device", "device"), PassThrough("kind", "device.kind"))
    assert types["device"]["fields"][1]["type"]["type"] == "enum"
    assert types["kind"] == "shop.Kind"


def test_the_provenance_says_which_model_scored_which_event_and_when() -> None:
    """After the outputs."""
    types = derived(provenance=True)
    assert list(types) == ["score", "model", "source", "scored_at"]
    assert [each["name"] for each in types["source"]["fields"]] == ["topic", "partition", "offset"]
    assert types["scored_at"] == {"type": "long", "logicalType": "timestamp-micros"}


def test_an_array_output_is_an_array_of_arrays_as_deep_as_its_rank() -> None:
    """The items are what the tensor holds."""
    nested = FieldType("array", items=FieldType("array", items=FieldType("double")))
    assert output_type(nested) == {"type": "array", "items": {"type": "array", "items": "double"}}


def test_an_output_s_properties_stand_beside_its_type() -> None:
    """The class names of a ZipMap, for instance."""
    output = OutputField("p", FieldType("float"), {"classes": ["no", "yes"]})
    schema = derive("Scored", READER, [], [output], provenance=False)
    assert json.loads(schema.text)["fields"][0]["classes"] == ["no", "yes"]


def test_a_field_that_the_event_does_not_have_is_named() -> None:
    """With the setting that names it."""
    with pytest.raises(ConfigError, match=r"output\.pass_through.*nothing"):
        derived(PassThrough("x", "device.nothing"))


@pytest.mark.parametrize(
    ("copied", "way_out"),
    [
        (PassThrough("score", "note"), r"\{input_score: note\}"),
        (PassThrough("source", "note"), r"\{input_source: note\}"),
    ],
)
def test_two_fields_of_one_name_are_refused_with_the_way_out(
    copied: PassThrough, way_out: str
) -> None:
    """The copied one can be renamed."""
    with pytest.raises(ConfigError, match=way_out):
        derived(copied, provenance=True)


def test_an_output_named_like_the_provenance_is_refused_with_the_way_out() -> None:
    """It can be renamed, or the provenance left out."""
    output = OutputField("model", FieldType("float"), {})
    with pytest.raises(ConfigError, match=r"\{model_score: <output>\}.*provenance"):
        derive("Scored", READER, [], [output], provenance=True)


@pytest.mark.parametrize(
    ("configured", "model", "expected"),
    [
        (None, "fraud", "stream_scorer.Scored_fraud"),
        (None, "fraud model-2", "stream_scorer.Scored_fraud_model_2"),
        ("shop.Scored", "fraud", "shop.Scored"),
    ],
)
def test_the_record_is_named_after_the_model_unless_it_is_told(
    configured: str | None, model: str, expected: str
) -> None:
    """Never after its version."""
    assert record_name(configured, model) == expected
