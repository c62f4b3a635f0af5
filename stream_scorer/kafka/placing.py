"""Start positions of partitions: decided here, assigned in the client, restored on a rewind.

A partition has its place once it was decided what the group goes on with *and* the client was
sought there. Until then no event of it counts, and no position. The client is given the leader
epoch that was committed with the offset: it asks the leader whether the log was cut behind it
(KIP-320), before it fetches, and reports where.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException

from stream_scorer.errors import Refused, TransactionAborted, Unanswered
from stream_scorer.kafka.data_loss import Trouble
from stream_scorer.kafka.messages import client_position, partition_of
from stream_scorer.kafka.offset_reset import BROKER_TIMEOUT_SECONDS, OffsetReset
from stream_scorer.kafka.translation import RIGHTS, describe, error_of
from stream_scorer.records import Position, TopicPartition
from stream_scorer.repeats import Repeats

#: How long the brokers may take to say what is committed in new partitions, at first and at most.
#: They hold the answer back while a transaction of a dead member is pending on it (KIP-447).
ASK_SECONDS = (0.5, 2.0)
#: After no answer, for so many times as long the partitions that have a place are read.
REST = 3.0
#: A pending transaction ends within a few tries; after so many, it is said that partitions wait,
#: and again from time to time.
TELLING_FAILURES = 5
TOLD_CAUSES = 10


class Placing:
    """Knows of each partition whether it has a place, and gives it one.

    Every method belongs to the polling thread. ``clock`` is monotonic seconds.
    """

    def __init__(
        self, client: Consumer, reset: OffsetReset, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._reset = reset
        self._clock = clock
        #: Partitions without a place: what the client reported, ``None`` if they are new.
        self._unplaced: dict[TopicPartition, Trouble | None] = {}
        #: Decided, and not taken by the client yet.
        self._moving: dict[TopicPartition, Position] = {}
        #: The client's position has moved past events that it gave us, or a start was given out.
        self._read_from: set[TopicPartition] = set()
        #: The latest leader epoch that is known of what was read.
        self._epochs: dict[TopicPartition, int] = {}
        self._ask_seconds, self._ask_at = ASK_SECONDS[0], float("-inf")
        self._failures = 0
        self._waits = Repeats(clock, TOLD_CAUSES)
        self._has_begun = False
        self.must_rewind = False

    # ------------------------------------------------------------------ what happens

    def came(self, partitions: Collection[TopicPartition]) -> None:
        """Take partitions that were assigned and have no place yet."""
        for each in partitions:
            self._drop(each)
            self._unplaced[each] = None

    def went(self, partitions: Collection[TopicPartition]) -> None:
        """Forget partitions that were revoked or lost."""
        for each in partitions:
            self._drop(each)
            self._unplaced.pop(each, None)
        self._reset.forget(partitions)

    def reported(self, partition: TopicPartition, trouble: Trouble) -> None:
        """Take what the client says of a partition that it can't read from its place."""
        if self._unplaced.get(partition, trouble) is None:
            return  # it is new, and the place was the client's own
        self._moving.pop(partition, None)
        self._unplaced[partition] = trouble

    def read(self, sources: Iterable[TopicPartition]) -> None:
        """Take note that the position has moved past events of these."""
        self._read_from.update(filter(self.has, sources))

    @property
    def is_settled(self) -> bool:
        """Whether all partitions have their places."""
        return not self._unplaced and not self._moving

    def has(self, partition: TopicPartition) -> bool:
        """Tell whether a partition has its place."""
        return partition not in self._unplaced and partition not in self._moving

    def check(self) -> None:
        """Check that what was read still has its place.

        Raises:
            TransactionAborted: the place of a partition that was read from is gone.
        """
        if self._read_from & self._unplaced.keys():
            self.must_rewind = True
            raise TransactionAborted("a partition's offset fell off the log while it was read")

    def _drop(self, partition: TopicPartition) -> None:
        self._moving.pop(partition, None)
        self._read_from.discard(partition)
        self._epochs.pop(partition, None)

    # ------------------------------------------------------------------ getting in place

    def get_in_place(self) -> None:
        """Do what is due before the next fetch; what fails stays due.

        Raises:
            Unanswered: the brokers do not say what is committed, or where a log begins.
            DataLost: see :class:`OffsetReset`.
            Refused: a right is missing.
        """
        if self.must_rewind:
            self._rewind()
        if self._unplaced:
            self._place()
        if self._moving:
            self._move()

    def _rewind(self) -> None:
        # Rows that were polled amid a revocation may be of partitions that went.
        self._read_from &= set(map(partition_of, self._client.assignment()))
        behind = (self._read_from | self._moving.keys()) - self._unplaced.keys()
        try:
            self._moving |= self._reset.replace(self._client, sorted(behind))
        except KafkaException as exception:
            raise _not_said(error_of(exception)) from exception
        self.must_rewind = False
        self._read_from -= behind

    def _place(self) -> None:
        if any(trouble is not None for trouble in self._unplaced.values()):
            self._decide(BROKER_TIMEOUT_SECONDS)
        elif self._clock() >= self._ask_at:
            try:
                self._decide(self._ask_seconds)
            except Unanswered as error:  # new ones wait for themselves: nobody else has to
                self._failures += 1
                said = f"{len(self._unplaced)} new partitions wait: {error}"
                if self._failures >= TELLING_FAILURES and self._waits.due(said) is not None:
                    self._reset.warn(said)

    def _decide(self, within_seconds: float) -> None:
        began = self._clock()
        self._ask_seconds = min(2 * self._ask_seconds, ASK_SECONDS[1])
        try:
            placed = self._reset.place(
                self._client, dict(sorted(self._unplaced.items())), within_seconds
            )
        except KafkaException as exception:
            raise _not_said(error_of(exception)) from exception
        finally:
            now = self._clock()
            self._ask_at = now + REST * (now - began)
        self._ask_seconds, self._ask_at = ASK_SECONDS[0], float("-inf")
        self._failures = 0
        self._moving |= placed
        self._read_from -= placed.keys()
        self._unplaced.clear()

    def _move(self) -> None:
        """Seek to what was decided; a partition that the client does not fetch is assigned anew."""
        stopped = [each for each in list(self._moving.items()) if not self._sought(*each)]
        if stopped:
            anew = [client_position(*each) for each in stopped]
            self._client.incremental_unassign(anew)
            self._client.incremental_assign(anew)
            # Only a seek lets the client ask for the epoch. Right after the assignment it may find
            # the partition not started yet; the next call tries again.
            for each, position in stopped:
                if position.leader_epoch < 0:
                    self._arrived(each, position)
                else:
                    self._sought(each, position)

    def _sought(self, partition: TopicPartition, position: Position) -> bool:
        try:
            self._client.seek(client_position(partition, position))
        except KafkaException as exception:
            if error_of(exception).code() != KafkaError._STATE:  # noqa: SLF001
                raise _not_said(error_of(exception)) from exception
            return False
        self._arrived(partition, position)
        return True

    def _arrived(self, partition: TopicPartition, position: Position) -> None:
        self._has_begun |= self._reset.must_last(partition)
        self._epochs[partition] = position.leader_epoch
        self._moving.pop(partition, None)

    def take_begun(self) -> bool:
        """Tell once that a partition is at a start which must be committed before anything else."""
        has_begun, self._has_begun = self._has_begun, False
        return has_begun

    # ------------------------------------------------------------------ what to commit

    def positions(self) -> dict[TopicPartition, int]:
        """Return the offset after the last thing read of each partition that has its place."""
        return {each: position.offset for each, position in self._client_positions().items()}

    def _client_positions(self) -> dict[TopicPartition, Position]:
        if self.must_rewind:
            return {}
        found = self._client.position(self._client.assignment())
        return {
            partition_of(each): Position(
                each.offset, -1 if each.leader_epoch is None else each.leader_epoch
            )
            for each in found
            if each.offset >= 0 and self.has(partition_of(each))
        }

    def note_epochs(self) -> None:
        """Remember the epochs of the positions, which a seek makes the client forget."""
        for each, position in self._client_positions().items():
            self._epochs[each] = max(position.leader_epoch, self._epochs.get(each, -1))

    def starts(self) -> dict[TopicPartition, int]:
        """Return the chosen starts that wait to be committed."""
        if self.must_rewind:
            return {}
        return {each: offset for each, offset in self._reset.starts().items() if self.has(each)}

    def progress(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, Position]:
        """Return what to commit to go on at these offsets, which were read in their places.

        The epoch may be later than that of the last event before the offset, never earlier: the
        leader is asked where the log of that epoch ends.
        """
        self.note_epochs()
        # What is given out is asked for again on a rewind.
        self._read_from.update(offsets)
        return {
            each: self._reset.position(each, offset, self._epochs.get(each, -1))
            for each, offset in offsets.items()
        }


def _not_said(error: KafkaError) -> Refused | Unanswered:
    if error.code() in RIGHTS:
        return Refused(f"The brokers refuse to say what is committed: {describe(error)}.")
    return Unanswered(
        f"The brokers don't say what is committed ({describe(error)}); "
        "the worker asks again and takes no events until then."
    )
