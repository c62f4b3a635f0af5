"""The demo's live page: the page that each worker serves, showing all workers."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

from stream_scorer.observe.page import PAGE_HEADERS
from stream_scorer.observe.routes import JSON, Answer, page_routes
from stream_scorer.observe.server import serving

HOST = "127.0.0.1"
#: A worker that takes longer to answer is shown as not answering; the page asks every second.
ANSWER_SECONDS = 1.0


class Watched(NamedTuple):
    """A worker of the demo: its name, and its port once it serves (``None`` before)."""

    name: str
    port: int | None


@contextmanager
def watching(workers: Callable[[], Sequence[Watched]]) -> Iterator[str]:
    """Serve the page to this machine only while the block runs; yield its address.

    Args:
        workers: called for each status, from another thread.
    """
    with ThreadPoolExecutor(thread_name_prefix="ask") as pool:
        routes = {**page_routes(), "/status": lambda _: Answer(JSON, _status(workers(), pool))}
        with serving(routes, host=HOST, port=0, headers=PAGE_HEADERS) as port:
            yield f"http://{HOST}:{port}"


def _status(workers: Sequence[Watched], pool: ThreadPoolExecutor) -> bytes:
    """Return each worker's status, in the order in which they were started, as JSON."""
    return json.dumps({"workers": list(pool.map(_ask, workers))}).encode()


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
