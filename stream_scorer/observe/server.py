"""A small HTTP server: ``/metrics`` for a scraper, ``/healthz`` for a liveness probe."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from stream_scorer.errors import ConfigError

WhyUnhealthy = Callable[[], str | None]

_PLAIN = "text/plain; charset=utf-8"


@contextmanager
def serving(
    registry: CollectorRegistry,
    why_unhealthy: WhyUnhealthy,
    *,
    host: str,
    port: int | None,
) -> Iterator[int | None]:
    """Serve in threads of its own for as long as the block lasts; yield the port.

    Args:
        registry: the metrics at ``/metrics``.
        why_unhealthy: asked at ``/healthz``, from another thread: a reason gives 503, ``None``
            gives 200.
        host: the address to listen on, IPv4 or IPv6.
        port: the port; 0 for any free one; ``None`` for no server, which yields ``None``.

    Raises:
        ConfigError: the port is taken, or the address is not of this machine.
    """
    if port is None:
        yield None
        return
    server = _listen(host, port, partial(_Handler, registry, why_unhealthy))
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
    except OSError as error:
        raise ConfigError(
            f"server.port: {host}:{port} can't be listened on ({error.strerror or error}). Choose "
            "another port, 0 for any free one, or null for none."
        ) from error


class _Server(ThreadingHTTPServer):
    """One thread a request; none of them keeps the process alive."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Bind without asking DNS for our own name, which can take seconds where there is none."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "stream-scorer", int(self.server_address[1])


class _ServerOnIPv6(_Server):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD."""

    #: A connection that sends nothing does not hold its thread for ever.
    timeout = 10
    server_version = "stream-scorer"
    sys_version = ""

    def __init__(
        self, registry: CollectorRegistry, why_unhealthy: WhyUnhealthy, *connection: object
    ) -> None:
        self._registry = registry
        self._why_unhealthy = why_unhealthy
        super().__init__(*connection)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer with what the path names."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            encode, content_type = choose_encoder(self.headers.get("Accept", ""))
            self._answer(HTTPStatus.OK, content_type, encode(self._registry))
        elif path == "/healthz":
            reason = self._why_unhealthy()
            status = HTTPStatus.SERVICE_UNAVAILABLE if reason else HTTPStatus.OK
            self._answer(status, _PLAIN, f"{reason or 'ok'}\n".encode())
        else:
            self._answer(HTTPStatus.NOT_FOUND, _PLAIN, b"There are /metrics and /healthz.\n")

    def do_HEAD(self) -> None:
        """Answer as GET does, without the body."""
        self.do_GET()

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log no line for a probe every few seconds."""
