"""Free TCP ports of the loopback interface, reserved until they are released."""

from __future__ import annotations

import errno
import random
import socket

# Below the ports that Linux (32768) and macOS (49152) use for outgoing connections, so that none of
# those takes a port while its server is down for a restart.
_CANDIDATES = range(15000, 32000)
_ATTEMPTS = 1000


class ReservedPort:
    """A TCP port of 127.0.0.1 that nobody listens on, and that no other reservation holds.

    A server needs its port before it binds it, and again after a restart, so something else must
    hold it: a UDP socket with the same number. The two port spaces are separate; the kernel gives
    the UDP port to one process only, and takes it back when that process dies.
    """

    def __init__(self) -> None:
        for port in random.sample(_CANDIDATES, _ATTEMPTS):
            holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            if _binds(holder, port) and _is_free(port):
                self.number = port
                self._holder = holder
                return
            holder.close()
        raise OSError(errno.EADDRINUSE, f"none of {_ATTEMPTS} ports of 127.0.0.1 is free")

    def release(self) -> None:
        """Release the port. Idempotent."""
        self._holder.close()


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does
        return _binds(probe, port)


def _binds(endpoint: socket.socket, port: int) -> bool:
    try:
        endpoint.bind(("127.0.0.1", port))
    except OSError as error:
        if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
            raise
        return False
    return True
