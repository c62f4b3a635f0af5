"""Schemas: parsed by the rules, compared by meaning, fingerprinted, searched by path."""

from __future__ import annotations

import json
from typing import Any

import fastavro
import pytest
from fastavro.schema import fingerprint, to_parsing_canonical_form
from hypothesis import given, settings

from stream_scorer.avro.forms import canonical, self_contained
from stream_scorer.avro.names import legal_names
from stream_scorer.avro.schema import Schema, alike, field_type, leaf_paths, parse
from stream_scorer.avro.types import Array, Fixed, Primitive, Record, Union
from stream_scorer.columns import FieldType
from stream_scorer.errors import ConfigError
from tests.avro.decoding import record
from tests.avro.strategies import writers

DEVICE = record(("id", "string"), ("age_days", ["null", "int"]), name="Device")


def test_a_schema_is_parsed_from_text_from_json_and_from_a_bare_name() -> None:
    """All three are what files, registries and settings have."""
    assert (
        parse(' {"type": "long"} ') == parse({"type": "long"}) == parse("long") == parse('"long"')
    )


def test_a_recursive_record_holds_itself() -> None:
    """A reference is the type itself, also to a record that is not complete yet."""
    root = parse(record(("value", "int"), ("next", ["null", "Event"]))).root
    assert isinstance(root, Record)
    following = root.fields[1].type
    assert isinstance(following, Union)
    assert following.branches[1] is root


def test_names_take_the_namespace_around_them() -> None:
    """Full names come from the name, the attribute, or the enclosing definition."""
    inner = {"type": "array", "items": record(name="Inner", aliases=["Old", "x.Older"])}
    root = parse(record(("a", inner), ("b", "a.b.Inner"), namespace="a.b")).root
    assert isinstance(root, Record)
    array = root.fields[0].type
    assert isinstance(array, Array)
    assert isinstance(array.items, Record)
    assert array.items.name == "a.b.Inner"
    assert array.items.aliases == ("a.b.Old", "x.Older")
    assert root.fields[1].type is array.items


def test_a_reference_to_no_namespace_means_no_other() -> None:
    """A leading dot says so where the namespace around it has a type of that name too."""
    bare = {"type": "enum", "name": "Status", "namespace": "", "symbols": ["ON"]}
    theirs = {"type": "enum", "name": "Status", "symbols": ["OFF"]}
    root = parse(record(("a", bare), ("b", theirs), ("c", ".Status"), name="shop.Event")).root
    assert isinstance(root, Record)
    assert root.fields[2].type is root.fields[0].type


@pytest.mark.parametrize("name", ["a-b", "1a", "a b", "", "ns.1a", "ns.", "a\u0301"])
def test_a_name_that_java_refuses_is_refused(name: str) -> None:
    """The last part of a name: letters, digits and ``_``, no digit first."""
    with pytest.raises(ConfigError, match="has the name"):
        parse(record(("a", "int"), name=name))


@pytest.mark.parametrize("name", ["my-server.public.Value", "1.a", "größe", ".größe", " .a"])
def test_names_that_only_java_takes_are_read_and_refused_in_what_we_write(name: str) -> None:
    """A reference finds them as it finds others."""
    schema = parse(record(("inner", record(name=name)), ("again", name)))
    assert isinstance(schema.root, Record)
    assert schema.root.fields[0].type is schema.root.fields[1].type
    with pytest.raises(ConfigError, match="has the name"):
        parse(schema.json, strict=True)


def test_legal_names_differ_from_all_others() -> None:
    """Also from each other, and from those that were legal before."""
    names = ["a-b.T", "a+b.T", "a_b.T", "1.T", "é"]
    schema = parse(record(*((f"f{n}", record(name=name)) for n, name in enumerate(names))))
    assert legal_names(schema.root) == {
        "1.T": "_1.T",
        "a+b.T": "a_b.T_",
        "a-b.T": "a_b.T__",
        "é": "_",
    }
    assert legal_names(parse(record(("a", "int"), namespace="a.b")).root) == {}


def test_the_fingerprint_of_other_alphabets_is_that_of_their_utf_8() -> None:
    """As the canonical form has it (Avro 1.12, "Transforming into Parsing Canonical Form")."""
    form = '{"name":"größe","type":"record","fields":[]}'
    assert parse(record(name="größe")).fingerprint.hex() == fingerprint(form, "CRC-64-AVRO")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{", "not JSON"),
        ("strin", "unknown type 'strin'"),
        ({"name": "x"}, "no attribute 'type'"),
        ("x" * 10_000, f"unknown type '{'x' * 79}; types defined"),
        (record(*([{"type": "int"}] * 1000)), "a field without a name: {'type': 'int'}"),
        (record(("a", "Nowhere")), "'a' has the unknown type 'Nowhere'"),
        (record(("a b", "int")), "the name 'a b'"),
        (record(("a", "int"), ("a", "int")), "two fields of one name"),
        (record(("a", record(("b", 3), name="In"))), "'a.b' is 3"),
        ({"type": "record", "name": "R"}, "no attribute 'fields'"),
        ({"type": "record", "name": "R", "fields": {}}, "not a list"),
        ({"type": "record", "name": "R", "fields": ["a"]}, "a field without a name"),
        ({"type": "array"}, "no attribute 'items'"),
        ({"type": "map"}, "no attribute 'values'"),
        ({"type": "fixed", "name": "F", "size": -1}, "the size -1"),
        ({"type": "fixed", "name": "F", "size": "4"}, "the size '4'"),
        ({"type": "enum", "name": "E", "symbols": ["a", "a"]}, "the same symbol twice"),
        ({"type": "enum", "name": "E", "symbols": "ab"}, "not a list of names"),
        ({"type": "enum", "name": "E", "symbols": ["a"], "default": "b"}, "none of its symbols"),
        (["null", ["int", "long"]], "a union that directly holds a union"),
        ('{"type":"fixed","size":1,"name":"\\ud800.a"}', "which is not text"),
        (["int", "int"], "two branches of type 'int'"),
        ([], "a union without a branch"),
        (record(("a", record(name="Event"))), "'Event' a second time"),
        (record(("self", "Event")), "always holds another of itself"),
        (record(("a", record(("b", "Event"), name="In"))), "always holds another of itself"),
        ('{"type":"array","items":' * 101 + '"int"' + "}" * 101, "more than 100 deep"),
        ("[" * 100_000, "more than 100 deep"),
    ],
)
def test_what_is_no_schema_is_an_error_that_says_where_and_why(source: Any, reason: str) -> None:
    """One sentence names the field and the reason."""
    with pytest.raises(ConfigError, match=r"^The schema is not ") as caught:
        parse(source)
    assert reason in str(caught.value)


def test_equal_schemas_differ_in_documentation_order_of_keys_or_spelling_of_names_only() -> None:
    """Whatever bears on reading, defaults and aliases and logical types included, tells apart."""
    schema = parse(record(("at", {"type": "long", "logicalType": "timestamp-millis"}), doc="x"))
    same = (
        '{"fields": [{"type": {"logicalType": "timestamp-millis", "type": "long"}, "name": "at"}]'
    )
    assert schema == parse(same + ', "name": "Event", "type": "record"}')
    assert hash(schema) == hash(parse(schema.text))
    for other in (
        record(("at", "long")),
        record({"name": "at", "type": "long", "default": 1}),
        record(("at", "long"), aliases=["Old"]),
    ):
        assert schema != parse(other)


def test_the_fingerprint_is_the_specified_crc_in_little_endian() -> None:
    """Java's SchemaNormalization has these numbers for the same schemas."""
    assert parse("null").fingerprint == (0x63DD24E7CC258F8A).to_bytes(8, "little")
    assert parse("int").fingerprint == (0x7275D51A3F395C8F).to_bytes(8, "little")


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(writers())
def test_the_canonical_form_is_the_one_of_fastavro(source: Any) -> None:
    """For any schema, and so for its fingerprint."""
    schema = parse(source)
    theirs = to_parsing_canonical_form(source)
    assert json.dumps(canonical(schema.root, set()), separators=(",", ":")) == theirs
    assert schema.fingerprint.hex() == fingerprint(theirs, "CRC-64-AVRO")


@pytest.mark.parametrize(
    ("of", "attributes", "why"),
    [
        ("bytes", {"precision": 64, "scale": 127}, "its scale 127 exceeds its precision 64"),
        ("bytes", {}, "it has no precision"),
        ("bytes", {"precision": 0}, "its precision is 0"),
        ("bytes", {"precision": "9", "scale": 2}, "its precision is '9'"),
        ("bytes", {"precision": 9, "scale": -2}, "its scale is -2"),
        ("bytes", {"precision": 2000}, "its precision 2000 exceeds the 1000 digits that are read"),
        ("string", {"precision": 9, "scale": 2}, "it annotates string, not bytes or fixed"),
        ("long", {"precision": 9, "scale": 2}, "it annotates long, not bytes or fixed"),
        ("array", {"precision": 9, "items": "int"}, "it annotates array, not bytes or fixed"),
        ("fixed", {"name": "F", "size": 4, "precision": 10}, "exceeds the 9 digits that 4 bytes"),
        (
            "fixed",
            {"name": "F", "size": 2**31 - 1, "precision": 10**9, "scale": 10**9},
            "its precision 1000000000 exceeds the 1000 digits that are read",
        ),
        ("bytes", {"precision": 9, "scale": 10**99}, f"its scale 1{'0' * 39} exceeds"),
        ("fixed", {"name": "F", "size": 0, "precision": 1}, "exceeds the 0 digits that 0 bytes"),
        ("fixed", {"name": "F", "size": 8, "logicalType": "duration"}, "takes 12 bytes, not 8"),
        ("fixed", {"name": "F", "size": 12, "logicalType": "uuid"}, "takes 16 bytes, not 12"),
        ("bytes", {"logicalType": "uuid"}, "it annotates bytes, not string or fixed"),
        ("int", {"logicalType": "timestamp-millis"}, "it annotates int, not long"),
        ("long", {"logicalType": "date"}, "it annotates long, not int"),
        ("double", {"logicalType": "local-timestamp-micros"}, "it annotates double, not long"),
    ],
)
def test_an_invalid_logical_type_is_ignored(of: str, attributes: dict[str, Any], why: str) -> None:
    """The type is what it annotates, and what we write no longer says otherwise."""
    schema = parse({"type": of, "logicalType": "decimal", "mine": 1, **attributes})
    root = schema.root
    if isinstance(root, Primitive | Fixed):
        assert (root.logical, root.scale) == (None, None)
        assert why in root.ignored
    written = self_contained(root, set())
    assert "logicalType" not in written
    assert "scale" not in written
    assert written["mine"] == 1
    fastavro.parse_schema(written)


@pytest.mark.parametrize("of", [None, 5, ["decimal"], {"a": 1}])
def test_a_logical_type_that_is_no_name_is_left_out(of: Any) -> None:
    """Others would stumble over it."""
    root = parse({"type": "bytes", "logicalType": of, "precision": 3}).root
    assert isinstance(root, Primitive)
    assert (root.logical, root.ignored) == (None, "")
    assert self_contained(root, set()) == {"type": "bytes", "precision": 3}


@pytest.mark.parametrize(
    ("of", "attributes", "scale"),
    [
        ("bytes", {"logicalType": "decimal", "precision": 9, "scale": 2}, 2),
        ("bytes", {"logicalType": "decimal", "precision": 9}, 0),
        ("fixed", {"logicalType": "decimal", "precision": 9, "name": "F", "size": 4}, 0),
        ("fixed", {"logicalType": "duration", "name": "F", "size": 12}, None),
        ("long", {"logicalType": "timestamp-nanos"}, None),
        ("string", {"logicalType": "uuid"}, None),
        ("string", {"logicalType": "our-own"}, None),
    ],
)
def test_a_valid_or_unknown_logical_type_is_kept(
    of: str, attributes: dict[str, Any], scale: int | None
) -> None:
    """Only what the specification calls invalid is left out."""
    root = parse({"type": of, **attributes}).root
    assert isinstance(root, Primitive | Fixed)
    assert (root.logical, root.scale) == (attributes["logicalType"], scale)
    assert root.ignored == ""
    assert attributes.items() <= self_contained(root, set()).items()


def test_a_path_goes_through_records_and_nullable_records() -> None:
    """Below a record that may be null, so may be its fields."""
    schema = parse(record(("device", ["null", DEVICE]), ("home", "Device"), ("n", "int")))
    below_null = field_type(schema, "device.id")
    assert (below_null.kind, below_null.nullable, below_null.schema) == (
        "string",
        True,
        ["null", "string"],
    )
    assert not field_type(schema, "home.id").nullable
    assert list(leaf_paths(schema)) == [
        "device.id",
        "device.age_days",
        "home.id",
        "home.age_days",
        "n",
    ]


def test_a_field_type_says_all_that_a_model_or_an_output_needs() -> None:
    """Items, symbols, sizes and logical types; its JSON stands on its own."""
    grades = {"type": "enum", "name": "Grade", "symbols": ["low", "high"], "namespace": "a"}
    day = {"type": "int", "logicalType": "date"}
    schema = parse(
        record(
            ("g", grades),
            ("grid", {"type": "array", "items": {"type": "array", "items": "float"}}),
            ("day", ["null", day]),
            ("hash", {"type": "fixed", "name": "H", "size": 16}),
            ("either", ["null", "int", "string"]),
            ("again", ["null", "a.Grade"]),
        )
    )
    assert field_type(schema, "g").symbols == ("low", "high")
    grid = FieldType("array", items=FieldType("array", items=FieldType("float")))
    assert field_type(schema, "grid") == grid
    assert field_type(schema, "day") == FieldType("int", nullable=True, logical="date")
    assert field_type(schema, "hash").size == 16
    either = field_type(schema, "either")
    assert (either.kind, either.nullable) == ("union", True)
    again = field_type(schema, "again").schema
    assert parse(again) == parse(["null", grades])


def test_a_recursive_record_is_a_leaf() -> None:
    """Else its paths would never end."""
    schema = parse(record(("x", "int"), ("next", ["null", "Event"])))
    assert {path: of.kind for path, of in leaf_paths(schema).items()} == {
        "x": "int",
        "next": "record",
    }
    assert field_type(schema, "next.next.x").nullable


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("device.idd", "did you mean 'device.id'?"),
        ("age_day", "did you mean 'device.age_days'?"),
        ("zzz", "its fields are device.id, device.age_days."),
    ],
)
def test_an_unknown_path_is_an_error_that_names_the_nearest_field(path: str, hint: str) -> None:
    """A typo in the config is corrected by the message."""
    schema = parse(record(("device", DEVICE)))
    with pytest.raises(ConfigError) as caught:
        field_type(schema, path)
    assert str(caught.value) == f"The schema has no field {path!r}; {hint}"


def test_schemas_are_alike_that_differ_in_defaults_docs_and_a_missing_namespace() -> None:
    """Their events are the same bytes. Two types that have but the namespace apart stay two."""
    status = {"type": "enum", "name": "Status", "symbols": ["ON"]}

    def schema(name: str, of: Any, **more: Any) -> Schema:
        return parse(
            {"type": "record", "name": name, "fields": [{"name": "x", "type": of, **more}]}
        )

    one = schema("shop.Event", {**status, "namespace": "shop"})
    assert alike(one, schema("shop.Event", {**status, "namespace": ""}, default="ON", doc="x"))
    assert alike(one, schema("Event", status))
    assert not alike(one, schema("other.Event", {**status, "namespace": "shop"}))
    assert not alike(one, schema("shop.Event", {**status, "symbols": ["ON", "OFF"]}))
    both = [{**status, "namespace": "a"}, {**status, "namespace": ""}]
    assert alike(schema("E", both), schema("E", both, doc="again"))
    assert not alike(schema("E", both), schema("E", list(reversed(both))))


def test_schemas_are_alike_that_differ_in_aliases_and_an_enum_s_default() -> None:
    """They say how to read what others wrote; a property of the author's own is another matter."""
    status = {"type": "enum", "name": "Status", "symbols": ["ON", "OFF"]}

    def schema(of: Any, **more: Any) -> Schema:
        return parse(record({"name": "x", "type": of, **more}))

    one = schema(status)
    assert alike(one, schema({**status, "aliases": ["State"], "default": "ON"}, aliases=["y"]))
    assert not alike(one, schema(status, classes=["a", "b"]))
