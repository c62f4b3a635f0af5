"""The routes of the HTTP server: a closed list of paths and their handlers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from stream_scorer.observe.page import page_files

Why = Callable[[], str | None]

PLAIN = "text/plain; charset=utf-8"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    content_type: str
    body: bytes
    status: HTTPStatus = HTTPStatus.OK


#: Gets the request's ``Accept`` header.
Route = Callable[[str], Answer]
Routes = Mapping[str, Route]


def routes_of(
    registry: CollectorRegistry,
    *,
    why_unhealthy: Why,
    why_not_ready: Why,
    status: Callable[[], bytes],
    page: bool,
) -> Routes:
    """Return the routes of a worker. All are asked in threads of the server.

    Args:
        registry: the metrics at ``/metrics``.
        why_unhealthy: a reason at ``/healthz`` gives 503, ``None`` gives 200.
        why_not_ready: the same at ``/readyz``.
        status: JSON at ``/status``.
        page: whether the live page is at ``/``.
    """
    routes: dict[str, Route] = {
        "/metrics": partial(_metrics, registry),
        "/healthz": partial(_probe, why_unhealthy),
        "/readyz": partial(_probe, why_not_ready),
        "/status": lambda _: Answer(JSON, status()),
    }
    return {**routes, **(page_routes() if page else {})}


def page_routes() -> Routes:
    """Return the routes of the live page's files; it asks for ``/status`` beside them."""
    return {path: partial(_file, *file) for path, file in page_files().items()}


def _metrics(registry: CollectorRegistry, accept: str) -> Answer:
    encode, content_type = choose_encoder(accept)
    return Answer(content_type, encode(registry))


def _probe(why_not: Why, _: str) -> Answer:
    reason = why_not()
    status = HTTPStatus.SERVICE_UNAVAILABLE if reason else HTTPStatus.OK
    return Answer(PLAIN, f"{reason or 'ok'}\n".encode(), status)


def _file(content_type: str, body: bytes, _: str) -> Answer:
    return Answer(content_type, body)
