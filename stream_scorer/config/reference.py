"""The reference of the configuration, written from the settings themselves.

``python -m stream_scorer.config.reference > docs/configuration.md`` writes it anew; a test holds
that the file says what the code does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from stream_scorer.config import reserved
from stream_scorer.config.json_schema import json_schema

_INTRODUCTION = """\
# Configuration

<!-- Made from the settings: python -m stream_scorer.config.reference > docs/configuration.md -->

One YAML file. An unknown key is an error that names the nearest known one. `stream-scorer schema
config` prints this page as a JSON Schema, for editors.

A setting can also come from the command line or the environment. The first of these wins:

| where | form |
|---|---|
| command line | `--set batching.max_records=512` |
| environment | `STREAM_SCORER__BATCHING__MAX_RECORDS=512` |
| file | `batching: {max_records: 512}` |
| default | as listed below |

- A value from the command line or the environment is read as YAML: `[a, b]` is a list, `null` is
  null. A password with `#`, `*` or `: ` in it needs quotes, or a file.
- Below `common`, `consumer`, `producer`, `properties` and `session` the rest of the path is one
  key: `--set kafka.common.sasl.password=...`. In the environment `_` stands for `.` there:
  `STREAM_SCORER__KAFKA__COMMON__SASL_PASSWORD`. The same goes for the keys of `inputs`, `outputs`
  and `fields`, which in the environment are in lower case.
- Any text may be `file:/path`: it is read from there, and one newline at its end is dropped. What
  comes from a file, and every property that holds a credential, never appears in logs, in errors
  or on the status page.
- Durations and sizes carry a unit: `5ms`, `2s`, `1m`, `1h`; `64KiB`, `16MiB`, `1MB`.
- A relative path to the model, the reader's schema or the directory of schemas is relative to the
  file that it stands in; from elsewhere, to the working directory.
- Unquoted scalars follow the core schema of YAML 1.2: `on` and `2026-11-24` are text.
"""
_REFUSED = """\
## Client properties that are refused

Any property of librdkafka can be set, except those that the promise rests on and those that have a
setting of their own.
"""


def reference() -> str:
    """Return the reference as Markdown."""
    schema = json_schema()
    parts = [_INTRODUCTION, *_sections(schema, schema, ""), _REFUSED, *_refused()]
    return "\n".join(parts)


def _sections(schema: dict[str, Any], node: dict[str, Any], path: str) -> Iterator[str]:
    """Yield a heading and a table for each section, outer sections first."""
    required = node.get("required", [])
    rows, inner = [], []
    for key, described in node["properties"].items():
        full = f"{path}.{key}" if path else key
        section = section_of(schema, described)
        if section is not None:
            text = described.get("description", section["description"])
            inner.append((full, section, text))
            continue
        default = "required" if key in required else _default(described)
        rows.append(f"| `{key}` | {_kind(described)} | {default} | {described['description']} |")
    if rows:
        yield "\n".join(["| key | type | default | |", "|---|---|---|---|", *rows, ""])
    for full, section, description in inner:
        yield f"{'#' * (2 + full.count('.'))} `{full}`\n\n{description}\n"
        yield from _sections(schema, section, full)


def section_of(schema: dict[str, Any], described: dict[str, Any]) -> dict[str, Any] | None:
    """Return the section that a setting is, ``None`` for one that holds a value itself."""
    for option in (described, *described.get("anyOf", [])):
        if "$ref" in option:
            section: dict[str, Any] = schema["$defs"][option["$ref"].rpartition("/")[2]]
            return section
    return None


def _kind(described: dict[str, Any]) -> str:
    if "anyOf" in described:
        return " or ".join(dict.fromkeys(_kind(option) for option in described["anyOf"]))
    if "enum" in described:
        return ", ".join(f"`{value}`" for value in described["enum"])
    if "const" in described:
        return f"`{described['const']}`"
    kind = described.get("type", "any")
    if isinstance(kind, list):
        return "value"
    if kind == "array":
        return f"list of {_kind(described['items'])}"
    if kind == "object" and "additionalProperties" in described:
        return f"map to {_kind(described['additionalProperties'])}"
    return _unit(described) or _word(kind)


def _unit(described: dict[str, Any]) -> str:
    examples = described.get("examples", [])
    return {"5ms": "duration", "64KiB": "size"}.get(examples[0], "") if examples else ""


def _word(kind: str) -> str:
    words = {"string": "text", "integer": "whole number", "boolean": "true or false"}
    return words.get(kind, kind)


def _default(described: dict[str, Any]) -> str:
    if "default" not in described:
        return ""
    value = described["default"]
    return f"`{value if isinstance(value, str) and value else json.dumps(value)}`"


def _refused() -> Iterator[str]:
    for section in ("common", "consumer", "producer"):
        yield f"### In `kafka.{section}`\n"
        rows = [f"| `{name}` | it {why} |" for name, why in reserved.own_reasons(section).items()]
        yield "\n".join(["| property | why |", "|---|---|", *rows, ""])


if __name__ == "__main__":
    sys.stdout.write(reference())
