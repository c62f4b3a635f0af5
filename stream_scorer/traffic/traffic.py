"""Bursts of events, written at a pace by a thread of its own, whatever dies."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping

from stream_scorer.kafka.client_config import Property
from stream_scorer.traffic.events import Burst, Outcome
from stream_scorer.traffic.paces import Pace, Progress
from stream_scorer.traffic.plain_writer import POLL_SECONDS, PlainWriter
from stream_scorer.traffic.transactional_writer import TransactionalWriter

#: Time that is lost beyond this, in an outage, is not made up for.
LATE_SECONDS = 1.0
#: How long brokers that are away may hold up the end.
HALT_SECONDS = 30.0
TRANSACTION_SECONDS = 10.0


class Traffic:
    """Writes bursts until they end or it is halted; brokers that are away delay it.

    Nothing is lost in silence: what Kafka does not take for a passing reason is written again,
    perhaps twice, and a refusal ends the thread and is raised by :meth:`check`. Who must know what
    the input holds reads the input.

    Args:
        client: properties of a client, with ``bootstrap.servers``; ``linger.ms`` counts for what is
            written plainly.
        topic: where to.
        bursts: asked for one by one, in the thread, each when its turn has come.
        pace: the shape of the load.
        transaction_seconds: how long brokers hold readers back after a transaction's outage.
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
        """Return how many events Kafka has taken; those of aborted transactions don't count."""
        return self._plain.acknowledged + self._transactional.acknowledged

    @property
    def done(self) -> bool:
        """Tell whether nothing more will be written."""
        return not self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, no longer than so many seconds; return whether it came."""
        self._thread.join(seconds)
        return self.done

    def check(self) -> None:
        """Raise what ended the thread early, if anything did.

        Raises:
            Unreachable: the brokers refuse to take the events.
        """
        if self._failure is not None:
            raise self._failure

    def halt(self, patience_seconds: float = HALT_SECONDS) -> int:
        """Write no more, and wait for what is under way. Idempotent.

        Returns:
            how many events have an unknown fate, since their brokers were away for too long.
        """
        deadline = time.monotonic() + patience_seconds
        self._halted.set()
        if self._thread.ident is not None:
            self._thread.join()
        return self._plain.close(deadline) + self._transactional.close()

    def _run(self) -> None:
        try:
            self._write()
        except BaseException as failure:  # noqa: BLE001 - `check` raises it where it is heard
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
        """Wait for the next burst's turn; return whether it came before the halt."""
        while not self._halted.is_set():
            seconds = time.monotonic() - self._began
            progress = Progress(seconds, self._written, self._plain.under_way)
            wait = self._pace.wait_seconds(progress)
            self._began += max(0.0, -wait - LATE_SECONDS)
            self._plain.serve(max(0.0, min(wait, POLL_SECONDS)))
            if wait <= 0:
                break
        return not self._halted.is_set()
