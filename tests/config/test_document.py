"""YAML as a configuration wants it: no surprises of type, no silent loss, lines for errors."""

from __future__ import annotations

import math

import pytest

from stream_scorer.config.document import parse, parse_value
from stream_scorer.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("on", "on"),
        ("no", "no"),
        ("2026-11-24", "2026-11-24"),
        ("12:30:00", "12:30:00"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("010", 10),
        ("0x10", 16),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("'true'", "true"),
        ('"7"', "7"),
        ("1_000", "1_000"),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, expected: object) -> None:
    """So that a topic named ``on`` or a version like a date stays a text."""
    found = parse(text, "here").values
    assert found == expected
    assert isinstance(found, type(expected))


def test_a_number_that_is_not_one_is_read() -> None:
    """``.nan`` is YAML's way to write it."""
    assert math.isnan(parse(".nan", "here").values)


def test_every_path_has_its_line() -> None:
    """Errors point there."""
    document = parse("a:\n  b: 1\n  c:\n    - x\n    - y\n", "here")
    assert document.lines[("a", "b")] == 2
    assert document.lines[("a", "c", "1")] == 5


def test_a_key_that_stands_twice_is_an_error_with_both_lines() -> None:
    """Taking the last one silently would hide a merge gone wrong."""
    with pytest.raises(ConfigError, match=r"f\.yaml:3: a\.b is set twice, first in line 2"):
        parse("a:\n  b: 1\n  b: 2\n", "f.yaml")


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: [1, 2", 1), ("a: 1\n b: 2\n", 2), ("a:\n\tb: 1\n", 2), ("a: 1\n---\nb: 1\n", 2)],
)
def test_broken_yaml_is_an_error_with_its_line(text: str, line: int) -> None:
    """The parser's own words follow."""
    with pytest.raises(ConfigError, match=rf"f\.yaml:{line}: this is not valid YAML: "):
        parse(text, "f.yaml")


@pytest.mark.parametrize("text", ["[" * 3000, "{a: " * 900 + "1" + "}" * 900])
def test_what_is_nested_too_deeply_is_an_error(text: str) -> None:
    """Of our own, not the interpreter's."""
    with pytest.raises(ConfigError, match=r"^f\.yaml: this is nested too deeply"):
        parse(text, "f.yaml")


@pytest.mark.parametrize("text", ["a: \x00", "a: !!python/object:x 1", "a: &x [*x]", "[a]: 1"])
def test_what_a_configuration_does_not_need_is_an_error(text: str) -> None:
    """Control characters, tags, anchors within themselves, keys that are lists."""
    with pytest.raises(ConfigError, match=r"^f\.yaml"):
        parse(text, "f.yaml")


@pytest.mark.parametrize("password", ["*hunter2", "!hunter2", "[hunter2", "'hunter2", "!e!hunter2"])
def test_an_error_does_not_repeat_what_may_be_a_password(password: str) -> None:
    """Characters at its start make it invalid YAML, and a log is no place for it."""
    with pytest.raises(ConfigError) as error:
        parse(f"password: {password}", "f.yaml")
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("value", ["abc #def", "#abc"])
def test_a_value_that_a_comment_would_cut_short_is_an_error(value: str) -> None:
    """In a variable it is a password with a ``#``, never a comment."""
    with pytest.raises(ConfigError, match="quote the value"):
        parse_value(value, "STREAM_SCORER__X")


def test_a_template_without_quotes_of_its_own_says_what_it_needs() -> None:
    """A shell takes away the outer ones."""
    with pytest.raises(ConfigError, match="needs quotes inside the shell's own"):
        parse_value("{group_id}-{hostname}", "--set kafka.transactional_id")


def test_a_quoted_value_keeps_its_number_sign() -> None:
    """That is the way out."""
    assert parse_value('"abc #def"', "x") == "abc #def"
    assert parse_value("abc#def", "x") == "abc#def"
