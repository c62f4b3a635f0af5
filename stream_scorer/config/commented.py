"""A configuration as a file to begin with: every setting with its meaning, its value, and notes.

A setting that is given no value has its default, so that the file says all there is to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any

from stream_scorer.config.document import Path, scalar
from stream_scorer.config.json_schema import json_schema
from stream_scorer.config.reference import section_of

_WIDTH = 98
_PLAIN = re.compile(r"[A-Za-z0-9_./^][A-Za-z0-9_./@$()*+\[\]=:-]*")


@dataclass(frozen=True, slots=True)
class Draft:
    """The values that a file sets, and the comments on them.

    Attributes:
        values: by the path of a setting; a mapping or a list is one value.
        notes: sentences by the path of a setting or a section, shown above it.
    """

    values: dict[Path, Any] = field(default_factory=dict)
    notes: dict[Path, list[str]] = field(default_factory=dict)

    def sets(self, section: Path) -> bool:
        """Return whether any setting in the section has a value."""
        return any(path[: len(section)] == section for path in self.values)


def written(draft: Draft, introduction: Sequence[str]) -> str:
    """Return the file's text."""
    schema = json_schema()
    head = [line for sentence in introduction for line in _comment(sentence, "")]
    return "\n".join([*head, *_section(schema, schema, (), draft), ""])


def _section(
    schema: dict[str, Any], node: dict[str, Any], path: Path, draft: Draft
) -> Iterator[str]:
    for key, described in node["properties"].items():
        inner, indent = (*path, key), "  " * len(path)
        section = section_of(schema, described)
        if not path:
            yield ""
        yield from _comment({**(section or {}), **described}["description"], indent)
        for note in draft.notes.get(inner, []):
            yield from _comment(note, indent, mark="#! ")
        if section is None:
            yield from _value(key, draft.values.get(inner, described.get("default")), indent)
        elif draft.sets(inner) or described.get("default", {}) is not None:
            yield f"{indent}{key}:"
            yield from _section(schema, section, inner, draft)
        else:
            yield f"{indent}{key}: null"


def _value(key: str, value: Any, indent: str) -> Iterator[str]:
    line = f"{indent}{_scalar(key)}: {_flow(value)}"
    if len(line) <= _WIDTH or not isinstance(value, dict | list) or not value:
        yield line
        return
    yield f"{indent}{_scalar(key)}:"
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _value(name, inner, f"{indent}  ")
        return
    yield from (f"{indent}  - {_flow(item)}" for item in value)


def _flow(value: Any) -> str:
    """Return the value on one line."""
    if isinstance(value, dict):
        inner = ", ".join(f"{_scalar(key)}: {_flow(item)}" for key, item in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_flow, value))}]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    """Return a scalar, quoted where it would be read as something else."""
    if not isinstance(value, str):
        return json.dumps(value)
    plain = _PLAIN.fullmatch(value) and not value.endswith(":") and scalar(value) == value
    return value if plain else json.dumps(value, ensure_ascii=False)


def _comment(text: str, indent: str, mark: str = "# ") -> Iterator[str]:
    for line in wrap(text, _WIDTH - len(indent) - len(mark)):
        yield f"{indent}{mark}{line}"
