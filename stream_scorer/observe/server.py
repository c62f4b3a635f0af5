"""A small HTTP server that no client can hold up: it answers GET and HEAD of a few known paths.

It stands beside the loop in its process, often on an address that others reach. So a request has a
deadline as a whole, however slowly it comes; only so many are answered at once; and what is not a
known path is not looked for anywhere.
"""

from __future__ import annotations

import io
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from stream_scorer.errors import ConfigError, reason
from stream_scorer.observe.routes import PLAIN, Answer, Route, Routes

#: From the connection to the whole request, and once more for the whole answer.
REQUEST_SECONDS = 5.0
#: So many connections are served at once; the next ones are closed.
MOST_CONNECTIONS = 32


@contextmanager
def serving(
    routes: Routes,
    *,
    host: str,
    port: int | None,
    headers: Mapping[str, str] | None = None,
    request_seconds: float = REQUEST_SECONDS,
) -> Iterator[int | None]:
    """Serve in threads of its own for as long as the block lasts; yield the port.

    Args:
        routes: path to what makes its answer.
        host: the address to listen on, IPv4 or IPv6.
        port: the port; 0 for any free one; ``None`` for no server, which yields ``None``.
        headers: what each answer has besides, for browsers.
        request_seconds: how long a client may take to ask, and to take the answer.

    Raises:
        ConfigError: the port is taken, or the address is not of this machine.
    """
    if port is None:
        yield None
        return
    server = _listen(host, port, partial(_Handler, routes, headers or {}, request_seconds))
    # The interval is how often it looks whether it was told to stop.
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="http", daemon=True
    )
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _listen(host: str, port: int, handler: Callable[..., _Handler]) -> _Server:
    kind = _ServerOnIPv6 if ":" in host else _Server
    try:
        return kind((host, port), handler)
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            f"server.port: {host}:{port} can't be listened on ({reason(error)}). Choose "
            "another port, 0 for any free one, or null for none."
        ) from error


def why_not_served(host: str) -> str | None:
    """Return why nothing can listen on the address here, ``None`` if something can.

    Its port is not asked about: a worker that runs beside may have it.
    """
    try:
        kind = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(kind, socket.SOCK_STREAM) as tried:
            tried.bind((host, 0))
    except (OSError, UnicodeError) as error:
        return reason(error)
    return None


class _Server(ThreadingHTTPServer):
    """One thread a request, up to a number; none of them keeps the process alive."""

    daemon_threads = True
    request_queue_size = MOST_CONNECTIONS
    #: Two workers on one port would each get some of the probes.
    allow_reuse_port = False

    def __init__(self, address: tuple[str, int], handler: Callable[..., _Handler]) -> None:
        self._places = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind without asking DNS for our own name, which can take seconds where there is none."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "stream-scorer", int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, or close it where there are too many."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread can be started; the caller closes the connection
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, then make room."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that hung up or was too slow."""


class _ServerOnIPv6(_Server):
    address_family = socket.AF_INET6


class _UntilDeadline(io.RawIOBase):
    """A client's request stream with a deadline for the whole request."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection = connection
        self._deadline = time.monotonic() + seconds

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there; at the deadline this is a ``TimeoutError``."""
        left = self._deadline - time.monotonic()
        if left <= 0:  # also where there is always something to read
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class _Handler(BaseHTTPRequestHandler):
    """Answers one request of a connection."""

    server_version = "stream-scorer"
    sys_version = ""
    #: What a request is taken for until it says more: even garbage gets an answer with headers.
    default_request_version = "HTTP/1.0"

    def __init__(
        self, routes: Routes, extra: Mapping[str, str], seconds: float, *connection: object
    ) -> None:
        self._routes = routes
        self._extra = extra
        self._seconds = seconds
        super().__init__(*connection)  # type: ignore[arg-type]

    def setup(self) -> None:
        """Read with a deadline for the whole request."""
        super().setup()
        self.rfile = io.BufferedReader(_UntilDeadline(self.connection, self._seconds))

    def do_GET(self) -> None:
        """Answer with what the path names."""
        route = self._routes.get(self.path.partition("?")[0])
        if route is None:
            paths = sorted(path for path in self._routes if path.count("/") == 1)
            known = f"There are {', '.join(paths)}.\n".encode()
            self._send(Answer(PLAIN, known, HTTPStatus.NOT_FOUND))
        else:
            self._send(_made(route, self.headers.get("Accept", "")))

    def do_HEAD(self) -> None:
        """Answer as GET does, without the body."""
        self.do_GET()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that is none, or none for us; an unknown method is not allowed."""
        del message, explain  # they repeat what the client sent
        status = HTTPStatus(code)
        if status == HTTPStatus.NOT_IMPLEMENTED:
            status = HTTPStatus.METHOD_NOT_ALLOWED
        self.close_connection = True
        self._send(Answer(PLAIN, f"{status.value} {status.phrase}\n".encode(), status))

    def end_headers(self) -> None:
        """Add what every answer has."""
        for name, value in self._extra.items():
            self.send_header(name, value)
        super().end_headers()

    def _send(self, answer: Answer) -> None:
        self.connection.settimeout(self._seconds)  # of ``sendall`` as a whole
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:  # RFC 9110, section 15.5.6
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """Log no line for a probe every few seconds."""


def _made(route: Route, accept: str) -> Answer:
    """Return the answer, or that there is none: no answer would look like a dead worker."""
    try:
        return route(accept)
    except Exception as error:  # noqa: BLE001 - whatever a collector or the status may raise
        words = f"500 {type(error).__name__} while the answer was made\n"
        return Answer(PLAIN, words.encode(), HTTPStatus.INTERNAL_SERVER_ERROR)
