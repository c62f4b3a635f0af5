"""The HTTP server: what it answers, and that no client can hold up the worker or another client."""

from __future__ import annotations

import http.client
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from stream_scorer.errors import ConfigError
from stream_scorer.observe.page import PAGE_HEADERS
from stream_scorer.observe.routes import PLAIN, Answer, Routes
from stream_scorer.observe.server import MOST_CONNECTIONS, REQUEST_SECONDS, serving
from tests import topics

#: What a client may take here; a test waits for it.
SOON = 0.4
#: Long enough to open many connections meanwhile on a busy machine.
LATER = 3.0
LARGE = 64 * 2**20


@dataclass
class Served:
    """A server, and what it answers."""

    port: int = 0
    reason: str | None = None
    may_go_on: threading.Event = field(default_factory=threading.Event)
    is_asked: threading.Event = field(default_factory=threading.Event)

    def routes(self) -> Routes:
        """The paths of this server."""
        return {
            "/": lambda _: Answer("text/html; charset=utf-8", b"<p>"),
            "/healthz": lambda _: Answer(PLAIN, (self.reason or "ok").encode()),
            "/metrics": lambda accept: Answer(PLAIN, accept.encode()),
            "/page/main.js": lambda _: Answer("text/javascript", b"1"),
            "/large": self._large,
            "/slow": self._slow,
            "/broken": self._broken,
        }

    def _slow(self, _: str) -> Answer:
        self.is_asked.set()
        assert self.may_go_on.wait(topics.PATIENCE_SECONDS)
        return Answer(PLAIN, b"at last")

    def _large(self, _: str) -> Answer:
        self.is_asked.set()
        return Answer(PLAIN, bytes(LARGE))

    def _broken(self, _: str) -> Answer:
        raise ValueError("a secret")

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[int, str, dict[str, str]]:
        """Status, body and headers of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), dict(answer.getheaders())
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        """A client that may do what it wants."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=topics.PATIENCE_SECONDS)

    def send(self, request: bytes) -> bytes:
        """All that comes back for these bytes, until the server closes the connection."""
        with self.connect() as client:
            with suppress(OSError):  # the server may have heard enough
                client.sendall(request)
            return everything(client)

    def is_healthy(self) -> bool:
        """Whether a probe gets its answer."""
        with suppress(OSError, http.client.HTTPException):
            return self.ask("/healthz")[0] == 200
        return False


def everything(client: socket.socket) -> bytes:
    """What the server sends until it closes the connection, one way or the other."""
    found = bytearray()
    with suppress(ConnectionResetError):
        while piece := client.recv(65536):
            found += piece
    return bytes(found)


@contextmanager
def server(request_seconds: float = REQUEST_SECONDS) -> Iterator[Served]:
    """A server on a free port."""
    found = Served()
    with serving(
        found.routes(),
        host="127.0.0.1",
        port=0,
        headers=PAGE_HEADERS,
        request_seconds=request_seconds,
    ) as port:
        assert port is not None
        found.port = port
        yield found
        found.may_go_on.set()


@pytest.fixture
def served() -> Iterator[Served]:
    """A server that is as patient as a worker's."""
    with server() as found:
        yield found


@pytest.fixture
def impatient() -> Iterator[Served]:
    """A server that gives its clients little time."""
    with server(SOON) as found:
        yield found


# ------------------------------------------------------------------ what it answers


def test_a_known_path_is_answered(served: Served) -> None:
    """With what makes its answer, which gets the Accept header."""
    status, body, headers = served.ask("/metrics", Accept="application/openmetrics-text")
    assert (status, body) == (200, "application/openmetrics-text")
    assert headers["Content-Type"] == PLAIN


def test_a_query_does_not_change_the_path(served: Served) -> None:
    """Some probes add one."""
    assert served.ask("/healthz?verbose=1&x=/etc")[:2] == (200, "ok")


def test_an_unknown_path_is_404_and_says_what_there_is(served: Served) -> None:
    """The files of the page are no news to anybody."""
    status, body, _ = served.ask("/etc/passwd")
    assert status == 404
    assert body == "There are /, /broken, /healthz, /large, /metrics, /slow.\n"


def test_head_answers_without_a_body(served: Served) -> None:
    """With the length that the body would have."""
    for path, status, length in (("/healthz", 200, "2"), ("/nope", 404, "57")):
        found, body, headers = served.ask(path, "HEAD")
        assert (found, body, headers["Content-Length"]) == (status, "", length)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "GIT"])
def test_another_method_is_405_and_says_which_there_are(served: Served, method: str) -> None:
    """In plain text; there is nothing to write here."""
    status, body, headers = served.ask("/metrics", method, b"a=1")
    assert (status, headers["Allow"], headers["Content-Type"]) == (405, "GET, HEAD", PLAIN)
    assert body == "405 Method Not Allowed\n"


def test_an_answer_that_cannot_be_made_is_500_and_not_silence(served: Served) -> None:
    """Of the error its kind is told, not what it says; the server goes on."""
    status, body, _ = served.ask("/broken")
    assert (status, body) == (500, "500 ValueError while the answer was made\n")
    assert served.is_healthy()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("GET", "/nope", 404),
        ("POST", "/", 405),
        ("GET", "/broken", 500),
    ],
)
def test_the_headers_for_browsers_are_on_each_answer(
    served: Served, method: str, path: str, status: int
) -> None:
    """Errors are answers too."""
    found, _, headers = served.ask(path, method)
    assert found == status
    assert PAGE_HEADERS.items() <= headers.items()


def test_nothing_is_printed_for_a_request(
    impatient: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    """A probe every few seconds would bury everything else; nor for one that is cut off."""
    for request in (b"GET /healthz", b"GET /nope", b"POST /", b"GET /broken"):
        impatient.send(request + b" HTTP/1.1\r\n\r\n")
    impatient.send(b"GET /healthz HT")
    assert capsys.readouterr() == ("", "")


# ------------------------------------------------------------------ requests that are none


@pytest.mark.parametrize(
    "target",
    [
        "/../etc/passwd",
        "/page/../../observe/server.py",
        "/page/../main.js",
        "/page/./main.js",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/page%2fmain.js",
        "/..%00/",
        "/\\..\\..\\etc\\passwd",
        "http://127.0.0.1/etc/passwd",
        "http://elsewhere.example/healthz",
        "//elsewhere.example/..",
        "elsewhere.example:443",
        "*",
        "healthz",
        "/healthz/",
        "/HEALTHZ",
        "/healthz%00",
        "/healthz#x",
        "/page/",
    ],
)
def test_only_paths_as_they_are_listed_are_answered(served: Served, target: str) -> None:
    """A path is looked up and nothing is looked for, so there is nothing to trick."""
    answer = served.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.0 404 ")
    assert b"Location" not in answer
    assert b"root:" not in answer


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\r\n\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1 more\r\n\r\n",
        b"GET / HTTP/x\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n",
        b"POST /\r\n\r\n",
        b"GET /health\x00z HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon at all\r\n\r\n",
        b"GET / HTTP/1.1\r\n\xff\xfe: \x00\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_request_does_no_harm(served: Served, request_bytes: bytes) -> None:
    """It gets an answer that says so, or none; a browser is told to take it as plain text."""
    answer = served.send(request_bytes)
    if answer and not answer.startswith(b"HTTP/1.0 200 "):
        assert answer.startswith((b"HTTP/1.0 4", b"HTTP/1.0 505 "))
        assert b"X-Content-Type-Options: nosniff" in answer
    assert served.is_healthy()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 200 + b"\r\n", b"431"),
    ],
    ids=["line", "header", "headers"],
)
def test_what_is_too_large_is_refused(served: Served, request_bytes: bytes, status: bytes) -> None:
    """And not kept; the server lives."""
    answer = served.send(request_bytes)
    assert answer.startswith(b"HTTP/1.0 " + status)
    assert b"Content-Security-Policy" in answer
    assert served.is_healthy()


# ------------------------------------------------------------------ slow clients


def test_a_request_does_not_wait_for_another(served: Served) -> None:
    """A connection that says nothing holds up nobody."""
    with served.connect():
        assert served.ask("/healthz")[0] == 200


def test_a_client_that_says_nothing_is_cut_off(impatient: Served) -> None:
    """Once its time is over."""
    started = time.monotonic()
    assert impatient.send(b"") == b""
    assert SOON * 0.9 <= time.monotonic() - started < SOON + 5


@pytest.mark.parametrize("pause_seconds", [0.0, SOON / 10])
def test_a_client_that_sends_byte_by_byte_is_cut_off(
    impatient: Served, pause_seconds: float
) -> None:
    """Though each byte comes in time: the deadline is the request's as a whole."""
    started = time.monotonic()
    beginning = b"GET /healthz HTTP/1.1\r\nX: "
    is_over = threading.Event()
    with impatient.connect() as client, suppress(OSError):
        for byte in itertools.chain(beginning, itertools.repeat(ord("a"), 60_000)):
            client.sendall(bytes([byte]))
            is_over.wait(pause_seconds)  # nobody sets it
            if time.monotonic() - started > topics.PATIENCE_SECONDS:
                break
        else:
            assert everything(client) == b""
    assert time.monotonic() - started < SOON + 10
    topics.wait_for(impatient.is_healthy, "a probe")


def test_a_client_that_does_not_take_its_answer_is_cut_off(impatient: Served) -> None:
    """The answer is larger than all buffers between."""
    with impatient.connect() as client:
        client.sendall(b"GET /large HTTP/1.1\r\n\r\n")
        assert impatient.is_asked.wait(topics.PATIENCE_SECONDS)
        topics.wait_for(lambda: not _threads_at_work(), "the server gives up")
        assert len(everything(client)) < LARGE


def _threads_at_work() -> list[str]:
    """The threads of the server that serve a connection."""
    return [each.name for each in threading.enumerate() if "process_request_thread" in each.name]


def test_many_idle_clients_do_not_keep_a_probe_out_for_longer_than_their_deadline() -> None:
    """With all places taken the next one is refused at once, and not left waiting."""
    with server(LATER) as found, ExitStack() as stack:
        for _ in range(MOST_CONNECTIONS):
            stack.enter_context(found.connect())
        topics.wait_for(lambda: len(_threads_at_work()) == MOST_CONNECTIONS, "all are taken in")
        started = time.monotonic()
        assert found.send(b"GET /healthz HTTP/1.1\r\n\r\n") == b""
        assert time.monotonic() - started < LATER / 2
        topics.wait_for(found.is_healthy, "a place that is free again")
        assert time.monotonic() - started < LATER + 10


def test_a_client_that_hangs_up_leaves_its_place(served: Served) -> None:
    """Three times as many as there are places, one after the other."""
    for _ in range(3 * MOST_CONNECTIONS):
        served.connect().close()
    topics.wait_for(served.is_healthy, "a place")


# ------------------------------------------------------------------ its beginning and its end


def test_the_block_ends_promptly_though_clients_are_being_served() -> None:
    """A scrape that is under way gets its answer or a closed connection; nobody waits for it."""
    found = Served()
    with socket.socket() as idle, socket.socket() as asking:
        with serving(found.routes(), host="127.0.0.1", port=0, request_seconds=60) as port:
            assert port is not None
            for client in (idle, asking):
                client.settimeout(topics.PATIENCE_SECONDS)
                client.connect(("127.0.0.1", port))
            asking.sendall(b"GET /slow HTTP/1.1\r\n\r\n")
            assert found.is_asked.wait(topics.PATIENCE_SECONDS)
            stopping = time.monotonic()
        assert time.monotonic() - stopping < 10
        found.may_go_on.set()
        assert everything(asking).endswith(b"\r\n\r\nat last")
        with pytest.raises(OSError, match="refused"), socket.socket() as late:
            late.connect(("127.0.0.1", port))


def test_the_port_is_free_again_afterwards() -> None:
    """The block ends, and so does the server."""
    with serving({}, host="127.0.0.1", port=0) as port:
        assert port is not None
    with serving({}, host="127.0.0.1", port=port) as again:
        assert again == port


def test_without_a_port_there_is_no_server() -> None:
    """Null in the configuration."""
    with serving({}, host="127.0.0.1", port=None) as port:
        assert port is None


def test_it_can_listen_on_ipv6() -> None:
    """An address with colons is one."""
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    with serving({}, host="::1", port=0) as port:
        connection = http.client.HTTPConnection("::1", port, timeout=10)
        connection.request("GET", "/")
        assert connection.getresponse().status == 404
        connection.close()


def test_a_taken_port_is_a_configuration_error(served: Served) -> None:
    """It names the setting and the ways out."""
    with (
        pytest.raises(
            ConfigError, match=r"server\.port: 127\.0\.0\.1:\d+ can't be .*null for none"
        ),
        serving({}, host="127.0.0.1", port=served.port),
    ):
        pass


def test_an_address_of_another_machine_is_a_configuration_error() -> None:
    """TEST-NET-1 is nobody's (RFC 5737)."""
    with (
        pytest.raises(ConfigError, match=r"192\.0\.2\.1:0 can't be listened on"),
        serving({}, host="192.0.2.1", port=0),
    ):
        pass
