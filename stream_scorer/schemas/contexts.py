"""Contexts of a registry: each has ids and subjects of its own.

A subject is in a context by its name, ``:.prod:payments-value``; without that prefix it is in the
default context. A base path ``/contexts/.prod`` means the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from stream_scorer.errors import ConfigError

_QUALIFIED = re.compile(r"(:\.[^:]*:?)")
_IN_ADDRESS = re.compile(r"/contexts/([^/,?#]+)")


@dataclass(frozen=True, slots=True)
class Context:
    """One context; ``prefix`` is that of its subjects, empty for the default context."""

    prefix: str = ""

    def subject(self, name: str) -> str:
        """Return a subject's full name; one that names a context keeps it."""
        return name if _QUALIFIED.match(name) else self.prefix + name

    def of_subject(self, name: str) -> Context:
        """Return the context of a subject; it is this one unless the name says another."""
        found = _QUALIFIED.match(name)
        return _named(found[1]) if found else self


def configured_context(name: str | None, url: str) -> Context:
    """Return the context that is configured by its name, ``prod`` or ``.prod``, or by addresses.

    Raises:
        ConfigError: two of them differ.
    """
    in_addresses = {_named(unquote(each)) for each in _IN_ADDRESS.findall(url)}
    contexts = in_addresses | ({_named(name)} if name else set())
    if len(contexts) > 1:
        names = " and ".join(sorted(each.prefix.strip(":") or "." for each in contexts))
        raise ConfigError(
            f"schemas.registry: `context` and the contexts in `url` must be one, and are {names}: "
            "omit `context` or the /contexts/ in `url`."
        )
    return next(iter(contexts), Context())


def _named(name: str) -> Context:
    bare = name.strip(":").removeprefix(".")
    return Context(f":.{bare}:" if bare else "")
