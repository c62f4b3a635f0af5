"""A reserved port is free for its server, and for nobody else who reserves."""

from __future__ import annotations

import socket
from contextlib import closing

from stream_scorer.local.ports import ReservedPort, _is_free


def test_a_reserved_port_can_be_listened_on_again_and_again() -> None:
    """A server that restarts finds its port, whatever happened in between."""
    reserved = ReservedPort()
    for _ in range(2):
        with socket.create_server(("127.0.0.1", reserved.number)) as server:
            assert server.getsockname()[1] == reserved.number
    reserved.release()
    reserved.release()


def test_reservations_never_meet() -> None:
    """Not even many at once, though nobody listens on any of them."""
    reserved = [ReservedPort() for _ in range(400)]
    assert len({port.number for port in reserved}) == 400
    for port in reserved:
        port.release()


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    """Programs that know nothing of reservations are respected."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        assert not _is_free(port)
    assert _is_free(port)
