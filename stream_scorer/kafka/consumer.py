"""The input side: polls batches, follows the group, rewinds to what is committed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

from stream_scorer.errors import Broken, Refused, TransactionAborted, Unanswered
from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.client_log import ClientLog
from stream_scorer.kafka.messages import (
    batch_of,
    failures_among,
    is_membership,
    partition_of,
    source_of,
)
from stream_scorer.kafka.offset_reset import OffsetReset
from stream_scorer.kafka.plain_commits import PlainCommits
from stream_scorer.kafka.statistics import Hears, heard_by
from stream_scorer.kafka.translation import RIGHTS, describe, error_of
from stream_scorer.protocols import RebalanceListener
from stream_scorer.records import Batch, Held, TopicPartition

#: One call of the client blocks no longer than this, so that a signal is seen soon.
POLL_SLICE_SECONDS = 0.2
#: How long the brokers may take to say what is committed. They hold the answer back while a
#: transaction of a dead member is open (KIP-447), so this bounds one attempt, not the wait.
COMMITTED_TIMEOUT_SECONDS = 10.0
LEAVE_SECONDS = 5.0
#: From this long on it pays to fetch nothing while waiting: the client drops what it has fetched
#: ahead, and needs up to a second to get going again.
LONG_WAIT_SECONDS = 1.0


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
        log = ClientLog()
        self._commits = PlainCommits(clock)
        callbacks = {
            "error_cb": log.heard,
            "on_commit": self._commits.answered,
            **heard_by(hears, "consumer"),
        }
        self._client = Consumer({**properties, **callbacks}, logger=log)
        self._login = self._renewed_login = ("", "")
        self._topics = list(topics)
        self._reset = reset
        self._clock = clock
        self._listener: RebalanceListener | None = None
        self._must_rewind = False
        #: What the client fetches nothing of: everything during a long wait, else what is held.
        self._paused: set[TopicPartition] = set()
        #: Where each partition that is held goes on, and when.
        self._held: dict[TopicPartition, tuple[int, float]] = {}
        #: Partitions whose position has moved past events that the client gave us.
        self._read_from: set[TopicPartition] = set()
        #: Partitions that the client can't fetch until they are given an offset.
        self._unplaced: set[TopicPartition] = set()
        self.epoch = 0

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
        is committed.

        Raises:
            Unanswered: the brokers did not say what is committed, or whether a commit outside of a
                transaction is; the rewind stays due.
            TransactionAborted: a partition that was read from has lost its place, or such a commit
                failed; what was read and is not committed must be dropped, for it is read again.
            DataLost: a committed offset no longer exists.
            Refused: a right is missing.
        """
        self._commits.judge()
        self._take_login()
        self._get_in_place()
        epoch = self.epoch
        batch = batch_of(self._fetch(max_records, timeout_seconds, max_wait_seconds))
        self._read_from.update(batch.sources)
        if self.epoch != epoch:
            # `consume` after `poll` can serve a revocation with a row already in hand. The rows of
            # partitions that stay are behind the client's position now.
            self.rewind()
            return batch_of([])
        if self._unplaced & self._read_from:
            self.rewind()
            raise TransactionAborted("a partition's offset fell off the log while it was read")
        return batch

    def _take_login(self) -> None:
        if self._login is not self._renewed_login:
            self._login = self._renewed_login
            self._client.set_sasl_credentials(*self._login)

    def _get_in_place(self) -> None:
        """Do what is due before the next fetch; what fails stays due."""
        if self._must_rewind:
            self._rewind_now()
        if self._unplaced:
            self._reset.resolve(self._client, sorted(self._unplaced))
            self._read_from -= self._unplaced
            self._unplaced.clear()
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
                self._unplaced.add(source_of(message))
            elif error.code() in RIGHTS:
                raise Refused(f"The brokers refuse to let the worker read: {describe(error)}.")
            elif error.code() == KafkaError._FATAL or error.fatal():  # noqa: SLF001
                raise Broken(f"The consumer can't go on: {describe(error)}.")
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
        self._must_rewind = True
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
                self._read_from.update(map(source_of, self._usable([message])))

    def hold(self, places: Mapping[TopicPartition, Held]) -> None:
        """Give no events of these partitions for a while, and then go on at these offsets.

        They may be behind the position: what was read from there on is read again. A rewind, and
        the loss of the partition, end it early.

        Raises:
            TransactionAborted: the client does not take the new position.
        """
        partitions = [ClientPartition(*each) for each in sorted(places)]
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

    def _rewind_now(self) -> None:
        try:
            behind = self._read_from - self._unplaced
            held = self._client.assignment()
            moved = [partition for partition in held if partition_of(partition) in behind]
            committed = self._client.committed(moved, timeout=COMMITTED_TIMEOUT_SECONDS)
            places = {partition_of(each): int(each.offset) for each in committed}
            new = [partition for partition, offset in places.items() if offset < 0]
            places |= self._reset.first_offsets(self._client, new)
            for partition, offset in places.items():
                self._client.seek(ClientPartition(*partition, offset))
        except KafkaException as exception:
            error = error_of(exception)
            if error.code() in RIGHTS:
                raise Refused(
                    f"The brokers refuse to say what is committed: {describe(error)}."
                ) from exception
            raise Unanswered(
                f"The brokers don't say what is committed ({describe(error)}); "
                "the worker asks again and takes no events until then."
            ) from exception
        self._must_rewind = False

    def assignment(self) -> frozenset[TopicPartition]:
        """Return the partitions that are held now."""
        return frozenset(partition_of(partition) for partition in self._client.assignment())

    def positions(self) -> dict[TopicPartition, int]:
        """Return the offset after the last thing read of each partition, control markers included.

        Only meaningful when no event is in hand: it is already past those. Of a partition that is
        held it is where it goes on.
        """
        if self._must_rewind:
            return {}
        positions = {
            partition_of(partition): partition.offset
            for partition in self._client.position(self._client.assignment())
            if partition.offset >= 0
        }
        return positions | {each: offset for each, (offset, _) in self._held.items()}

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
            TransactionAborted: this process is no member now. Offsets sent with such metadata
                would not be fenced at all.
        """
        metadata: bytes = self._client.consumer_group_metadata()
        if not is_membership(metadata):
            raise TransactionAborted("the worker is not a member of its group at the moment")
        return metadata

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit outside of a transaction; what becomes of it, a later ``poll_batch`` says."""
        try:
            self._client.commit(
                offsets=[ClientPartition(p.topic, p.partition, o) for p, o in offsets.items()],
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

        def leave() -> None:
            with suppress(KafkaException):
                self._client.close()

        leaving = threading.Thread(target=leave, name="leave-group", daemon=True)
        leaving.start()
        leaving.join(LEAVE_SECONDS)

    # ------------------------------------------------------------------ rebalance

    def _on_assign(self, _: Consumer, partitions: list[ClientPartition]) -> None:
        # The client library makes the assignment itself once this returns.
        self._read_from.difference_update(map(partition_of, partitions))
        if self._listener is not None:
            self._listener.assigned([partition_of(p) for p in partitions])

    def _on_revoke(self, _: Consumer, partitions: list[ClientPartition]) -> None:
        with self._leaving(partitions) as gone:
            if self._listener is not None:
                self._listener.revoked(gone)

    def _on_lost(self, _: Consumer, partitions: list[ClientPartition]) -> None:
        with self._leaving(partitions) as gone:
            if self._listener is not None:
                self._listener.lost(gone)

    @contextmanager
    def _leaving(self, partitions: list[ClientPartition]) -> Iterator[list[TopicPartition]]:
        gone = [partition_of(p) for p in partitions]
        try:
            yield gone
        finally:
            self.epoch += 1
            self._read_from.difference_update(gone)
            self._unplaced.difference_update(gone)
            self._reset.forget(gone)
            for each in gone:
                self._held.pop(each, None)
            if left := self._paused.intersection(gone):
                # The client would remember it, should the partition come back.
                self._client.resume([ClientPartition(*each) for each in sorted(left)])
                self._paused -= left
