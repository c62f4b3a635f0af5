"""What may be shown of the settings."""

from __future__ import annotations

from typing import Any

from stream_scorer.config.text import Secret


def redacted(value: Any) -> Any:
    """Return the value with every :class:`Secret` in it hidden."""
    if isinstance(value, Secret):
        return value.shown
    if isinstance(value, dict):
        return {key: redacted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item) for item in value]
    return value
