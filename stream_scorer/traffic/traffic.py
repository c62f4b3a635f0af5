"""Bursts of events, written at a pace from their own thread, despite outages."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping

from stream_scorer.kafka.client_config import Property
from stream_scorer.traffic.events import Burst, Outcome
from stream_scorer.traffic.paces import Pace, Progress
from stream_scorer.traffic.plain_writer import POLL_SECONDS, PlainWriter
from stream_scorer.traffic.transactional_writer import TransactionalWriter

#: Time lost in an outage beyond this is not made up for.
LATE_SECONDS = 1.0
#: The maximum wait for brokers that are away, at the end.
HALT_SECONDS = 30.0
TRANSACTION_SECONDS = 10.0


class Traffic:
    """Writes bursts until they end or it is halted; outages of brokers delay it.

    No event is lost silently: if Kafka does not accept one for a transient reason it is written
    again, perhaps twice; a refusal ends the thread and is raised by :meth:`check`. To know what the
    input holds, read the input.

    Args:
        client: properties of a client, with ``bootstrap.servers``; ``linger.ms`` applies to plain
            writes.
        topic: the topic to write to.
        bursts: requested one by one, in the thread, each when it is due.
        pace: the shape of the load.
        transaction_seconds: how long brokers hold readers back after an outage in a transaction.
    """

    def __init__(
        self,
        client: Mapping[str, Property],
        topic: str,
        bursts: Iterable[Burst],
        pace: Pace,
        transaction_seconds: float = TRANSACTION_SECONDS,
    ) -> None:
        self._halted = threading.Event()
        self._plain = PlainWriter(client, topic, self._halted)
        self._transactional = TransactionalWriter(client, topic, self._halted, transaction_seconds)
        self._bursts = bursts
        self._pace = pace
        self._written = 0
        self._began = 0.0
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
        self._failure: BaseException | None = None

    @property
    def acknowledged(self) -> int:
        """Return how many events Kafka has accepted; those of aborted transactions don't count."""
        return self._plain.acknowledged + self._transactional.acknowledged

    @property
    def done(self) -> bool:
        """Tell whether nothing more will be written."""
        return not self._thread.is_alive()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, at most this many seconds; return whether it came."""
        self._thread.join(seconds)
        return self.done

    def check(self) -> None:
        """Raise the error that ended the thread early, if any.

        Raises:
            Unreachable: the brokers refuse the events.
        """
        if self._failure is not None:
            raise self._failure

    def halt(self, patience_seconds: float = HALT_SECONDS) -> int:
        """Stop writing, and wait for events in flight. Idempotent.

        Returns:
            The number of events with an unknown outcome, because brokers were away for too long.
        """
        deadline = time.monotonic() + patience_seconds
        self._halted.set()
        if self._thread.ident is not None:
            self._thread.join()
        return self._plain.close(deadline) + self._transactional.close()

    def _run(self) -> None:
        try:
            self._write()
        except BaseException as failure:  # noqa: BLE001 - re-raised by `check`
            self._failure = failure

    def _write(self) -> None:
        self._began = time.monotonic()
        bursts = iter(self._bursts)
        while self._is_turn_of_next() and (burst := next(bursts, None)) is not None:
            if burst.outcome is Outcome.PLAIN:
                self._plain.write(burst)
            else:
                self._transactional.write(burst)
            self._written += len(burst.events)
        self._plain.drain()

    def _is_turn_of_next(self) -> bool:
        """Wait until the next burst is due; return whether that was before the halt."""
        while not self._halted.is_set():
            seconds = time.monotonic() - self._began
            progress = Progress(seconds, self._written, self._plain.under_way)
            wait = self._pace.wait_seconds(progress)
            self._began += max(0.0, -wait - LATE_SECONDS)
            self._plain.serve(max(0.0, min(wait, POLL_SECONDS)))
            if wait <= 0:
                break
        return not self._halted.is_set()
