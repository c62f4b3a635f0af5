"""Sources that need no asking, and several in a row."""

from __future__ import annotations

import uuid

import pytest

from stream_scorer.avro.framing import ByFingerprint, ByGuid, ById, SchemaKey, Unframed
from stream_scorer.avro.schema import parse
from stream_scorer.schemas import FirstOf, FixedSchema

LONG, STRING = parse("long"), parse("string")


@pytest.mark.parametrize("key", [Unframed(), ByFingerprint(LONG.fingerprint)])
def test_a_fixed_schema_is_that_of_unframed_events_and_of_its_fingerprint(key: SchemaKey) -> None:
    """The framings that need no registry."""
    assert FixedSchema(LONG).find(key) is LONG


@pytest.mark.parametrize("key", [ById(1), ByGuid(uuid.uuid4()), ByFingerprint(STRING.fingerprint)])
def test_a_fixed_schema_is_no_other(key: SchemaKey) -> None:
    """It has no id, and one fingerprint."""
    assert FixedSchema(LONG).find(key) is None


def test_the_first_source_that_has_the_schema_answers() -> None:
    """The reader's own schema needs no registry."""
    several = FirstOf([FixedSchema(LONG), FixedSchema(STRING)])
    assert several.find(ByFingerprint(STRING.fingerprint)) is STRING
    assert several.find(Unframed()) is LONG
    assert several.find(ById(1)) is None
