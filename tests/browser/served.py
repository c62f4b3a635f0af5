"""The page served with a status that the test makes up: for states that no worker has on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from stream_scorer.observe.page import PAGE_HEADERS, page_files
from tests.browser.scenes import Status


@dataclass
class Served:
    """Where the page is, and what ``/status`` answers next."""

    address: str = ""
    status: Callable[[], Status | None] = dict


@contextmanager
def served(status: Callable[[], Status | None], port: int = 0) -> Iterator[Served]:
    """Serve the page and what ``status`` returns, on loopback; ``None`` is answered with a 500."""
    state = Served(status=status)
    server = ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, state))
    state.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, state: Served, *connection: object) -> None:
        self._state = state
        self._files = page_files()
        super().__init__(*connection)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer with the page, or with the status of the moment."""
        if self.path == "/status":
            answer = self._state.status()
            found = HTTPStatus.INTERNAL_SERVER_ERROR if answer is None else HTTPStatus.OK
            self._answer(found, "application/json", json.dumps(answer).encode())
        elif self.path in self._files:
            self._answer(HTTPStatus.OK, *self._files[self.path])
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"")

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in PAGE_HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
