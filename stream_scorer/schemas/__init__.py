"""Where schemas come from: a registry, a folder of files, one file; a cache in front.

The registry client is imported when a registry is configured, not before.
"""

from stream_scorer.schemas.cached import CachedSchemas
from stream_scorer.schemas.directory import DirectorySchemas
from stream_scorer.schemas.registry import RegistrySchemas
from stream_scorer.schemas.source import FirstOf, FixedSchema, SchemaSource

__all__ = [
    "CachedSchemas",
    "DirectorySchemas",
    "FirstOf",
    "FixedSchema",
    "RegistrySchemas",
    "SchemaSource",
]
