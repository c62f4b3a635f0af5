"""The page served with a status that the test makes up: for states that no worker has on demand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from stream_scorer.observe.page import PAGE_HEADERS
from stream_scorer.observe.routes import JSON, Answer, page_routes
from stream_scorer.observe.server import serving
from tests.browser.scenes import Status


@dataclass
class Served:
    """Where the page is, and what ``/status`` answers next."""

    address: str = ""
    status: Callable[[], Status | None] = dict

    def answer(self, _: str) -> Answer:
        """Answer with the status of the moment."""
        status = self.status()
        found = HTTPStatus.INTERNAL_SERVER_ERROR if status is None else HTTPStatus.OK
        return Answer(JSON, json.dumps(status).encode(), found)


@contextmanager
def served(status: Callable[[], Status | None], port: int = 0) -> Iterator[Served]:
    """Serve the page and what ``status`` returns, on loopback; ``None`` is answered with a 500."""
    state = Served(status=status)
    routes = {**page_routes(), "/status": state.answer}
    with serving(routes, host="127.0.0.1", port=port, headers=PAGE_HEADERS) as found:
        state.address = f"http://127.0.0.1:{found}"
        yield state
