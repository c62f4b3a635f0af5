"""Calls of the client that may never come back, made so that the loop's thread does.

``send_offsets_to_transaction`` waits for the group's coordinator without looking at its timeout
(librdkafka #5456, #5511): while the coordinator is away it does not return, and nothing inside the
calling thread can end it.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from queue import Empty, SimpleQueue

from stream_scorer.errors import Broken, ProducerLost, StreamScorerError

#: While the coordinator is away a worker waits for what is committed, so it does not get as far as
#: a second call. If several in a row are lost, somebody answers and the client does not notice.
MOST_LOST_IN_A_ROW = 3

Call = Callable[[], object]
Answer = SimpleQueue[BaseException | None]
Calls = SimpleQueue[tuple[Call, Answer] | None]


class BoundedCalls:
    """Makes calls on a thread of its own, one after the other; a call that stays away keeps it.

    To hand a call over costs a few ten microseconds. A thread that is lost this way ends when its
    call does; it keeps no process alive.
    """

    def __init__(self) -> None:
        self._calls: Calls | None = None
        self._lost_in_a_row = 0

    def make(self, call: Call, within_seconds: float, doing: str) -> None:
        """Make the call, and raise what it raises.

        Raises:
            ProducerLost: it has not come back in time. Whatever it belongs to must be dropped, and
                never be waited for.
            Broken: so it was with the last ones, too.
        """
        calls = self._calls = self._calls or _serving(self)
        answer: Answer = SimpleQueue()
        calls.put((call, answer))
        try:
            failure = answer.get(timeout=within_seconds)
        except Empty:
            calls.put(None)
            self._calls = None
            raise self._lost(
                f"a call of the Kafka client has not come back within {within_seconds:.0f} s while "
                f"{doing} a transaction"
            ) from None
        self._lost_in_a_row = 0
        if failure is not None:
            try:
                raise failure
            finally:
                del failure  # else it would hold this frame, and this frame it: with the client

    def _lost(self, what: str) -> StreamScorerError:
        self._lost_in_a_row += 1
        if self._lost_in_a_row < MOST_LOST_IN_A_ROW:
            return ProducerLost(what)
        return Broken(
            f"{what}, {MOST_LOST_IN_A_ROW} times in a row. Nothing is lost: another process reads "
            "its events again. Start one."
        )


def _serving(owner: BoundedCalls) -> Calls:
    """Return where calls are taken from by a thread that lasts as long as its owner."""
    calls: Calls = SimpleQueue()
    threading.Thread(target=_serve, args=(calls,), name="bounded-calls", daemon=True).start()
    weakref.finalize(owner, calls.put, None)
    return calls


def _serve(calls: Calls) -> None:
    while (asked := calls.get()) is not None:
        _answer(*asked)
        del asked  # it holds the client, which ends with the last reference to it


def _answer(call: Call, answer: Answer) -> None:
    try:
        call()
    except BaseException as failure:  # noqa: BLE001 - it is raised where the call was asked for
        answer.put(failure)
    else:
        answer.put(None)
