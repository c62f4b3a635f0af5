"""The text of a schema: byte order marks and comments are read, faults have line and column."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_scorer.avro.text import json_values
from stream_scorer.errors import ConfigError

COMMENTED = """/*
 * Licensed under some licence: "don't" // read it
 */
{
  "type": "record", // one payment
  "name": "Payment", /**/
  "doc": "see https://example.org/*, \\"quoted\\" // text",
  "fields": [] /* none
    yet */
} // the end"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_file_is_read_in_any_encoding_of_json(encoding: str) -> None:
    """Some editors on Windows put a byte order mark in front, or write UTF-16."""
    assert json_values('{"name": "größe"}'.encode(encoding)) == {"name": "größe"}


def test_comments_are_left_out_as_java_leaves_them_out() -> None:
    """But not what looks like one within a string."""
    assert json_values(COMMENTED) == {
        "type": "record",
        "name": "Payment",
        "doc": 'see https://example.org/*, "quoted" // text',
        "fields": [],
    }


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner, min_size=1)))
def test_text_that_is_json_is_read_as_json(value: object) -> None:
    """Whatever its strings hold, also with a comment behind it."""
    text = json.dumps([value])
    assert json_values(text) == json_values(text + "//") == [value]


def test_numbers_that_json_has_not_are_the_text_that_java_has() -> None:
    """Python writes them bare, and others refuse what is written from them."""
    values = json_values('{"a": NaN, "b": [-Infinity, 1] /* */}')
    assert values == {"a": "NaN", "b": ["-Infinity", 1]}


@pytest.mark.parametrize("name", ["long", " string \n", "shop.Payment"])
def test_a_bare_name_is_itself(name: str) -> None:
    """So settings have it."""
    assert json_values(name) == name.strip()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{\n "a": 1, // one\n "b" 2\n}', "line 3, column 6: Expecting ':' delimiter."),
        ("/* never ends\n{}", "line 1, column 1: Expecting value."),
        ("# a comment of YAML\n{}", "line 1, column 1: a comment begins with // or /*."),
        ('{"a": 1} # of YAML', "line 1, column 10: a comment begins with // or /*."),
        ('{"a": [1, 2,\n]}', "a comma with nothing behind it."),
        ('{"a": 1, // the last\n}', "a comma with nothing behind it."),
        ("{}\n// another\n{}", "line 3, column 1: the schema ends before it, and"),
        ("syntax = 'proto3';\n" * 100, "line 1, column 1: Expecting value."),
        ("[1" + "1" * 5000 + "]", "Exceeds the limit"),
        ("", "The schema is empty."),
        (b"\xef\xbb\xbf\n", "The schema is empty."),
        ("// to be written\n", "The schema is empty."),
        (b'{"name": "gr\xf6\xdfe"}', "The schema is not text: byte 12 can't be read as UTF-8."),
    ],
)
def test_what_is_no_json_is_one_short_sentence_with_its_place(
    text: str | bytes, sentence: str
) -> None:
    """The line and column are those of the file, comments or not."""
    with pytest.raises(ConfigError) as caught:
        json_values(text)
    assert sentence in str(caught.value)
    assert len(str(caught.value)) < 200
