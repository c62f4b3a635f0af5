"""Redacts secrets in the settings, and in texts that libraries derive from them."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

from stream_scorer.config.text import Secret
from stream_scorer.hiding import HIDDEN, without_credentials

#: A secret that is shorter may be an everyday word, which would go missing all over the log.
SHORTEST_IN_TEXTS = 8
_USER_INFO = re.compile(r"://([^/?#\s]*)@")


def redacted(value: Any) -> Any:
    """Return the value with every :class:`Secret` in it hidden."""
    if isinstance(value, Secret):
        return value.shown
    if isinstance(value, dict):
        return {key: redacted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item) for item in value]
    return value


def hider(settings: Any) -> Callable[[str], str]:
    """Return what hides the secrets of the settings in any text, whoever wrote it.

    Hidden are the secrets themselves, also as Python quotes them, the password of
    ``user:password``, the form that it has in an ``Authorization`` header, and the credentials in
    any address.

    Args:
        settings: plain values, as :meth:`Settings.model_dump` returns them.
    """
    forms = {form for secret in _secrets(settings) for form in _forms(secret)}
    words = sorted((each for each in forms if len(each) >= SHORTEST_IN_TEXTS), key=len)
    if not words:
        return without_credentials
    pattern = re.compile("|".join(map(re.escape, reversed(words))))
    return lambda text: pattern.sub(HIDDEN, without_credentials(text))


def _secrets(value: Any) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _secrets(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _secrets(item)


def _forms(secret: Secret) -> Iterator[str]:
    in_addresses = _USER_INFO.findall(secret)
    for text in in_addresses or [str(secret)]:
        for written in {text, unquote(text)}:
            yield written
            # A library that refuses it may quote it, with what is at its end escaped.
            yield written.strip()
            yield repr(written)[1:-1]
            yield repr(written.encode("utf-8", "replace"))[2:-1]
            yield base64.b64encode(written.encode()).decode()
            _, colon, password = written.partition(":")
            if colon:
                yield password
