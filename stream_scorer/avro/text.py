"""The text of a schema to JSON values, as Java's parser takes it: comments are left out.

A file may begin with a byte order mark, and may be UTF-16 as some editors on Windows write it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from stream_scorer.errors import ConfigError

_BARE_NAME = re.compile(r'[^\s{}\[\]",:/]+')
_STRING_OR_COMMENT = re.compile(r'"(?:\\.|[^"\\])*"|/\*.*?\*/|//[^\r\n]*', re.DOTALL)
_BYTE_ORDER_MARK = "\ufeff"


def json_values(text: str | bytes) -> Any:
    """Return the JSON values of a schema; a type's bare name is itself.

    Raises:
        ConfigError: it is not text or no JSON; one sentence with line and column.
        RecursionError: it nests too deep.
    """
    if isinstance(text, bytes):
        text = _decoded(text)
    text = text.removeprefix(_BYTE_ORDER_MARK)
    if bare := _BARE_NAME.fullmatch(text.strip()):
        return bare.group()
    try:
        return _loaded(text)
    except ValueError:
        return _without_comments(text)


def _loaded(text: str) -> Any:
    """Return the values of JSON. NaN and infinities, which JSON has not, are text, as in Java."""
    return json.loads(text, parse_constant=str)


def _decoded(octets: bytes) -> str:
    encoding = json.detect_encoding(octets)
    try:
        return octets.decode(encoding)
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"The schema is not text: byte {error.start} can't be read as {encoding.upper()}."
        ) from None


def _without_comments(text: str) -> Any:
    """Parse again with spaces for each comment, so that line and column are those of the file."""
    plain = _STRING_OR_COMMENT.sub(_blanked, text)
    if not plain.strip():
        raise ConfigError("The schema is empty.")
    try:
        return _loaded(plain)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"The schema is not JSON: line {error.lineno}, column {error.colno}: {_fault(error)}."
        ) from None
    except ValueError as error:
        raise ConfigError(f"The schema is not JSON: {error}.") from None


def _fault(error: json.JSONDecodeError) -> str:
    """Return what is wrong, in plainer words for what is wrong most often."""
    before, at = error.doc[: error.pos].rstrip(), error.doc[error.pos : error.pos + 1]
    if at == "#":
        return "a comment begins with // or /*"
    if (before.endswith(",") and at in {"}", "]"}) or "trailing comma" in error.msg:
        return "a comma with nothing behind it"
    if error.msg == "Extra data":
        return "the schema ends before it, and a file holds one"
    return error.msg


def _blanked(found: re.Match[str]) -> str:
    token = found.group()
    return token if token.startswith('"') else re.sub(r"[^\r\n]", " ", token)
