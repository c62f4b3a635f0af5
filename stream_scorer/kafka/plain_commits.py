"""Offsets that are committed outside of a transaction, for ``delivery: at_least_once``.

The client's synchronous commit has no timeout: while the group's coordinator is away it waits for a
session's length, and for requests to time out. An asynchronous one is answered in a later poll.
What failed is heard of there; all it costs is a repetition, which this delivery allows.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

from confluent_kafka import KafkaError, TopicPartition

from stream_scorer.errors import Refused, TransactionAborted, Unanswered
from stream_scorer.kafka.translation import RIGHTS, describe

#: From this long on an unanswered commit keeps the loop from reading on.
ANSWER_SECONDS = 10.0


class PlainCommits:
    """Commits without an answer yet, and failed commits."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sent_at: deque[float] = deque()
        self._failed: KafkaError | None = None

    def sent(self) -> None:
        """Note that a commit is on its way."""
        self._sent_at.append(self._clock())

    def answered(self, error: KafkaError | None, partitions: Sequence[TopicPartition]) -> None:
        """Be the client's ``on_commit``: commits are answered in their order."""
        if self._sent_at:
            self._sent_at.popleft()
        failures = (each.error for each in partitions if each.error)
        self._failed = self._failed or error or next(failures, None)

    def judge(self) -> None:
        """Let the loop read on only if what it has written is committed, or will be soon.

        Raises:
            TransactionAborted: a commit failed: what it covered is read again.
            Refused: the right to commit is missing.
            Unanswered: nobody answers a commit; it is still on its way.
        """
        failed, self._failed = self._failed, None
        if failed is not None and failed.code() in RIGHTS:
            raise Refused(f"The brokers refuse to take the group's offsets: {describe(failed)}.")
        if failed is not None:
            raise TransactionAborted(f"the offsets are not committed: {describe(failed)}")
        if self._sent_at and self._clock() - self._sent_at[0] > ANSWER_SECONDS:
            raise Unanswered("The brokers don't answer a commit of the group's offsets")
