"""Detects broken connections: the client reconnects silently, but logs it.

When a connection breaks between a request and its answer, librdkafka sends the request again over
another one, and nothing that the application sees says so: the call succeeds, in no time. The first
copy may still be on its way. That it broke is told nowhere else in full:

- ``error_cb`` hears of failures to connect, and of a connection that could not be written to. It
  does not hear of one that the other side closed (``rd_kafka_broker_conn_closed`` logs that at INFO
  or WARNING), nor of one that the client closed itself, because a request timed out or because the
  coordinator moved (``rd_kafka_broker_planned_fail`` logs that at DEBUG).
- Lines at INFO and above leave out one that equals the last of its broker, for 30 s.
- The debug lines of context ``broker`` leave nothing out: there is a ``FAIL`` for each connection
  that ends, with the state in which it was. They are a few lines for each transaction.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping

from stream_scorer.kafka.client_config import Property

#: In these states a connection carries nothing yet but its own handshake (rd_kafka_broker_state).
#: Re-authentication (KIP-368) has states of its own, with requests under way.
_NOTHING_UNDER_WAY = frozenset(
    {"INIT", "DOWN", "TRY_CONNECT", "CONNECT", "SSL_HANDSHAKE", "APIVERSION_QUERY", "AUTH_LEGACY"}
)
_STATE = re.compile(r"\(after \d+ms in state ([A-Z_]+)")
#: What had not left the client can't arrive.
_UNSENT = re.compile(r"Timed out 0 in-flight, .* 0 partially-sent")
#: Who asks a bootstrap server, asks for brokers. It is let go once they are known.
_BOOTSTRAP = "/bootstrap: "


class Connections:
    """Hears every line of a client's log; ``broke`` once a connection ended with work under way.

    Whatever is not understood counts as broken: the price is a new client, and no more. ``clock``
    is monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._broke_at = float("-inf")
        self.broke = False

    def hear(self, facility: str, text: str) -> None:
        """Take a line: librdkafka's name for its kind, and what it says."""
        judge = _TELLING.get(facility)
        if judge is not None and judge(text):
            self.dropped()

    def dropped(self) -> None:
        """Take note that a client was dropped with a request under way: so does its connection."""
        self.broke = True
        self._broke_at = self._clock()

    def broke_within(self, seconds: float) -> bool:
        """Tell whether one broke in so many last seconds, of this client or an earlier one."""
        return self._clock() - self._broke_at <= seconds

    def forget(self) -> None:
        """Begin anew, with a new client."""
        self.broke = False


def audible(properties: Mapping[str, Property]) -> dict[str, Property]:
    """Return the properties with which the client says what :class:`Connections` must hear."""
    contexts = str(properties.get("debug", ""))
    debug = f"{contexts},broker" if contexts else "broker"
    return {**properties, "debug": debug, "log_level": 7}


def _carried_work(text: str) -> bool:
    state = _STATE.search(text)
    if state is not None and state[1] in _NOTHING_UNDER_WAY:
        return False
    return _BOOTSTRAP not in text


def _gave_up_what_was_sent(text: str) -> bool:
    return _UNSENT.search(text) is None


_TELLING = {"FAIL": _carried_work, "REQTMOUT": _gave_up_what_was_sent}
