"""Observes the loop during a replay, and counts committed results."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from stream_scorer.observe.logs import Log
from stream_scorer.observe.observer import REMEMBERED_CAUSES
from stream_scorer.records import Batch, Held, ScoredBatch, TopicPartition
from stream_scorer.repeats import Repeats


class Progress:
    """Counts what was committed, and says what went wrong; see ``worker.Observer``."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._waits = Repeats(time.monotonic, REMEMBERED_CAUSES)
        self.scored = self.dead_letters = 0

    def polled(self, batch: Batch, seconds: float) -> None:
        """Dead letters arrived."""
        self._log.debug("dead letters arrived", count=len(batch), seconds=seconds)

    def committed(self, scored: Sequence[ScoredBatch], seconds: float) -> None:
        """Count what one transaction made visible."""
        self.scored += sum(len(batch.scored) for batch in scored)
        self.dead_letters += sum(len(batch.dead_letters) for batch in scored)
        self._log.debug("transaction committed", seconds=seconds)

    def stepped_over(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Do nothing: it is no dead letter."""

    def aborted(self, error: Exception, in_a_row: int) -> None:
        """Say that a transaction left no trace."""
        self._log.warning(
            "transaction aborted; its dead letters are replayed again",
            reason=str(error),
            in_a_row=in_a_row,
        )

    def waiting(self, error: Exception) -> None:
        """Say what is waited for."""
        self._log.warning("waiting; the place is kept and nothing is lost", reason=str(error))

    def rebalanced(self, kind: str, partitions: Sequence[TopicPartition]) -> None:
        """Say which partitions came or went, to whoever looks for a fault."""
        self._log.debug(f"partitions {kind}", partitions=[f"{t}[{p}]" for t, p in partitions])

    def working(self, held: Mapping[TopicPartition, Held]) -> None:
        """Say what partitions wait for; what is committed is counted."""
        for why in dict.fromkeys(each.why for each in held.values()):
            if self._waits.due(why) is not None:
                self._log.warning("waiting; the place is kept and nothing is lost", reason=why)

    def alive(self) -> None:
        """Do nothing: nobody probes a command."""
