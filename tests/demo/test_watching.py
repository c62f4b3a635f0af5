"""The demo's own page, which shows all of its workers."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager

from stream_scorer.demo.watching import Watched, watching
from stream_scorer.local.ports import ReservedPort
from stream_scorer.observe.page import page_files
from stream_scorer.observe.routes import JSON, Answer
from stream_scorer.observe.server import serving


def test_the_page_and_its_files_are_served() -> None:
    """The very files that a worker serves, under a policy that allows nothing else."""
    with watching(list) as address:
        for path, file in page_files().items():
            status, headers, body = ask(address, path)
            assert (status, body) == (200, file.body)
            assert headers["Content-Type"] == file.content_type
            assert headers["Content-Security-Policy"].startswith("default-src 'self'")


def test_the_status_is_that_of_all_workers() -> None:
    """Each as it says itself, with its name and its address."""
    with answering(b'{"worker": {"pid": 7}, "totals": {}}') as port:
        with watching(lambda: [Watched("worker 1", port)]) as address:
            _, _, body = ask(address, "/status")
        own = f"http://127.0.0.1:{port}"
        assert json.loads(body) == {
            "workers": [
                {"name": "worker 1", "worker": {"pid": 7, "address": own}, "totals": {}},
            ]
        }


def test_a_worker_without_an_answer_is_among_them() -> None:
    """One that has been killed, one that answers nonsense, one that has not got so far."""
    with answering(b"<html>") as nonsense:
        dead = ReservedPort()
        workers = [Watched("dead", dead.number), Watched("odd", nonsense), Watched("young", None)]
        with watching(lambda: workers) as address:
            _, _, body = ask(address, "/status")
        dead.release()
    found = json.loads(body)["workers"]
    assert [each["name"] for each in found] == ["dead", "odd", "young"]
    assert [each["error"] for each in found] == [
        "does not answer",
        "does not answer",
        "is starting",
    ]
    assert found[0]["address"] == f"http://127.0.0.1:{dead.number}"


def test_other_paths_lead_nowhere() -> None:
    """No folder is served, only files that are known by name."""
    with watching(list) as address:
        for path in ("/page/", "/page/../page.py", "/page/%2e%2e/page.py", "//etc/passwd"):
            assert ask(address, path)[0] == 404


def test_the_page_is_for_this_machine_only() -> None:
    """It listens on loopback."""
    with watching(list) as address:
        assert address.startswith("http://127.0.0.1:")


def ask(address: str, path: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


@contextmanager
def answering(body: bytes) -> Iterator[int]:
    """Answer with this, as a worker would."""
    with serving({"/status": lambda _: Answer(JSON, body)}, host="127.0.0.1", port=0) as port:
        assert port is not None
        yield port
