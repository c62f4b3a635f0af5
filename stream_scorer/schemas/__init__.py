"""Sources of schemas: a registry, a folder of files, one file; and a cache in front of them.

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
