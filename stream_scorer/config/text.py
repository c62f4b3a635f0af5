"""Text in a configuration: as it was written, and hidden when it is a secret."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    PlainSerializer,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)

from stream_scorer.hiding import HIDDEN, without_credentials

_SURROGATE = re.compile("[\ud800-\udfff]")


class Secret(str):  # noqa: SLOT000 - it carries what may be shown
    """A text that no ``repr`` shows; the text itself is what clients are given.

    ``file`` is where it was read, if it stands in a file of its own.
    """

    shown: str
    file: Path | None

    def __new__(cls, text: str, shown: str = HIDDEN, file: Path | None = None) -> Self:
        """Return the text, of which only ``shown`` may be seen."""
        secret = super().__new__(cls, text)
        secret.shown = shown
        secret.file = file
        return secret

    def __repr__(self) -> str:
        """Show what may be seen."""
        return repr(self.shown)


def visible(text: str) -> str:
    """Return the text, as a secret if it holds credentials or is one already."""
    shown = without_credentials(text)
    return text if isinstance(text, Secret) or shown == text else Secret(text, shown)


class WrittenInt(int):
    """A whole number that knows how it was written, for a setting that wants text."""

    written: str = ""


class WrittenFloat(float):
    """A number that knows how it was written: ``1.10`` is another version than ``1.1``."""

    written: str = ""


def sound(text: str) -> str:
    """Return the text, if other software can be given it.

    C ends a text at its first NUL. What is no Unicode character, as bytes of the environment that
    are no UTF-8 become, can't be encoded. Neither is told by a client: some end the process.

    Raises:
        ValueError: it holds either.
    """
    if "\0" in text:
        raise ValueError("must not hold a NUL character")
    if _SURROGATE.search(text):
        raise ValueError("must be Unicode text; it holds bytes that are not UTF-8, or a surrogate")
    return text


def _as_written(value: Any, validate: ValidatorFunctionWrapHandler) -> str:
    if isinstance(value, str):
        sound(value)
    if isinstance(value, Secret):
        return value
    if isinstance(value, WrittenInt | WrittenFloat):
        value = value.written
    return visible(str(validate(value)))


Text = Annotated[str, WrapValidator(_as_written), WithJsonSchema({"type": "string"})]
"""A text; a number without quotes is taken as it is written, a secret stays one."""


def _as_path(value: Any, validate: ValidatorFunctionWrapHandler) -> Path:
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError("must be a path")
    path: Path = validate(sound(str(value)))
    return path


FilePath = Annotated[
    Path,
    WrapValidator(_as_path),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string"}),
]
"""A path; a relative one in the file is relative to the file's folder."""
