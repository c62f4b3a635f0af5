"""A YAML text as plain values, with the line that each came from.

Unquoted scalars are read by the core schema of YAML 1.2: ``on`` and ``2026-11-24`` are text, not a
boolean and a date. A key given twice is an error, not silently the last one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from stream_scorer.config.text import WrittenFloat, WrittenInt
from stream_scorer.errors import ConfigError

Path = tuple[str, ...]

_STANDARD_TAGS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_NULL = re.compile(r"^(~|null|Null|NULL|)$")
_BOOLEAN = re.compile(r"^(true|True|TRUE|false|False|FALSE)$")
_INTEGER = re.compile(r"^[-+]?[0-9]{1,300}$|^0o[0-7]+$|^0x[0-9a-fA-F]+$")
_NUMBER = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
_NOT_FINITE = re.compile(r"^([-+]?)\.(inf|Inf|INF)$|^\.(nan|NaN|NAN)$")


@dataclass(frozen=True, slots=True)
class Document:
    """The values of a YAML text, and the line (from 1) of each path in it."""

    values: Any
    lines: dict[Path, int] = field(default_factory=dict)


def parse(text: str, source: str) -> Document:
    """Read one YAML document; ``source`` names it in errors.

    Raises:
        ConfigError: it is not YAML, has a key twice, or uses tags.
    """
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{source}{line}: this is not valid YAML: {_harmless(error)}.") from None
    except yaml.YAMLError:
        raise ConfigError(f"{source}: this is not YAML; a character is not allowed.") from None
    except RecursionError:
        raise ConfigError(f"{source}: this is nested too deeply.") from None
    document = Document(None)
    if root is None:
        return document
    try:
        return Document(_value(root, (), document.lines, source), document.lines)
    except RecursionError:
        raise ConfigError(
            f"{source}: this is nested too deeply, or an anchor contains itself."
        ) from None


def _harmless(error: yaml.MarkedYAMLError) -> str:
    """Return what is wrong without the text itself, which may be a password with a ``*``."""
    return re.sub(r" '(?!<)[^']{2,}'", "", error.problem or "unreadable")


def parse_value(text: str, source: str) -> Any:
    """Read the value of a variable or an option, which stands on its own.

    Raises:
        ConfigError: as :func:`parse`; or a ``#`` would cut the value short, as in a password.
    """
    bare = text.strip()
    if bare.startswith("#") or (" #" in bare and bare[0] not in "\"'{["):
        raise ConfigError(f"{source}: what follows the # would be a comment; quote the value.")
    try:
        return parse(text, source).values
    except ConfigError as error:
        raise ConfigError(
            f"{str(error).removesuffix('.')}; a text with such characters needs quotes inside the "
            "shell's own."
        ) from None


def _value(node: yaml.Node, path: Path, lines: dict[Path, int], source: str) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    if node.tag not in _STANDARD_TAGS:
        raise ConfigError(f"{source}:{line}: YAML tags are not supported; quote a text with !.")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines, source)
    if isinstance(node, yaml.SequenceNode):
        return [
            _value(item, (*path, str(position)), lines, source)
            for position, item in enumerate(node.value)
        ]
    quoted = isinstance(node, yaml.ScalarNode) and node.style is not None
    return node.value if quoted else scalar(node.value)


def _mapping(
    node: yaml.MappingNode, path: Path, lines: dict[Path, int], source: str
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise ConfigError(f"{source}:{line}: a key must be a plain text.")
        key = key_node.value
        if key in values:
            raise ConfigError(
                f"{source}:{line}: {'.'.join((*path, key))} is set twice, first in line "
                f"{lines[(*path, key)]}; remove one."
            )
        lines[(*path, key)] = line
        values[key] = _value(value_node, (*path, key), lines, source)
    return values


def scalar(text: str) -> Any:
    """Return what an unquoted scalar means in the core schema of YAML 1.2."""
    if _NULL.match(text):
        return None
    if _BOOLEAN.match(text):
        return text.lower() == "true"
    if _INTEGER.match(text):
        whole = WrittenInt(text, 0) if text[:2] in ("0o", "0x") else WrittenInt(text)
        whole.written = text
        return whole
    if _NUMBER.match(text):
        number = WrittenFloat(text)
        number.written = text
        return number
    if _NOT_FINITE.match(text):
        return float(text.replace(".", ""))
    return text
