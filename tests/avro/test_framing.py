"""Framing: every row finds its schema, or says in one sentence why not."""

from __future__ import annotations

import io
import uuid
from collections.abc import Sequence

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_scorer.avro.framing import (
    SCHEMA_ID_HEADER,
    ByFingerprint,
    ByGuid,
    ById,
    Framing,
    Group,
    SchemaKey,
    Stripped,
    Unframed,
    prefix_for,
    strip,
)
from stream_scorer.records import Headers

GUID = uuid.UUID("89791762-2336-4186-9674-299b90a802e2")
FINGERPRINT = bytes.fromhex("0102030405060708")


def contents(group: Group) -> list[bytes]:
    """Return the payloads of a group."""
    each = group.payloads
    bounds = zip(each.starts.tolist(), each.ends.tolist(), strict=True)
    return [each.buffer[start:end] for start, end in bounds]


def found(stripped: Stripped) -> dict[SchemaKey, dict[int, bytes]]:
    """Return, by key, each row and its payload; no key may stand twice."""
    keys = [group.key for group in stripped.groups]
    assert len(keys) == len(set(keys))
    return {
        group.key: dict(zip(group.rows.tolist(), contents(group), strict=True))
        for group in stripped.groups
    }


def stripped_confluent(
    values: Sequence[bytes], headers: Sequence[Headers | None] | None = None
) -> Stripped:
    """Strip Confluent framing, without headers unless given."""
    return strip(values, headers or [None] * len(values), "confluent")


def test_a_batch_of_one_schema_is_one_group_over_the_joined_buffer() -> None:
    """The common case copies nothing but the join."""
    values = [b"\x00\x00\x00\x01\x02" + body for body in (b"abc", b"", b"defg")]
    stripped = stripped_confluent(values)
    assert found(stripped) == {ById(258): {0: b"abc", 1: b"", 2: b"defg"}}
    assert stripped.groups[0].payloads.buffer == b"".join(values)


def test_rows_of_several_schemas_are_grouped_in_order() -> None:
    """Ids and GUIDs mix freely in one batch."""
    values = [
        b"\x00\x00\x00\x00\x07a",
        b"\x01" + GUID.bytes + b"b",
        b"\x00\x00\x00\x01\x00c",
        b"\x00\x00\x00\x00\x07d",
        b"\x01" + GUID.bytes,
    ]
    stripped = stripped_confluent(values)
    assert found(stripped) == {
        ById(7): {0: b"a", 3: b"d"},
        ById(256): {2: b"c"},
        ByGuid(GUID): {1: b"b", 4: b""},
    }
    assert all(group.rows.tolist() == sorted(group.rows.tolist()) for group in stripped.groups)


def test_an_id_is_unsigned() -> None:
    """The whole range of 32 bits is legal (Confluent wire format)."""
    assert list(found(stripped_confluent([b"\x00\xff\xff\xff\xfe"]))) == [ById(2**32 - 2)]


def test_the_header_wins_and_the_value_is_then_bare() -> None:
    """Also where the value happens to look framed."""
    framed = b"\x00\x00\x00\x00\x07x"
    headers: list[Headers | None] = [
        [("trace", b"1"), (SCHEMA_ID_HEADER, b"\x01" + GUID.bytes)],
        [(SCHEMA_ID_HEADER, b"\x00\x00\x00\x00\x09")],
        None,
        [],
        [("trace", b"1")],
    ]
    stripped = stripped_confluent([framed] * 5, headers)
    assert found(stripped) == {
        ByGuid(GUID): {0: framed},
        ById(9): {1: framed},
        ById(7): {2: b"x", 3: b"x", 4: b"x"},
    }


def test_a_value_in_header_mode_may_be_shorter_than_any_prefix() -> None:
    """A record of two nulls is two bytes."""
    headers: list[Headers | None] = [[(SCHEMA_ID_HEADER, b"\x00\x00\x00\x00\x09")]] * 2
    assert found(stripped_confluent([b"\x00\x00", b""], headers)) == {
        ById(9): {0: b"\x00\x00", 1: b""}
    }


def test_one_schema_in_header_and_prefix_is_one_group_in_row_order() -> None:
    """How a producer names the schema changes nothing downstream."""
    named: Headers = [(SCHEMA_ID_HEADER, b"\x00\x00\x00\x00\x07")]
    values = [b"\x00\x00\x00\x00\x07a", b"b", b"\x00\x00\x00\x00\x07c"]
    stripped = stripped_confluent(values, [None, named, None])
    assert found(stripped) == {ById(7): {0: b"a", 1: b"b", 2: b"c"}}
    assert stripped.groups[0].rows.tolist() == [0, 1, 2]


def test_of_a_repeated_header_the_last_counts() -> None:
    """As Kafka's Headers.lastHeader has it."""
    headers: Headers = [
        (SCHEMA_ID_HEADER, b"\x00\x00\x00\x00\x01"),
        (SCHEMA_ID_HEADER, b"\x00\x00\x00\x00\x02"),
    ]
    assert list(found(stripped_confluent([b"a"], [headers]))) == [ById(2)]


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        (None, "null"),
        (b"", "empty"),
        (b"\x00\x00\x07", "00 00 07"),
        (b"\x02\x00\x00\x00\x07", "02 00 00 00 07"),
        (b"\x01" + GUID.bytes + b"\x00", "01 89"),
    ],
)
def test_a_header_that_names_no_schema_is_a_problem_of_its_row(
    header: bytes | None, shown: str
) -> None:
    """The prefix is no way out: the producer said where to look."""
    framed = b"\x00\x00\x00\x00\x07x"
    stripped = stripped_confluent([framed, framed], [[(SCHEMA_ID_HEADER, header)], None])
    assert found(stripped) == {ById(7): {1: b"x"}}
    assert set(stripped.problems) == {0}
    assert f"{SCHEMA_ID_HEADER} is {shown}" in stripped.problems[0]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (b"", "The value is empty"),
        (b"\x00\x00\x00", "3 bytes long (00 00 00), too short"),
        (b"\x01" + GUID.bytes[:15], "16 bytes long"),
        (b'{"amount": 1}', "begins with 7b 22 61 6d 6f"),
    ],
)
def test_an_illegible_value_is_a_problem_of_its_row_alone(value: bytes, sentence: str) -> None:
    """The neighbours are found as if it were not there."""
    framed = b"\x00\x00\x00\x00\x07x"
    stripped = stripped_confluent([framed, value, framed])
    assert found(stripped) == {ById(7): {0: b"x", 2: b"x"}}
    assert set(stripped.problems) == {1}
    assert sentence in stripped.problems[1]


def test_single_object_framing_agrees_with_fastavro() -> None:
    """The fingerprint is little-endian on the wire (Avro specification)."""
    schema = fastavro.parse_schema("string")
    buffer = io.BytesIO()
    fingerprint = fastavro.schema.fingerprint(
        fastavro.schema.to_parsing_canonical_form(schema), "CRC-64-AVRO"
    )
    buffer.write(b"\xc3\x01" + bytes.fromhex(fingerprint))
    fastavro.schemaless_writer(buffer, schema, "hello")
    key = ByFingerprint(bytes.fromhex(fingerprint))
    stripped = strip([buffer.getvalue(), b"\xc3\x01\x00"], [None, None], "single_object")
    assert found(stripped) == {key: {0: b"\x0ahello"}}
    assert "too short for Avro's single-object framing" in stripped.problems[1]


def test_single_object_framing_ignores_confluent_headers() -> None:
    """A stray header of another framing says nothing."""
    headers: list[Headers | None] = [[(SCHEMA_ID_HEADER, b"\x00\x00\x00\x00\x01")]]
    value = b"\xc3\x01" + FINGERPRINT + b"x"
    assert found(strip([value], headers, "single_object")) == {
        ByFingerprint(FINGERPRINT): {0: b"x"}
    }


def test_without_framing_every_value_is_a_payload() -> None:
    """Whatever it begins with."""
    assert found(strip([b"\x00", b""], [None, None], "none")) == {Unframed(): {0: b"\x00", 1: b""}}


@pytest.mark.parametrize("framing", ["confluent", "single_object", "none"])
def test_no_rows_are_no_groups(framing: Framing) -> None:
    """An empty batch is legal."""
    assert strip([], [], framing) == Stripped((), {})


KEYS: st.SearchStrategy[SchemaKey] = st.one_of(
    st.integers(0, 3).map(ById),
    st.integers(0, 2**32 - 1).map(ById),
    st.just(ByGuid(GUID)),
    st.just(ByGuid(uuid.UUID(int=0))),
)


@settings(deadline=None)
@given(st.lists(st.tuples(KEYS, st.booleans(), st.binary(max_size=20)), max_size=30))
def test_what_is_framed_is_stripped(events: list[tuple[SchemaKey, bool, bytes]]) -> None:
    """Any mix of keys, in prefixes and headers, comes back with its rows in order."""
    values: list[bytes] = []
    headers: list[Headers | None] = []
    expected: dict[SchemaKey, dict[int, bytes]] = {}
    for row, (key, in_header, body) in enumerate(events):
        prefix = prefix_for("confluent", key)
        values.append(body if in_header else prefix + body)
        headers.append([(SCHEMA_ID_HEADER, prefix)] if in_header else None)
        expected.setdefault(key, {})[row] = body
    stripped = stripped_confluent(values, headers)
    assert found(stripped) == expected
    assert not stripped.problems


@settings(deadline=None)
@given(
    st.lists(st.binary(max_size=20), max_size=20),
    st.sampled_from(["confluent", "single_object", "none"]),
)
def test_every_row_is_in_one_group_or_has_a_problem(values: list[bytes], framing: Framing) -> None:
    """No bytes, however broken, lose a row or show it twice."""
    stripped = strip(values, [None] * len(values), framing)
    rows = [row for group in stripped.groups for row in group.rows.tolist()]
    assert sorted([*rows, *stripped.problems]) == list(range(len(values)))


@pytest.mark.parametrize(
    ("framing", "key", "prefix"),
    [
        ("confluent", ById(258), b"\x00\x00\x00\x01\x02"),
        ("confluent", ByGuid(GUID), b"\x01" + GUID.bytes),
        ("single_object", ByFingerprint(FINGERPRINT), b"\xc3\x01" + FINGERPRINT),
        ("none", Unframed(), b""),
    ],
)
def test_the_prefix_of_a_key(framing: Framing, key: SchemaKey, prefix: bytes) -> None:
    """What the scored events begin with."""
    assert prefix_for(framing, key) == prefix


def test_a_key_of_another_framing_has_no_prefix() -> None:
    """A mix-up is a bug, not a silent empty prefix."""
    with pytest.raises(ValueError, match="single_object framing can't carry a ById key"):
        prefix_for("single_object", ById(1))
