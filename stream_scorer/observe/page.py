"""The live page as files to serve: a worker serves them at ``/``, and so does the demo."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Final, NamedTuple

#: Go with every file of the page: it takes nothing from anywhere else, and nobody frames it.
PAGE_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

_CONTENT_TYPES: Final[Mapping[str, str]] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class PageFile(NamedTuple):
    """One file of the page."""

    content_type: str
    body: bytes


def page_files() -> dict[str, PageFile]:
    """Read the page's files; return each by the path to serve it at, the page itself at ``/``.

    The page asks for ``status``, next to itself, so it also works below a proxy's path.
    """
    found = {}
    for file in files("stream_scorer.observe").joinpath("page").iterdir():
        path = "/" if file.name == "index.html" else f"/page/{file.name}"
        suffix = file.name[file.name.rindex(".") :]
        found[path] = PageFile(_CONTENT_TYPES[suffix], file.read_bytes())
    return found
