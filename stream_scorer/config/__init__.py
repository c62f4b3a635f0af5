"""The configuration: what can be set, where it is read from, and what is wrong with it."""

from __future__ import annotations

from stream_scorer.config.loading import load
from stream_scorer.config.settings import Settings

__all__ = ["Settings", "load"]
