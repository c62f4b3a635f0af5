"""The input side: polls batches, follows the group, rewinds to what is committed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import numpy as np
from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

from stream_scorer.errors import Broken, Refused, TransactionAborted
from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.client_log import ClientLog, least_level
from stream_scorer.kafka.data_loss import Trouble
from stream_scorer.kafka.identity import TopicsMadeAnew, audible
from stream_scorer.kafka.messages import (
    batch_of,
    client_position,
    failures_among,
    is_membership,
    partition_of,
    source_of,
    why_unreadable,
)
from stream_scorer.kafka.offset_reset import OffsetReset
from stream_scorer.kafka.placing import Placing
from stream_scorer.kafka.plain_commits import PlainCommits
from stream_scorer.kafka.statistics import Hears, heard_by
from stream_scorer.kafka.translation import RIGHTS, describe, error_of, own_words
from stream_scorer.protocols import RebalanceListener
from stream_scorer.records import Batch, Held, Position, TopicPartition

#: One call of the client blocks no longer than this, so that a signal is seen soon.
POLL_SLICE_SECONDS = 0.2
LEAVE_SECONDS = 5.0
#: From this long on it pays to fetch nothing while waiting: the client drops what it has fetched
#: ahead, and needs up to a second to get going again.
LONG_WAIT_SECONDS = 1.0


NO_LOGIN = ("", "")


def _stays_a_member(properties: Mapping[str, Property]) -> bool:
    """Tell whether the group counts on a client that was closed: on a static member it does.

    With the protocol of KIP-848 the brokers know themselves which partitions a topic has.
    """
    is_classic = str(properties.get("group.protocol", "classic")).lower() == "classic"
    return is_classic and "group.instance.id" in properties


class EventConsumer:
    """Owns the client and its position. Every method belongs to the polling thread.

    ``epoch`` counts the assignments that ended (revoked or lost): a batch or an open set of an
    older epoch is void. ``hears`` is given the client's statistics during polls.
    """

    def __init__(
        self,
        properties: Mapping[str, Property],
        topics: Sequence[str],
        reset: OffsetReset,
        clock: Callable[[], float] = time.monotonic,
        hears: Hears | None = None,
    ) -> None:
        self._properties = dict(properties)
        self._hears = hears
        self._reset = reset
        self._topics_anew = TopicsMadeAnew()
        self._renewed_login = NO_LOGIN
        self._topics = list(topics)
        self._clock = clock
        self._listener: RebalanceListener | None = None
        #: What the client fetches nothing of: everything during a long wait, else what is held.
        self._paused: set[TopicPartition] = set()
        #: Where each partition that is held goes on, and when.
        self._held: dict[TopicPartition, tuple[int, float]] = {}
        self.epoch = 0
        self._make_client()

    def _make_client(self) -> None:
        log = ClientLog(least=least_level(self._properties), hears=self._topics_anew.hear)
        self._log = log
        self._commits = PlainCommits(self._clock)
        callbacks = {
            "error_cb": log.heard,
            "on_commit": self._commits.answered,
            **heard_by(self._hears, "consumer"),
        }
        self._client = Consumer({**audible(self._properties), **callbacks}, logger=log)
        self._placing = Placing(self._client, self._reset, self._clock)
        self._login = NO_LOGIN

    def subscribe(self, listener: RebalanceListener) -> None:
        """Join the group; partitions arrive during later polls."""
        self._listener = listener
        self._client.subscribe(
            self._topics,
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )

    # ------------------------------------------------------------------ polling

    def poll_batch(
        self, max_records: int, timeout_seconds: float, max_wait_seconds: float = 0.0
    ) -> Batch:
        """Return up to ``max_records`` events, none if nothing came within ``timeout_seconds``.

        Waits at most ``max_wait_seconds`` for more once the first event is here. A rewind that is
        due happens first, and partitions that were held for long enough go on. If partitions leave
        during the call the batch is void: it comes back empty, and the next call starts from what
        is committed. It comes back empty, too, once a start was chosen that would be another one
        later: with empty hands it is committed then, before any event can end the worker.

        Raises:
            Unanswered: the brokers did not say what is committed, or whether a commit outside of a
                transaction is; the rewind stays due.
            TransactionAborted: a partition that was read from has lost its place, or such a commit
                failed; what was read and is not committed must be dropped, for it is read again.
            DataLost: a committed place no longer exists.
            Refused: a right is missing.
        """
        if self._topics_anew.heard:
            self._drop_what_was_read()
            self._begin_anew()
        self._commits.judge()
        self._take_login()
        self._get_in_place()
        if self._placing.take_begun():
            return batch_of([])
        epoch = self.epoch
        batch = self._in_place(
            batch_of(self._fetch(max_records, timeout_seconds, max_wait_seconds))
        )
        self._placing.read(batch.sources)
        if self._topics_anew.heard:
            self._drop_what_was_read()
        if self.epoch != epoch:
            # `consume` after `poll` can serve a revocation with a row already in hand. The rows of
            # partitions that stay are behind the client's position now.
            self.rewind()
            return batch_of([])
        self._placing.check()
        return batch

    def _drop_what_was_read(self) -> None:
        if not self._placing.must_rewind:
            self.rewind()
            raise TransactionAborted(
                "an input topic was deleted and made anew: the worker joins its group again"
            )

    def _begin_anew(self) -> None:
        """Go on with a new client: the old one may never get on with another topic of that name.

        It ignores metadata with a leader epoch below the one that it knows, and those of a new
        topic begin at 0.
        """
        epoch, held = self.epoch, self._client.assignment()
        if _stays_a_member(self._properties):
            self._leave_for_good()
        self._close_client()
        if held and self.epoch == epoch:  # it could not leave in time
            self._on_lost(self._client, held)
        for topic, topic_id in self._topics_anew.take().items():
            self._reset.learned(topic, topic_id)
        self._paused.clear()
        self._held.clear()
        self._make_client()
        if self._listener is not None:
            self.subscribe(self._listener)

    def _leave_for_good(self) -> None:
        """Leave the group; the next member gets what it assigns then, not what this one had."""
        deadline = self._clock() + LEAVE_SECONDS
        self._client.unsubscribe()
        while self.is_member() and (left := deadline - self._clock()) > 0:
            self._client.poll(min(left, POLL_SLICE_SECONDS))

    def _in_place(self, batch: Batch) -> Batch:
        """Leave out rows of partitions that the client reads from a place of its own."""
        if self._placing.is_settled:
            return batch
        placed = np.array([self._placing.has(each) for each in batch.sources], np.bool_)
        return batch.take(np.flatnonzero(placed[batch.source_index]))

    def _take_login(self) -> None:
        if self._login is not self._renewed_login:
            self._login = self._renewed_login
            self._client.set_sasl_credentials(*self._login)

    def _get_in_place(self) -> None:
        """Do what is due before the next fetch; what fails stays due."""
        self._placing.get_in_place()
        if self._paused:
            self._resume_due()

    def _resume_due(self) -> None:
        now = self._clock()
        self._held = {each: hold for each, hold in self._held.items() if now < hold[1]}
        # One that is not paused must not be resumed: the client would drop what it has fetched.
        if due := self._paused - self._held.keys():
            self._client.resume([ClientPartition(*each) for each in sorted(due)])
            self._paused -= due

    def _fetch(
        self, max_records: int, timeout_seconds: float, max_wait_seconds: float
    ) -> list[Message]:
        # `consume(n, t)` waits the whole of t unless n arrive; `poll(t)` returns with the first.
        first = self._client.poll(min(timeout_seconds, POLL_SLICE_SECONDS))
        if first is None:
            return []
        messages = self._usable([first])
        if max_records > 1:
            messages += self._usable(self._client.consume(max_records - 1, 0))
        full_at = self._clock() + max_wait_seconds
        while 0 < len(messages) < max_records and (left := full_at - self._clock()) > 0:
            more = self._client.poll(min(left, POLL_SLICE_SECONDS))
            if more is None:
                continue
            messages += self._usable([more])
            if len(messages) < max_records:
                messages += self._usable(self._client.consume(max_records - len(messages), 0))
        return messages

    def _usable(self, messages: list[Message]) -> list[Message]:
        failures = failures_among(messages)
        if not failures:
            return messages
        self._answer(failures)
        return [message for message in messages if message.error() is None]

    def _answer(self, failures: list[Message]) -> None:
        for message in failures:
            error = message.error()
            if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
                trouble = Trouble.told_by(own_words(error))
                if trouble is not None:
                    self._placing.reported(source_of(message), trouble)
            elif error.code() in RIGHTS:
                raise Refused(f"The brokers refuse to let the worker read: {describe(error)}.")
            elif error.code() == KafkaError._FATAL or error.fatal():  # noqa: SLF001
                raise Broken(f"The consumer can't go on: {describe(error)}.")
            elif (why := why_unreadable(message)) is not None:
                self._log.log(logging.ERROR, "%s %s", "UNREADABLE", why)
            # Anything else is the client's own retry, told for information.

    # ------------------------------------------------------------------ position

    def rewind(
        self, wait_seconds: float = 0.0, may_wait: Callable[[], bool] = lambda: True
    ) -> None:
        """Let the next poll start from what the brokers say is committed.

        Waits first, if asked to, in the group and without taking events: what arrives is read
        again. ``may_wait`` is asked after each slice of :data:`POLL_SLICE_SECONDS`; no ends the
        wait. A wait of :data:`LONG_WAIT_SECONDS` or more fetches nothing. Nothing is held any more.
        """
        self._placing.must_rewind = True
        self._held.clear()
        if wait_seconds <= 0:
            return
        deadline = self._clock() + wait_seconds
        self._take_login()
        if wait_seconds >= LONG_WAIT_SECONDS:
            held = self._client.assignment()
            self._paused.update(map(partition_of, held))
            self._client.pause(held)
        while may_wait() and (left := deadline - self._clock()) > 0:
            message = self._client.poll(min(left, POLL_SLICE_SECONDS))
            if message is not None:
                self._placing.read(map(source_of, self._usable([message])))

    def hold(self, places: Mapping[TopicPartition, Held]) -> None:
        """Give no events of these partitions for a while, and then go on at these offsets.

        They may be behind the position: what was read from there on is read again. A rewind, and
        the loss of the partition, end it early.

        Raises:
            TransactionAborted: the client does not take the new position.
        """
        partitions = [ClientPartition(*each) for each in sorted(places)]
        self._placing.note_epochs()
        self._paused.update(places)
        try:
            self._client.pause(partitions)
            for each, place in places.items():
                # After the pause, which would remember the position that it found. The client drops
                # what it has fetched ahead.
                self._client.seek(ClientPartition(*each, place.offset))
        except KafkaException as exception:
            raise TransactionAborted(
                f"a partition can't be held where it is: {describe(error_of(exception))}"
            ) from exception
        now = self._clock()
        self._held.update(
            (each, (place.offset, now + place.seconds)) for each, place in places.items()
        )

    def assignment(self) -> frozenset[TopicPartition]:
        """Return the partitions that are held now."""
        return frozenset(partition_of(partition) for partition in self._client.assignment())

    def positions(self) -> dict[TopicPartition, int]:
        """Return the offset after the last thing read of each partition, control markers included.

        Only meaningful when no event is in hand: it is already past those. Of a partition that is
        held it is where it goes on.
        """
        if self._placing.must_rewind:
            return {}
        held = {each: offset for each, (offset, _) in self._held.items()}
        return self._placing.positions() | held

    def starts(self) -> dict[TopicPartition, int]:
        """Return where reading began by a decision of ours that nobody has committed yet."""
        return self._placing.starts()

    def progress(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, Position]:
        """Return what to commit at once for the group to go on at these offsets.

        They are at or before what was read. What fails to be committed must be followed by a
        rewind.
        """
        return self._placing.progress(offsets)

    def waiting(self, offsets: Mapping[TopicPartition, int]) -> int:
        """Return how many events are known to wait from these offsets on; nobody is asked.

        The high watermark comes with each fetch. It counts control markers too, and events of
        transactions that are open, so there may be fewer.
        """
        return sum(max(0, self._known_end(each) - at) for each, at in offsets.items())

    def _known_end(self, partition: TopicPartition) -> int:
        _, high = self._client.get_watermark_offsets(ClientPartition(*partition), cached=True)
        return int(high)  # negative as long as nothing was fetched

    def is_member(self) -> bool:
        """Tell whether the group has taken this process in; it may have no partition for it."""
        return is_membership(self._client.consumer_group_metadata())

    def group_metadata(self) -> bytes:
        """Return the membership that fences the offsets of a transaction (KIP-447).

        Raises:
            TransactionAborted: this process is not a member now. Offsets sent with such metadata
                would not be fenced at all.
        """
        metadata: bytes = self._client.consumer_group_metadata()
        if not is_membership(metadata):
            raise TransactionAborted("the worker is not a member of its group at the moment")
        return metadata

    def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Commit outside of a transaction; what becomes of it, a later ``poll_batch`` says."""
        try:
            self._client.commit(
                offsets=[client_position(*each) for each in positions.items()],
                asynchronous=True,
            )
        except KafkaException as exception:
            raise TransactionAborted(describe(error_of(exception))) from exception
        self._commits.sent()

    def renew_login(self, username: str, password: str) -> None:
        """Log in so from the next connection on, begun after the next poll; any thread may call it.

        A consumer's calls wait for each other in the client, one that polls for its whole timeout.
        """
        self._renewed_login = (username, password)

    def close(self) -> None:
        """Leave the group; the listener hears of the partitions that go.

        Waits no longer than :data:`LEAVE_SECONDS`: while the group rebalances, the client leaves
        only once the slowest member has joined. Brokers that were not told notice after
        ``session.timeout.ms``.
        """
        self._close_client()
        # The loop refers to both clients: whoever still asks this consumer would keep them alive.
        self._listener = None

    def _close_client(self) -> None:
        client = self._client

        def leave() -> None:
            with suppress(KafkaException):
                client.close()

        leaving = threading.Thread(target=leave, name="leave-group", daemon=True)
        leaving.start()
        leaving.join(LEAVE_SECONDS)

    # ------------------------------------------------------------------ rebalance

    def _on_assign(self, _: Consumer, partitions: list[ClientPartition]) -> None:
        # The client library makes the assignment itself once this returns, and begins to read. To
        # pause until they have their places would cost up to a second each time.
        came = [partition_of(each) for each in partitions]
        self._placing.came(came)
        if (listener := self._listener) is not None:
            listener.assigned(came)

    def _on_revoke(self, client: Consumer, partitions: list[ClientPartition]) -> None:
        if client is not self._client:
            return  # one that left late
        with self._leaving(partitions) as gone:
            if (listener := self._listener) is not None:
                listener.revoked(gone)

    def _on_lost(self, client: Consumer, partitions: list[ClientPartition]) -> None:
        if client is not self._client:
            return
        with self._leaving(partitions) as gone:
            if (listener := self._listener) is not None:
                listener.lost(gone)

    @contextmanager
    def _leaving(self, partitions: list[ClientPartition]) -> Iterator[list[TopicPartition]]:
        gone = [partition_of(p) for p in partitions]
        try:
            yield gone
        finally:
            self.epoch += 1
            self._placing.went(gone)
            for each in gone:
                self._held.pop(each, None)
            if left := self._paused.intersection(gone):
                # The client would remember it, should the partition come back.
                self._client.resume([ClientPartition(*each) for each in sorted(left)])
                self._paused -= left
