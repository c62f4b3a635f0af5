"""A connection that broke is read from the client's log."""

from __future__ import annotations

import pytest

from stream_scorer.kafka.connections import Connections, audible
from tests.fakes import FakeClock

BROKER = "[thrd:b1:9092/1]: b1:9092/1: "
COORDINATOR = "[thrd:TxnCoordinator]: TxnCoordinator: "


def broke(facility: str, text: str) -> bool:
    """Tell whether this line says that a connection broke."""
    connections = Connections()
    connections.hear(facility, text)
    return connections.broke


@pytest.mark.parametrize(
    "text",
    [
        BROKER + "Disconnected: connection closed by peer: POLLHUP (after 12ms in state UP)",
        BROKER + "Send failed: Connection reset by peer (after 12ms in state UP) (_TRANSPORT)",
        COORDINATOR + "Closing connection due to nodename change (after 73ms in state UP)",
        BROKER + "1 request(s) timed out: disconnect (after 8000ms in state UP) (_TIMED_OUT)",
        BROKER + "Decommissioning this broker (after 60000ms in state UP) (_DESTROY_BROKER)",
        BROKER + "SASL authentication error: expired (after 9ms in state AUTH_REQ)",
        BROKER + "words that no version says yet",
    ],
)
def test_an_established_connection_that_ended_counts(text: str) -> None:
    """Requests may have been under way on it; so may they where the line is not understood."""
    assert broke("FAIL", text)


@pytest.mark.parametrize(
    "text",
    [
        BROKER
        + "Connect to ipv4#10.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT)",
        BROKER + "Disconnected: connection closed by peer (after 0ms in state APIVERSION_QUERY, "
        "4 identical error(s) suppressed)",
        BROKER + "Failed to resolve 'b1:9092' (after 0ms in state TRY_CONNECT) (_RESOLVE)",
        "[thrd:b1:9092/bootstrap]: sasl_ssl://b1:9092/bootstrap: Let go (after 450ms in state UP)",
    ],
)
def test_a_broker_that_is_not_reached_does_not_count(text: str) -> None:
    """One of three may be away for a day: a new client for each transaction would help nobody."""
    assert not broke("FAIL", text)


def test_requests_that_timed_out_on_their_way_count() -> None:
    """Also where the connection is kept (``socket.max.fails``)."""
    sent = "Timed out 1 in-flight, 0 retry-queued, 0 out-queue, 0 partially-sent requests"
    partly = "Timed out 0 in-flight, 0 retry-queued, 1 out-queue, 1 partially-sent requests"
    unsent = "Timed out 0 in-flight, 0 retry-queued, 3 out-queue, 0 partially-sent requests"
    assert broke("REQTMOUT", BROKER + sent)
    assert broke("REQTMOUT", BROKER + partly)
    assert not broke("REQTMOUT", BROKER + unsent)


def test_other_lines_mean_nothing() -> None:
    """Whatever they say."""
    assert not broke("STATE", BROKER + "Broker changed state UP -> DOWN")


def test_it_counts_until_there_is_a_new_client() -> None:
    """A copy of a request may be held up for any time."""
    connections = Connections()
    connections.hear("FAIL", BROKER + "Disconnected (after 12ms in state UP)")
    connections.hear("FAIL", BROKER + "Connection refused (after 0ms in state CONNECT)")
    assert connections.broke
    connections.forget()
    assert not connections.broke


def test_the_client_is_made_to_say_it() -> None:
    """Beside what the user wants to hear of."""
    assert audible({"log_level": 3}) == {"log_level": 7, "debug": "broker"}
    assert audible({"debug": "eos,msg"})["debug"] == "eos,msg,broker"


def test_that_one_broke_is_remembered_for_a_while_by_the_next_client_too() -> None:
    """A copy of what the earlier one sent may arrive late."""
    clock = FakeClock()
    connections = Connections(clock)
    assert not connections.broke_within(60.0)
    connections.hear("FAIL", BROKER + "Disconnected (after 12ms in state UP)")
    connections.forget()
    assert not connections.broke
    clock.advance(60.0)
    assert connections.broke_within(60.0)
    clock.advance(0.1)
    assert not connections.broke_within(60.0)
