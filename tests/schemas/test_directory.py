"""A folder of schemas: every mistake in it is found at start and named."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from stream_scorer.avro.framing import ByFingerprint, ByGuid, ById, Unframed
from stream_scorer.avro.schema import Schema, parse
from stream_scorer.errors import ConfigError
from stream_scorer.schemas import DirectorySchemas

CARD = '{"type": "record", "name": "shop.Card", "fields": [{"name": "amount", "type": "double"}]}'
GUID = uuid.UUID("89791762-2336-4186-9674-299b90a802e2")


def folder(path: Path, ids: str | None, **files: str) -> Path:
    """Fill a folder with ``ids.yaml`` and schema files."""
    if ids is not None:
        (path / "ids.yaml").write_text(ids)
    for name, text in files.items():
        (path / f"{name}.avsc").write_text(text)
    return path


def card(**more: Any) -> Schema:
    """Return the card's schema."""
    return parse({**parse(CARD).json, **more})


def test_ids_and_guids_are_those_of_the_list(tmp_path: Path) -> None:
    """One mapping, comments allowed."""
    ids = f"# from production\n1: card.avsc\n70000: card.avsc\n{GUID}: card.avsc\n"
    schemas = DirectorySchemas(folder(tmp_path, ids, card=CARD))
    assert schemas.find(ById(1)) == schemas.find(ById(70000)) == card()
    assert schemas.find(ByGuid(GUID)) == card()
    assert schemas.find(ById(2)) is None
    assert schemas.find(Unframed()) is None


def test_every_schema_of_the_folder_has_its_fingerprint(tmp_path: Path) -> None:
    """Listed or not, in the folder or below; a file that needs another is passed over."""
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "name.avsc").write_text('"string"')
    part = '{"type": "array", "items": "shop.Elsewhere"}'
    schemas = DirectorySchemas(folder(tmp_path, None, card=CARD, part=part))
    assert schemas.find(ByFingerprint(card().fingerprint)) == card()
    assert schemas.find(ByFingerprint(parse("string").fingerprint)) == parse("string")
    assert schemas.find(ByFingerprint(parse("long").fingerprint)) is None


def test_the_id_of_an_equal_schema_is_the_lowest(tmp_path: Path) -> None:
    """Equal is what reads alike: white space and doc don't count."""
    ids = "9: card.avsc\n5: card.avsc\n7: other.avsc"
    schemas = DirectorySchemas(folder(tmp_path, ids, card=CARD, other='"long"'))
    assert schemas.id_of(card(doc="as printed")) == 5


def test_a_schema_that_differs_in_defaults_has_the_id_of_the_listed_one(tmp_path: Path) -> None:
    """Which defaults are derived may change from release to release; an equal one goes first."""
    fields = [{"name": "amount", "type": "double", "default": 0}]
    with_default = card(fields=fields)
    files = {"card": CARD, "new": with_default.text, "other": '"long"'}
    ids = "1: other.avsc\n5: card.avsc\n"
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    first = DirectorySchemas(folder(tmp_path / "first", ids, **files))
    assert first.id_of(with_default) == 5
    second = DirectorySchemas(folder(tmp_path / "second", f"{ids}7: new.avsc\n", **files))
    assert second.id_of(with_default) == 7
    assert second.id_of(card()) == 5


def test_a_schema_without_an_id_says_what_to_add(tmp_path: Path) -> None:
    """The sentence holds the line to copy."""
    schemas = DirectorySchemas(folder(tmp_path, "9: other.avsc", other='"long"'))
    with pytest.raises(ConfigError) as caught:
        schemas.id_of(card())
    assert "no schema that equals shop.Card" in str(caught.value)
    assert f"as {tmp_path / 'Card.avsc'} and add the line `10: Card.avsc`" in str(caught.value)


@pytest.mark.parametrize(
    ("ids", "sentence"),
    [
        ("1: card.avsc\n2: crad.avsc", r"line 2 \(2: crad.avsc\): .* can't be read: No such file"),
        ("1: broken.avsc", r"line 1 \(1: broken.avsc\): .*: The schema is not JSON"),
        ("1: card.avsc\n1: card.avsc", r"line 2 lists schema id 1 a second time"),
        ("one: card.avsc", "line 1: one is neither a schema id"),
        ("-1: card.avsc", "line 1: -1 is neither a schema id"),
        ("4294967296: card.avsc", "is neither a schema id"),
        ("1: [card.avsc]", "line 1 must be a schema id and a path"),
        ("- card.avsc", "must be a mapping"),
        ("card.avsc", "must be a mapping"),
        ("", "must be a mapping"),
        ("1: {", "can't be read"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, ids: str, sentence: str) -> None:
    """At start, not at the first event."""
    with pytest.raises(ConfigError, match=rf"ids.yaml.* ?{sentence}"):
        DirectorySchemas(folder(tmp_path, ids, card=CARD, broken="{"))


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    """A path typo."""
    with pytest.raises(ConfigError, match=r"`schemas.directory`: .*nowhere is not a folder"):
        DirectorySchemas(tmp_path / "nowhere")


def test_an_empty_folder_is_a_mistake(tmp_path: Path) -> None:
    """Every event would be without a schema."""
    with pytest.raises(ConfigError, match=r"has neither ids.yaml nor a schema"):
        DirectorySchemas(tmp_path)
