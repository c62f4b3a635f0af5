"""The HTTP server: metrics for a scraper, health for a probe."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from prometheus_client import CollectorRegistry, Counter

from stream_scorer.errors import ConfigError
from stream_scorer.observe.server import serving


@dataclass
class Served:
    """A server, and what it answers."""

    port: int
    reason: str | None = None

    def ask(
        self, path: str, method: str = "GET", **headers: str
    ) -> tuple[int, str, dict[str, str]]:
        """Status, body and headers of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), dict(answer.getheaders())
        finally:
            connection.close()


@pytest.fixture
def served() -> Iterator[Served]:
    """A server on a free port with one counter; the test says whether it is healthy."""
    registry = CollectorRegistry()
    Counter("events", "Events.", registry=registry).inc(3)
    found = Served(0)
    with serving(registry, lambda: found.reason, host="127.0.0.1", port=0) as port:
        assert port is not None
        found.port = port
        yield found


def test_metrics_are_in_the_text_format(served: Served) -> None:
    """As Prometheus reads it."""
    status, body, headers = served.ask("/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=")
    assert "\nevents_total 3.0\n" in body


def test_metrics_are_in_the_open_format_when_asked_for(served: Served) -> None:
    """By the scraper's Accept header."""
    _, body, headers = served.ask("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert headers["Content-Type"].startswith("application/openmetrics-text")
    assert body.endswith("# EOF\n")


def test_health_is_200_or_503_with_the_reason(served: Served) -> None:
    """A probe reads the status, a person the body."""
    assert served.ask("/healthz")[:2] == (200, "ok\n")
    served.reason = "the loop hangs"
    assert served.ask("/healthz")[:2] == (503, "the loop hangs\n")


def test_a_query_does_not_change_the_path(served: Served) -> None:
    """Some probes add one."""
    assert served.ask("/healthz?verbose=1")[0] == 200


def test_other_paths_are_404_and_other_methods_501(served: Served) -> None:
    """There is nothing to write here."""
    assert served.ask("/etc/passwd")[0] == 404
    assert served.ask("/metrics", "POST")[0] == 501


def test_head_answers_without_a_body(served: Served) -> None:
    """With the length that the body would have."""
    status, body, headers = served.ask("/healthz", "HEAD")
    assert (status, body, headers["Content-Length"]) == (200, "", "3")


def test_a_request_does_not_wait_for_another(served: Served) -> None:
    """A connection that says nothing holds up nobody."""
    with socket.create_connection(("127.0.0.1", served.port)):
        assert served.ask("/healthz")[0] == 200


def test_nothing_is_printed_for_a_request(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    """A probe every few seconds would bury everything else."""
    served.ask("/healthz")
    assert capsys.readouterr() == ("", "")


def test_the_port_is_free_again_afterwards() -> None:
    """The block ends, and so does the server."""
    with serving(CollectorRegistry(), lambda: None, host="127.0.0.1", port=0) as port:
        assert port is not None
    with serving(CollectorRegistry(), lambda: None, host="127.0.0.1", port=port) as again:
        assert again == port


def test_without_a_port_there_is_no_server() -> None:
    """Null in the configuration."""
    with serving(CollectorRegistry(), lambda: None, host="127.0.0.1", port=None) as port:
        assert port is None


def test_a_taken_port_is_a_configuration_error(served: Served) -> None:
    """It names the setting and the ways out."""
    with (
        pytest.raises(
            ConfigError, match=r"server\.port: 127\.0\.0\.1:\d+ can't be .*null for none"
        ),
        serving(CollectorRegistry(), lambda: None, host="127.0.0.1", port=served.port),
    ):
        pass


def test_an_address_of_another_machine_is_a_configuration_error() -> None:
    """TEST-NET-1 is nobody's (RFC 5737)."""
    with (
        pytest.raises(ConfigError, match=r"192\.0\.2\.1:0 can't be listened on"),
        serving(CollectorRegistry(), lambda: None, host="192.0.2.1", port=0),
    ):
        pass
