"""Texts that stand in another file: ``file:/run/secrets/password``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path as FilePath
from typing import Any, TypeVar

from stream_scorer.config.document import Path
from stream_scorer.config.sources import read_text
from stream_scorer.config.text import Secret
from stream_scorer.errors import ConfigError

SCHEME = "file:"

Value = TypeVar("Value")


def read_references(
    value: Any, *, origin: Callable[[Path], str], needed: Callable[[Path], bool], path: Path = ()
) -> Any:
    """Return the values with each ``file:`` text replaced by what the file holds, as a secret.

    One newline at the end is dropped, as editors and ``kubectl create secret`` leave it there.

    Args:
        value: a value of the tree, or the whole tree.
        origin: says where the value at a path came from.
        needed: says whether a file that can't be read matters; otherwise the text stays.
        path: where ``value`` stands in the tree.

    Raises:
        ConfigError: a needed file can't be read.
    """

    def inner(key: str, item: Any) -> Any:
        return read_references(item, origin=origin, needed=needed, path=(*path, key))

    if isinstance(value, dict):
        return {key: inner(key, item) for key, item in value.items()}
    if isinstance(value, list):
        return [inner(str(position), item) for position, item in enumerate(value)]
    if not isinstance(value, str) or not value.startswith(SCHEME):
        return value
    file = FilePath(value.removeprefix(SCHEME))
    try:
        return _read(file, f"{origin(path)}: {'.'.join(path)}: the file {file}")
    except ConfigError:
        if needed(path):
            raise
        return value


def read_again(properties: Mapping[str, Value]) -> dict[str, Value | Secret]:
    """Return the properties, those that stand in a file as it is now.

    Raises:
        ConfigError: a file can't be read, or is empty, as it is for a moment while it is written.
    """
    return {name: _read_again(name, value) for name, value in properties.items()}


def _read_again(name: str, value: Value) -> Value | Secret:
    if not isinstance(value, Secret) or value.file is None:
        return value
    now = _read(value.file, f"{name}: the file {value.file}")
    if not now:
        raise ConfigError(f"{name}: the file {value.file} is empty.")
    return now


def _read(file: FilePath, what: str) -> Secret:
    return Secret(read_text(file, what).removesuffix("\n").removesuffix("\r"), file=file)
