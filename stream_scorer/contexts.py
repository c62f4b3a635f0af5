"""Contexts of a registry: each has ids and subjects of its own.

A subject is in a context by its name, ``:.prod:payments-value``; without that prefix it is in the
default context. An address that ends in ``/contexts/.prod`` means the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_QUALIFIED = re.compile(r"(:\.[^:]*:?)")
#: What is before the context, and its name. A host may be named ``contexts`` too.
_ADDRESS = re.compile(r"([^/]*//[^/]+/(?:.*/)?)contexts/([^/?#]+)/*")


@dataclass(frozen=True, slots=True)
class Context:
    """One context; ``prefix`` is that of its subjects, empty for the default context."""

    prefix: str = ""

    def subject(self, name: str) -> str:
        """Return a subject's full name; one that names a context keeps it."""
        return name if _QUALIFIED.match(name) else self.prefix + name

    def of_subject(self, name: str) -> Context:
        """Return the context of a subject; it is this one unless the name says another.

        The default one that is named keeps its name, ``:.:``: an address may have another.
        """
        found = _QUALIFIED.match(name)
        return Context(f":{found[1].strip(':')}:") if found else self


def configured_context(name: str | None, url: str) -> Context:
    """Return the context that is configured by its name, ``prod`` or ``.prod``, or by addresses.

    Raises:
        ValueError: two of them differ; the text is the predicate of a sentence about the registry.
    """
    found = map(_ADDRESS.fullmatch, _addresses(url))
    contexts = {_named(unquote(each[2])) for each in found if each}
    contexts |= {_named(name)} if name else set()
    if len(contexts) > 1:
        names = " and ".join(sorted(each.prefix.strip(":") or "." for each in contexts))
        raise ValueError(
            f"names more than one context, {names}: correct `context`, or the /contexts/ in `url`"
        )
    return next(iter(contexts), Context())


def without_default_context(url: str) -> str:
    """Return addresses without the default context, ``/contexts/.``.

    They mean the same, and an HTTP client leaves ``.`` out of a path.
    """
    return ",".join(
        found[1]
        if (found := _ADDRESS.fullmatch(each)) and _named(unquote(found[2])) == Context()
        else each
        for each in _addresses(url)
    )


def _addresses(url: str) -> list[str]:
    return [each.strip() for each in url.split(",")]


def _named(name: str) -> Context:
    bare = name.strip(":").removeprefix(".")
    return Context(f":.{bare}:" if bare else "")
