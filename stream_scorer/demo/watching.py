"""The demo's live page: the same page that each worker serves, with all of them on it."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from stream_scorer.observe.page import PAGE_HEADERS, page_files

HOST = "127.0.0.1"
#: A worker that does not answer so soon is shown as one that does not; the page asks each second.
ANSWER_SECONDS = 1.0


class Watched(NamedTuple):
    """A worker of the demo: its name, and its port once it serves (``None`` before)."""

    name: str
    port: int | None


@contextmanager
def watching(workers: Callable[[], Sequence[Watched]]) -> Iterator[str]:
    """Serve the page for as long as the block lasts, to this machine only; yield its address.

    Args:
        workers: asked for each status, from another thread.
    """
    with ThreadPoolExecutor(thread_name_prefix="ask") as pool:
        handler = partial(_Handler, lambda: _status(workers(), pool))
        server = ThreadingHTTPServer((HOST, 0), handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="page")
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _status(workers: Sequence[Watched], pool: ThreadPoolExecutor) -> Mapping[str, Any]:
    """Return what each worker says, one after the other as they were started."""
    return {"workers": list(pool.map(_ask, workers))}


def _ask(worker: Watched) -> Mapping[str, Any]:
    if worker.port is None:
        return {"name": worker.name, "address": worker.name, "error": "is starting"}
    address = f"http://{HOST}:{worker.port}"
    connection = http.client.HTTPConnection(HOST, worker.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/status")
        answer = connection.getresponse()
        status: dict[str, Any] = json.loads(answer.read())
        named = {**status, "name": worker.name}
        named["worker"] = {**status["worker"], "address": address}
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return {"name": worker.name, "address": address, "error": "does not answer"}
    else:
        return named
    finally:
        connection.close()


class _Handler(BaseHTTPRequestHandler):
    timeout = 10  # a connection that sends nothing does not hold its thread for ever

    def __init__(self, status: Callable[[], Mapping[str, Any]], *connection: object) -> None:
        self._status = status
        super().__init__(*connection)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer with a file of the page, or with what all workers say."""
        path = self.path.partition("?")[0]
        files = page_files()
        if path == "/status":
            self._answer(HTTPStatus.OK, "application/json", json.dumps(self._status()).encode())
        elif path in files:
            self._answer(HTTPStatus.OK, *files[path])
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"There are / and /status.\n")

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in PAGE_HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing between the lines of the demo."""
