"""The scored event's schema: copied fields, model outputs, provenance."""

from __future__ import annotations

import json
import re
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_scorer.avro.encoder import compile_encoder
from stream_scorer.avro.forms import canonical
from stream_scorer.avro.schema import Schema, field_type, parse
from stream_scorer.avro.types import Record, Type
from stream_scorer.columns import FieldType
from stream_scorer.errors import ConfigError
from stream_scorer.model.outputs import OutputField
from stream_scorer.scoring.scored_event import PassThrough, derive, output_type, record_name
from tests.avro.strategies import writers

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


STATUS = {"type": "enum", "name": "Status", "symbols": ["ON", "OFF"]}


def bare(*fields: tuple[str, Any]) -> Schema:
    """A reader without a namespace."""
    listed = [{"name": name, "type": of} for name, of in fields]
    return parse({"type": "record", "name": "Event", "fields": listed})


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


def test_a_copy_that_begins_with_null_can_be_added_later() -> None:
    """Its default is null; there is none where null is not the first branch, or no branch."""
    reader = bare(
        ("a", ["null", "string"]),
        ("b", ["string", "null"]),
        ("c", "string"),
        ("d", [{"type": "null", "doc": "none"}, "int"]),
        ("e", ["null", {**DEVICE, "name": "Inner"}]),
        ("f", "null"),
    )
    copied = [PassThrough(path[0], path) for path in ["a", "b", "c", "d", "e.id", "f"]]
    schema = derive("Scored", reader, copied, [SCORE], provenance=True)
    with_default = {
        field["name"]: field["default"] for field in schema.json["fields"] if "default" in field
    }
    assert with_default == {"a": None, "d": None, "e": None, "f": None}


def names_in(schema: Schema) -> set[str]:
    """The full names that fastavro finds in a schema, as every strict parser does."""
    named: dict[str, Any] = {}
    fastavro.parse_schema(json.loads(schema.text), named_schemas=named)
    return set(named)


def test_a_type_without_a_namespace_keeps_out_of_ours() -> None:
    """Where it is referred to, the scored record gives its own up: no other way can be written."""
    reader = bare(("old", STATUS), ("new", "Status"))
    once = derive(record_name(None, "m"), reader, [PassThrough("old", "old")], [], provenance=False)
    assert names_in(once) == {"stream_scorer.Scored_m", "Status"}
    both = [PassThrough(name, name) for name in ("old", "new")]
    twice = derive(record_name(None, "m"), reader, both, [], provenance=False)
    assert names_in(twice) == {"Scored_m", "Status"}


def test_a_record_whose_namespace_is_configured_shares_it() -> None:
    """With the types that have none and are referred to."""
    node: dict[str, Any] = {"type": "record", "name": "Node"}
    node["fields"] = [
        {"name": "status", "type": STATUS},
        {"name": "next", "type": ["null", "Node"]},
        {"name": "was", "type": "Status"},
    ]
    reader = bare(("node", node), ("again", "Node"), ("status", "Status"))
    copied = [PassThrough(name, name) for name in ("node", "again", "status")]
    schema = derive("shop.Scored", reader, copied, [], provenance=False)
    assert names_in(schema) == {"shop.Scored", "shop.Node", "shop.Status"}
    alone = derive("shop.Scored", reader, [PassThrough("node", "node")], [], provenance=False)
    assert names_in(alone) == {"shop.Scored", "Node", "Status"}


def test_a_reference_from_within_another_namespace_is_written_out() -> None:
    """The type takes the namespace that its reference stands in."""
    order = {
        "type": "record",
        "name": "sales.Order",
        "fields": [{"name": "status", "type": "Status"}],
    }
    reader = bare(("status", STATUS), ("order", order))
    copied = [PassThrough(name, name) for name in ("status", "order")]
    schema = derive("stream_scorer.Scored", reader, copied, [], provenance=False)
    assert names_in(schema) == {"Scored", "sales.Order", "sales.Status"}


@given(writers(), st.sampled_from([None, "shop"]), st.sampled_from([None, "shop.Scored", "Scored"]))
@settings(max_examples=150, derandomize=True, database=None, deadline=None)
def test_any_schema_can_be_copied_and_read_by_a_strict_parser(
    writer: dict[str, Any], namespace: str | None, configured: str | None
) -> None:
    """Of each field the very type, but for namespaces."""
    reader = parse({**writer, "namespace": namespace} if namespace else writer)
    assert isinstance(reader.root, Record)
    copied = [PassThrough(each.name, each.name) for each in reader.root.fields]
    schema = derive(record_name(configured, "m"), reader, copied, [SCORE], provenance=True)
    assert "stream_scorer.R1" not in names_in(schema)
    assert isinstance(schema.root, Record)
    for given_field, derived_field in zip(reader.root.fields, schema.root.fields, strict=False):
        assert unqualified_names(derived_field.type) == unqualified_names(given_field.type)


def unqualified_names(of: Type) -> str:
    """A type's parsing canonical form without namespaces."""
    return re.sub(r"(shop|stream_scorer)\.", "", json.dumps(canonical(of, set())))


def test_a_scored_record_named_like_a_type_that_it_copies_is_refused() -> None:
    """Else a reference to one would mean the other."""
    with pytest.raises(ConfigError, match=r"output\.record: shop\.Device is the name of a type"):
        derive("shop.Device", READER, [PassThrough("d", "device")], [], provenance=False)


def test_a_union_below_a_nullable_record_has_null_once() -> None:
    """Its own, wherever it stands, or else one in front."""
    inner = {
        "type": "record",
        "name": "Inner",
        "fields": [
            {"name": "own", "type": ["int", "null", "string"]},
            {"name": "none", "type": ["int", "string"]},
        ],
    }
    reader = bare(("inner", ["null", inner]))
    copied = [PassThrough("own", "inner.own"), PassThrough("none", "inner.none")]
    types = fields_of(derive("Scored", reader, copied, [], provenance=False))
    assert types == {"own": ["int", "null", "string"], "none": ["null", "int", "string"]}


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


def test_a_type_that_gets_a_legal_name_gets_a_namespace_too_where_it_must() -> None:
    """It has none, is referred to from within one, and its own name is not legal either."""
    state = {"type": "enum", "name": "größe", "symbols": ["L"]}
    inner = {"name": "again", "type": "größe"}
    box = {"type": "record", "name": "a-b.Box", "fields": [inner], "aliases": ["1.Old"]}
    reader = parse(
        {
            "type": "record",
            "name": "Event",
            "fields": [{"name": "state", "type": state}, {"name": "box", "type": box}],
        }
    )
    copied = [PassThrough("state", "state"), PassThrough("box", "box")]
    scored = derive("mine.Scored", reader, copied, (), provenance=False)
    state_type, box_type = (field["type"] for field in scored.json["fields"])
    assert (state_type["namespace"], state_type["name"]) == ("a_b", "gr__e")
    assert (box_type["namespace"], box_type["name"]) == ("a_b", "Box")
    assert box_type["aliases"] == ["_1.Old"]
    assert box_type["fields"][0]["type"] == "a_b.gr__e"
    fastavro.parse_schema(scored.json)


def test_a_type_without_a_namespace_takes_no_other_s_name() -> None:
    """Not that of a type in the namespace that it comes into, whatever is copied first."""
    other = {**STATUS, "name": "shop.Status", "symbols": ["X"]}
    for order in (("a", "b", "c"), ("b", "a", "c"), ("a", "c", "b")):
        reader = bare(("a", STATUS), ("b", other), ("c", "Status"))
        copied = [PassThrough(name, name) for name in order]
        schema = derive("shop.Scored", reader, copied, [], provenance=False)
        assert names_in(schema) == {"shop.Scored", "shop.Status", "shop.Status_"}
        symbols = {name: field_type(schema, name).symbols for name in order}
        assert symbols == {"a": ("ON", "OFF"), "b": ("X",), "c": ("ON", "OFF")}


def test_the_provenance_of_a_scored_event_can_be_copied() -> None:
    """A scorer that reads another one's scored events: both say it with the same types."""
    first = derive("stream_scorer.Scored_a", READER, [], [SCORE], provenance=True)
    copied = [PassThrough("first_model", "model"), PassThrough("first_source", "source")]
    schema = derive("stream_scorer.Scored_b", first, copied, [SCORE], provenance=True)
    types = fields_of(schema)
    assert types["model"] == types["first_model"]["namespace"] + ".Model"
    assert types["source"] == types["first_source"]["namespace"] + ".Source"
    compile_encoder(schema)


def test_a_copied_type_that_only_has_the_name_of_the_provenance_s_is_refused() -> None:
    """With the way out."""
    model = {"type": "record", "name": "stream_scorer.provenance.Model", "fields": []}
    copied = [PassThrough("other", "other")]
    with pytest.raises(ConfigError, match=r"provenance\.Model .*output\.provenance to false"):
        derive("Scored", bare(("other", model)), copied, [], provenance=True)
    derive("Scored", bare(("other", model)), copied, [], provenance=False)


def with_defaults(**defaults: Any) -> Schema:
    """A reader of a record whose fields have these defaults, by their types' names."""
    types: dict[str, Any] = {
        "number": {"type": "double", "unit": "EUR"},
        "time": {"type": "long", "logicalType": "timestamp-millis"},
        "either": ["string", "null"],
        "status": STATUS,
        "list": {"type": "array", "items": "int"},
        "ratio": ["double", "null"],
        "ratios": {"type": "map", "values": "float"},
    }
    fields = [
        {"name": name, "type": types[name], "default": value} for name, value in defaults.items()
    ]
    return bare(("inner", {"type": "record", "name": "Inner", "fields": fields}))


def test_a_default_that_is_none_is_not_written() -> None:
    """A registry refuses a schema with one, and nobody could read by it. Others stay."""
    copied = [PassThrough("inner", "inner")]
    no_number: dict[str, Any] = {"ratio": "NaN", "ratios": {"a": "-Infinity"}}
    wrong = with_defaults(number="1", time="now", either=3, status="UP", list=[None], **no_number)
    schema = derive("Scored", wrong, copied, [SCORE], provenance=True)
    assert not any("default" in field for field in schema.json["fields"][0]["type"]["fields"])
    right = {"number": 1, "time": 0, "either": None, "status": "ON", "list": [1], "ratio": 0.5}
    schema = derive("Scored", with_defaults(**right), copied, [SCORE], provenance=True)
    fastavro.parse_schema(json.loads(schema.text))  # it wants 1.0 for a double
    fields = schema.json["fields"][0]["type"]["fields"]
    assert {field["name"]: field["default"] for field in fields} == right
