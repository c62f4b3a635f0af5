"""The interface for finding a writer schema, and its two simplest implementations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from stream_scorer.avro.framing import ByFingerprint, SchemaKey, Unframed
from stream_scorer.avro.schema import Schema

LARGEST_ID = 2**31 - 1
"""Ids are Java ints. To a larger one, garbage in an event, registries have no clear answer."""


class SchemaSource(Protocol):
    """Finds the schema that an event says it was written with."""

    def find(self, key: SchemaKey) -> Schema | None:
        """Return the schema, or ``None`` if the source answers that it has none.

        Raises:
            Withheld: the source answers, but not whether it has this one; ask again later.
            Unanswered: it does not answer now, whatever the schema; ask again later.
            SchemaGone: there is one, and no longer what it refers to.
            ContractError: there is one, and it is not an Avro schema that can be read.
        """


@dataclass(frozen=True, slots=True)
class FixedSchema:
    """One schema that is known beforehand.

    It is the schema of unframed events, and of single-object events with its fingerprint.
    """

    schema: Schema

    def find(self, key: SchemaKey) -> Schema | None:
        """Return the schema if the key means it."""
        match key:
            case Unframed():
                return self.schema
            case ByFingerprint(fingerprint) if fingerprint == self.schema.fingerprint:
                return self.schema
        return None


@dataclass(frozen=True, slots=True)
class FirstOf:
    """Several sources; the first that has the schema answers."""

    sources: Sequence[SchemaSource]

    def find(self, key: SchemaKey) -> Schema | None:
        """Return the first source's schema, or ``None`` if every source answers that it has none.

        Raises:
            Unanswered: a source can't say now, and none before it has the schema.
            ContractError: what the first source has is not an Avro schema that can be read.
        """
        for source in self.sources:
            schema = source.find(key)
            if schema is not None:
                return schema
        return None
