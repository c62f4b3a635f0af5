"""The output side: one burst of begin, produce, send offsets, commit.

Nothing is sent to the transaction coordinator before the first record, so the transaction lives
on the brokers for the burst only, tens of milliseconds, however long the scoring took.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from itertools import repeat
from operator import length_hint

import numpy as np
from confluent_kafka import KafkaError, KafkaException

from stream_scorer.errors import (
    ProducerLost,
    RecordsRefused,
    StreamScorerError,
    TransactionAborted,
    Unanswered,
)
from stream_scorer.kafka.bounded_calls import BoundedCalls
from stream_scorer.kafka.client_config import Deadlines, Property, login, login_of
from stream_scorer.kafka.client_log import ClientLog, least_level
from stream_scorer.kafka.connections import Connections, audible
from stream_scorer.kafka.fencing import Fencing
from stream_scorer.kafka.messages import client_position
from stream_scorer.kafka.partition_counts import partition_count
from stream_scorer.kafka.reports import Reports
from stream_scorer.kafka.statistics import Hears, heard_by
from stream_scorer.kafka.transactional_client import MakeClient, TransactionalClient, make_client
from stream_scorer.kafka.translation import (
    describe,
    error_of,
    is_fenced,
    spares_the_client,
    translated,
)
from stream_scorer.protocols import Transaction
from stream_scorer.records import Position, ScoredEvents, TopicPartition

#: One attempt of a transactional call; it is repeated until the call's own deadline.
ATTEMPT_SECONDS = 2.0
INIT_TIMEOUT_SECONDS = 10.0
FULL_QUEUE_SECONDS = 0.1
#: A delivery that failed is heard of after so long at the latest.
REPORT_SECONDS = 0.02
#: One attempt to abort. It purges the client's queue; what was under way and failed for another's
#: fault comes back into it after that, and is purged by the next attempt.
ABORT_SECONDS = 0.1
#: For so long after a connection broke, being fenced says nothing of another process.
OWN_COPIES_SECONDS = 60.0


def longest_call_seconds(transaction_seconds: float) -> float:
    """Return how long a commit or a rebuild may take, by the deadlines that its parts have.

    A full queue empties when its messages fail; committing has a deadline, aborting another, with
    two attempts and one attempt more; a new client is initialised. What takes longer has outlived
    its bound.
    """
    full_queue = Deadlines(transaction_seconds).message_ms / 1000
    return full_queue + 2 * transaction_seconds + 3 * ATTEMPT_SECONDS + INIT_TIMEOUT_SECONDS


class TransactionalProducer:
    """Owns the client; every method belongs to the thread that runs the loop.

    Args:
        properties: librdkafka's, with a ``transactional.id``.
        transaction_seconds: ``transaction.timeout.ms``.
        clock: monotonic seconds.
        make_client: makes the client, once for each rebuild.
        warn: hears that another process has the same transactional id; the log unless given.
        hears: is given each client's statistics between transactions.
    """

    def __init__(
        self,
        properties: Mapping[str, Property],
        transaction_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        make_client: MakeClient = make_client,
        warn: Callable[[str], object] | None = None,
        *,
        hears: Hears | None = None,
    ) -> None:
        self._properties = dict(properties)
        self._make_client = make_client
        self._hears = hears
        self._deadlines = Deadlines(transaction_seconds)
        self._transaction_seconds = transaction_seconds
        self._clock = clock
        self._connections = Connections(clock)
        self._log = ClientLog(least=least_level(properties), hears=self._connections.hear)
        self._client: TransactionalClient | None = None
        self._reports = Reports()
        self._bounded_calls = BoundedCalls()
        #: Not the same: one that comes back says nothing of the offsets that do not.
        self._calls_apart = BoundedCalls()
        warn = warn or logging.getLogger("stream_scorer").warning
        self._fencing = Fencing(str(properties["transactional.id"]), warn, clock)
        self._began = clock()
        self._was_late = False

    @property
    def needs_rebuild(self) -> bool:
        """Tell whether the next transaction must have a new client.

        There is none, or it is lost; its last transaction failed for another reason than that the
        group refused the offsets; or a request of an earlier transaction may be on its way a second
        time. In this protocol version a delayed EndTxn could end the *next* transaction of the same
        producer epoch (KIP-890), and delayed offsets could join it; a new client raises the epoch.
        A request is sent again if it took as long as ``socket.timeout.ms`` or if its connection
        broke. A copy may be held up for any time, so a connection that broke counts for the rest of
        the client's life.
        """
        if self._client is None:
            return True
        self._client.poll(0)  # deliver queued log callbacks
        return self._was_late or self._connections.broke

    def rebuild(self) -> None:
        """Make a new client with the same id, which resolves whatever the old one left open.

        Raises:
            Unanswered: the brokers don't answer; call again.
            Refused: the right to use the transactional id is missing.
        """
        self.abandon()
        properties = self._properties
        callbacks = {
            "on_delivery": self._reports.heard,
            "error_cb": self._log.heard,
            **heard_by(self._hears, "producer"),
        }
        fitted = self._reports.fitted(audible(properties))
        client = self._make_client({**fitted, **callbacks}, self._log)
        try:
            client.init_transactions(INIT_TIMEOUT_SECONDS)
        except KafkaException as exception:
            error = error_of(exception)
            if error.retriable():
                self._connections.dropped()  # its request for an epoch may arrive yet
            answer = translated(error, "initialising transactions")
            if error.retriable() or isinstance(answer, ProducerLost | TransactionAborted):
                raise Unanswered(
                    f"No transaction coordinator answers ({describe(error)})"
                ) from exception
            raise answer from exception
        client.poll(0)
        self._connections.forget()
        self._client = client
        if self._properties is not properties:  # renewed meanwhile
            client.set_sasl_credentials(*login_of(self._properties))
        self._was_late = False

    def fit(self, properties: Mapping[str, Property]) -> None:
        """Go on with a client of these properties, for topics that take other sizes now."""
        self._reports.fit(properties)
        self.abandon()

    def partitions(self, topic: str, within_seconds: float) -> int | None:
        """Return how many partitions a topic has; the client knows of them from then on.

        0 if there is no such topic, ``None`` if the brokers don't say, or if there is no client.
        """
        client = self._client
        return None if client is None else partition_count(client, topic, within_seconds)

    def renew_login(self, username: str, password: str) -> None:
        """Log in so from the next connection on; any thread may call it."""
        # In this order: a rebuild that doesn't find the new ones is found here by its client.
        self._properties = {**self._properties, **login(username, password)}
        client = self._client
        if client is not None:
            client.set_sasl_credentials(username, password)

    def abandon(self) -> None:
        """Drop the client without waiting for the brokers.

        Its open transaction is aborted by the successor's ``init_transactions``, or times out. The
        last reference destroys the client at once; ``close()`` would abort and flush first, for as
        long as the brokers are away. What its late requests could still do is fenced by the epoch
        of the successor.
        """
        client, self._client = self._client, None
        if client is not None:
            client.purge()
            # What is purged is reported here; a client that is fenced raises that once more.
            with suppress(KafkaException, ProducerLost):
                self._flush_apart(client, 0)

    @contextmanager
    def transaction(self, within_seconds: float | None = None) -> Iterator[Transaction]:
        """Commit what is produced inside, with its offsets, or leave no trace of it.

        ``within_seconds`` bounds the whole block; by default ``transaction.timeout.ms`` does.

        Raises:
            TransactionAborted: nothing happened; rewind.
            ProducerLost: nothing was begun, since :attr:`needs_rebuild`; or the outcome is
                unknown, or this producer is fenced. Rebuild, then rewind.
            Refused: the brokers took a right back; the transaction is aborted.
            Fenced: another process has the same transactional id, and this is not the first time.
        """
        client = self._client
        if client is None or self.needs_rebuild:
            raise ProducerLost("there is no producer that is in no doubt")
        self._began = self._clock()
        deadline = self._began + (within_seconds or self._transaction_seconds)
        self._reports.begin()
        send_offsets = partial(self._send_offsets, deadline=deadline)
        try:
            client.begin_transaction()
            yield _OpenTransaction(client, self._reports, send_offsets)
            self._await_reports(client.flush, deadline)
            self._repeat(client.commit_transaction, deadline=deadline, doing="committing")
        except KafkaException as exception:
            error = error_of(exception)
            if error.code() == KafkaError._STATE:  # noqa: SLF001 - the client's own code
                # A delivery failed while others were handed over: its report says why.
                with suppress(KafkaException, ProducerLost):
                    self._await_reports(partial(self._flush_apart, client), deadline)
            raise self._failure(client, error) from exception
        except ProducerLost:
            self.abandon()
            raise
        except BaseException as exception:
            self._abort(client, exception)
            raise
        finally:
            self._was_late = self._took_seconds() >= self._deadlines.socket_ms / 1000
        if self._reports.written():
            self.abandon()

    def _await_reports(self, flush: Callable[[float], int], deadline: float) -> None:
        """Wait until everything is delivered, or something is not.

        Once a delivery has failed the client sends nothing more, and a commit would wait for what
        it still holds until that times out; before a commit is begun, an abort is allowed.
        """
        while self._reports.cause is None and self._clock() < deadline:
            if flush(REPORT_SECONDS) == 0:
                return

    def _took_seconds(self) -> float:
        return self._clock() - self._began

    def _may_have_fenced_itself(self) -> bool:
        """Tell whether it was us, as far as we know.

        The brokers abort a transaction that outlives its timeout, and raise the epoch. So does each
        copy of our own request for an epoch (InitProducerId) that was repeated when a connection
        broke, and that arrives late.
        """
        is_late = self._took_seconds() >= self._transaction_seconds
        return is_late or self._connections.broke_within(OWN_COPIES_SECONDS)

    def _failure(self, client: TransactionalClient, error: KafkaError) -> StreamScorerError:
        """Abort, and return what the failure of the transaction means."""
        doing = "committing a transaction"
        by_another = is_fenced(error) and not self._may_have_fenced_itself()
        first = translated(error, doing, self._reports.cause)
        self._abort(client, first)
        if by_another and (enough := self._fencing.by_another(describe(error))) is not None:
            return enough
        # Aborting serves the delivery reports that are left; one of them may name the cause.
        failure = translated(error, doing, self._reports.cause)
        if not spares_the_client(error, self._reports.cause):
            self.abandon()
        if isinstance(failure, RecordsRefused):
            failure = self._reports.refusal(str(failure), self._properties)
        for note in getattr(first, "__notes__", ()):
            failure.add_note(note)
        return failure

    def _abort(self, client: TransactionalClient, cause: BaseException) -> None:
        """Abort, within bounds. A failure here never replaces the first error."""
        if isinstance(cause, ProducerLost):
            self.abandon()
            return
        try:
            deadline = self._clock() + self._transaction_seconds
            self._repeat(
                partial(self._apart, client.abort_transaction),
                deadline=deadline,
                doing="aborting",
                attempt_seconds=ABORT_SECONDS,
            )
        except (KafkaException, StreamScorerError) as failure:
            why = describe(error_of(failure)) if isinstance(failure, KafkaException) else failure
            cause.add_note(f"and aborting failed too: {why}")
            # begin_transaction would be refused for ever; the successor resolves what is open.
            self.abandon()

    def _apart(self, call: Callable[[float], object], seconds: float) -> None:
        """Make a call that may fail while an exception is handled, on a thread that handles none.

        For each error that it raises, confluent-kafka 2.16 keeps a reference to the exception that
        is handled meanwhile: it would live for ever, and with its frames the client.
        """
        doing = "giving up"
        self._calls_apart.make(partial(call, seconds), seconds + ATTEMPT_SECONDS, doing)

    def _flush_apart(self, client: TransactionalClient, seconds: float) -> int:
        left: list[int] = []
        self._apart(lambda within: left.append(client.flush(within)), seconds)
        return left[0]

    def _send_offsets(self, send: Callable[[float], None], *, deadline: float) -> None:
        def attempt(seconds: float) -> None:
            self._bounded_calls.make(partial(send, seconds), seconds + ATTEMPT_SECONDS, doing)

        doing = "sending the offsets of"
        # Unlike the others it can't be resumed once the offsets are on their way: at its timeout it
        # requires an abort, so it gets all the time that is left. It may miss its timeout.
        self._repeat(attempt, deadline=deadline, doing=doing, attempt_seconds=float("inf"))

    def _repeat(
        self,
        call: Callable[[float], None],
        *,
        deadline: float,
        doing: str,
        attempt_seconds: float = ATTEMPT_SECONDS,
    ) -> None:
        # After a timeout the call is still under way inside the client: the same call again
        # resumes it, any other is refused (_CONFLICT).
        while True:
            left = max(deadline - self._clock(), ATTEMPT_SECONDS)
            try:
                call(min(attempt_seconds, left))
            except KafkaException as exception:
                if not error_of(exception).retriable():
                    raise
                if self._clock() >= deadline:
                    raise ProducerLost(
                        f"the brokers did not answer in time while {doing} a transaction: "
                        f"{describe(error_of(exception))}"
                    ) from exception
            else:
                return


class _OpenTransaction:
    def __init__(
        self,
        client: TransactionalClient,
        reports: Reports,
        send_offsets: Callable[[Callable[[float], None]], None],
    ) -> None:
        self._client = client
        self._reports = reports
        self._send_offsets = send_offsets

    def produce(self, topic: str, events: ScoredEvents) -> None:
        queue(self._client, topic, events, self._reports)

    def send_offsets(self, positions: Mapping[TopicPartition, Position], membership: bytes) -> None:
        sent = [client_position(*each) for each in positions.items()]
        self._send_offsets(partial(self._client.send_offsets_to_transaction, sent, membership))


def queue(client: TransactionalClient, topic: str, events: ScoredEvents, reports: Reports) -> None:
    """Hand the events to the client's queue, in order, waiting while it is full.

    An event without a timestamp gets the time of its writing.
    """
    reports.producing(topic, events)
    taken = _queue_some(client, topic, events, 0, reports)
    while taken < len(events):
        client.poll(FULL_QUEUE_SECONDS)
        rest = events.take(np.arange(taken, len(events)))
        taken += _queue_some(client, topic, rest, taken, reports)


def _queue_some(
    client: TransactionalClient, topic: str, events: ScoredEvents, first: int, reports: Reports
) -> int:
    """Queue events; return how many of them the client took before its queue was full.

    No line of Python runs for each event: ``produce`` is mapped over the columns. By position
    (topic, value, key, partition, callback, on_delivery, timestamp, headers) it takes half the time
    that it takes by keyword.
    """
    values = iter(events.values)
    calls = map(
        client.produce,
        repeat(topic),
        values,
        events.keys,
        events.partitions.tolist(),
        reports.callbacks(first),
        repeat(None),
        np.maximum(events.timestamps, 0).tolist(),
        events.headers,
    )
    try:
        deque(calls, maxlen=0)
    except BufferError:
        # The one that was refused has left the iterator as well.
        return len(events) - length_hint(values) - 1
    except KafkaException as exception:
        row = first + len(events) - length_hint(values) - 1
        reports.not_taken(row, error_of(exception))
        raise
    return len(events)
