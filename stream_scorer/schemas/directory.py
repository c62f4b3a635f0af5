"""A folder of schema files in place of a registry."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import yaml

from stream_scorer.avro.framing import ByFingerprint, ByGuid, ById, SchemaKey
from stream_scorer.avro.schema import Schema, alike, parse
from stream_scorer.errors import ConfigError, reason

IDS_FILE = "ids.yaml"


class DirectorySchemas:
    """Schemas by what ``ids.yaml`` lists, and by fingerprint.

    ``ids.yaml`` is one mapping: a schema id (or a schema GUID) to the path of a schema file, from
    the folder. Events in single-object framing find every schema that is listed, and every other
    ``.avsc`` file of the folder that stands alone. Everything is read at once, when constructed.
    """

    def __init__(self, folder: Path) -> None:
        """Read the folder.

        Raises:
            ConfigError: it can't be read, or an entry names no schema; the text says which.
        """
        self._folder = folder
        if not folder.is_dir():
            raise ConfigError(f"`schemas.directory`: {folder} is not a folder.")
        self._by_key = _listed(folder)
        self._by_fingerprint = {
            schema.fingerprint: schema for schema in (*_unlisted(folder), *self._by_key.values())
        }
        if not self._by_fingerprint:
            raise ConfigError(
                f"`schemas.directory`: {folder} has neither {IDS_FILE} nor a schema (.avsc)."
            )

    def find(self, key: SchemaKey) -> Schema | None:
        """Return the schema of an id, GUID or fingerprint, or ``None``."""
        if isinstance(key, ByFingerprint):
            return self._by_fingerprint.get(key.fingerprint)
        return self._by_key.get(key)

    @property
    def listed(self) -> Mapping[SchemaKey, Schema]:
        """Return what ``ids.yaml`` lists."""
        return self._by_key

    def id_of(self, schema: Schema) -> int:
        """Return the id under which a schema, or one that is ``alike``, is listed.

        An equal one is preferred; of several it is the lowest.

        Raises:
            ConfigError: it is not listed; the text says what to add.
        """
        ids = [key.id for key in self._by_key if isinstance(key, ById)]
        for fits in (operator.eq, alike):
            same = [number for number in ids if fits(self._by_key[ById(number)], schema)]
            if same:
                return min(same)
        name = str(schema.json.get("name", "schema")) if isinstance(schema.json, dict) else "schema"
        file = name.rpartition(".")[2] + ".avsc"
        raise ConfigError(
            f"{self._folder / IDS_FILE} lists no schema that equals {name}: save what "
            f"`stream-scorer schema output` prints as {self._folder / file} and add the line "
            f"`{max(ids, default=0) + 1}: {file}`."
        )


def _listed(folder: Path) -> dict[SchemaKey, Schema]:
    path = folder / IDS_FILE
    if not path.exists():
        return {}
    try:
        # Composed, not loaded: loading lets the last of two equal keys win without a word.
        root = yaml.compose(path.read_text("utf-8"), yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} can't be read: {reason(error)}.") from None
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(f"{path} must be a mapping of schema id to path, as in `1: card.avsc`.")
    listed: dict[SchemaKey, Schema] = {}
    for name, file in root.value:
        entry = f"{path} line {name.start_mark.line + 1}"
        if not isinstance(name, yaml.ScalarNode) or not isinstance(file, yaml.ScalarNode):
            raise ConfigError(f"{entry} must be a schema id and a path, as in `1: card.avsc`.")
        key = _key(entry, name.value)
        if key in listed:
            raise ConfigError(f"{entry} lists {key} a second time.")
        listed[key] = _schema(f"{entry} ({name.value}: {file.value})", folder / file.value)
    return listed


def _key(entry: str, name: str) -> SchemaKey:
    if name.isascii() and name.isdigit() and int(name) < 1 << 32:
        return ById(int(name))
    try:
        return ByGuid(UUID(name))
    except ValueError:
        raise ConfigError(
            f"{entry}: {name} is neither a schema id, a whole number of 32 bits, nor a GUID."
        ) from None


def _schema(entry: str, path: Path) -> Schema:
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{entry}: {path} can't be read: {reason(error)}.") from None
    except ConfigError as error:
        raise ConfigError(f"{entry}: {path}: {error}") from None


def _unlisted(folder: Path) -> list[Schema]:
    """Return the schemas that stand alone; others hold types that a listed one may define."""
    found = []
    for path in sorted(folder.rglob("*.avsc")):
        try:
            found.append(_schema("", path))
        except ConfigError:
            continue
    return found
