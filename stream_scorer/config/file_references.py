"""Texts that stand in another file: ``file:/run/secrets/password``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path as FilePath
from typing import Any

from stream_scorer.config.document import Path
from stream_scorer.config.sources import read_text
from stream_scorer.config.text import Secret
from stream_scorer.errors import ConfigError

SCHEME = "file:"


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
        text = read_text(file, f"{origin(path)}: {'.'.join(path)}: the file {file}")
    except ConfigError:
        if needed(path):
            raise
        return value
    return Secret(text.removesuffix("\n").removesuffix("\r"))
