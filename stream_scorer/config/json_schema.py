"""The configuration as a JSON Schema, for editors and for checks in a pipeline."""

from __future__ import annotations

from typing import Any

from stream_scorer.config.settings import Settings


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the configuration file."""
    # The way out, since only there are defaults written as a person would write them: 100ms.
    schema = _plain(Settings.model_json_schema(by_alias=True, mode="serialization"))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "stream-scorer configuration",
        **schema,
    }


def _plain(schema: Any) -> Any:
    """Return the schema without titles, which only repeat the keys; descriptions in one line."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {}
    for key, value in schema.items():
        if key == "description" and isinstance(value, str):
            plain[key] = value.replace("\n", " ")
        elif key != "title" or not isinstance(value, str):
            plain[key] = _plain(value)
    return plain
