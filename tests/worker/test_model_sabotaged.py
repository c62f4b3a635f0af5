"""The model finds what it is there for: each rule that is switched off costs a violation.

The wrong workers and clients below are what one writes who does not know the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test as run_machine

from stream_scorer.errors import ProducerLost, TransactionAborted
from stream_scorer.intake import Intake, Write, at_once
from stream_scorer.open_set import OpenSet
from stream_scorer.records import Batch, Held, ScoredBatch, TopicPartition
from stream_scorer.verify.values import Invariant, Violation
from tests.fakes import FakeConsumer
from tests.fakes.log import Record
from tests.fakes.producer import FakeBlock
from tests.kafka.wires import CarelessFake
from tests.verify.sabotages import WaitsWithItsSet
from tests.worker.fleet import Fleet
from tests.worker.test_model import SETTINGS, Model, Violated

ENOUGH = settings(
    SETTINGS, max_examples=2000, derandomize=True, phases=[Phase.generate], print_blob=False
)


class NoRewind(Intake):
    """Drops a set that was aborted, and reads on behind it."""

    def start_over(self, *_: Any) -> None:
        """Leave the position where it is."""
        self._open = None


class KeepsItsSet(Intake):
    """Lets partitions go with their events in the set, and commits them later."""

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Go on as if nothing had happened."""

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Go on as if nothing had happened."""


class ReadsMetadataLate(Intake):
    """Polls between a set's last poll and its commit, as a worker does that fetches ahead."""

    is_leaving = False

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Poll no more in here, since this is inside of a poll."""
        self.is_leaving = True
        super().revoked(partitions)
        self.is_leaving = False

    def _write(self, gathered: OpenSet, write: Write) -> None:
        if not self.is_leaving:
            self._open = None
            self._consumer.rewind(0.001, at_once)
            self._open = gathered
        super()._write(gathered, write)


class CommitsPositions(Intake):
    """Commits how far it has read, not how far it has scored."""

    def _write(self, gathered: OpenSet, write: Write) -> None:
        read = self._consumer.positions()
        gathered.offsets.update({each: read[each] for each in gathered.offsets if each in read})
        super()._write(gathered, write)


class HoldsNothing(Intake):
    """Reads on behind an event that waits."""

    def gather(
        self,
        max_records: int,
        timeout_seconds: float,
        max_wait_seconds: float,
        score: Callable[[Batch], ScoredBatch],
    ) -> Batch:
        """Take what could be scored for all there was."""

        def careless(batch: Batch) -> ScoredBatch:
            return replace(score(batch), held={})

        return super().gather(max_records, timeout_seconds, max_wait_seconds, careless)


class HoldsTooLate(FakeConsumer):
    """Pauses a partition where it is, though it has read past the event that waits."""

    def hold(self, places: Mapping[TopicPartition, Held]) -> None:
        """Go on behind it."""
        read = {each: self._next[each] for each in places}
        super().hold(places)
        self._next.update(read)


class ForgetsWhereItHolds(FakeConsumer):
    """Says of a partition that is held how far it had read."""

    def hold(self, places: Mapping[TopicPartition, Held]) -> None:
        """Keep the old position."""
        read = {each: self._positions[each] for each in places}
        super().hold(places)
        self._positions.update(read)


class TellsItsStartsForEver(FakeConsumer):
    """Has the starts that it chose committed with each set, not only with the first."""

    def starts(self) -> Mapping[TopicPartition, int]:
        """Return them again and again."""
        return {} if self._must_rewind else dict(self._chosen)


class UnstableOffsets(FakeConsumer):
    """Asks for what is committed without waiting for what is pending: not ``read_committed``."""

    def _is_stable(self, _: TopicPartition) -> bool:
        return True


class KeepsRowsInHand(FakeConsumer):
    """Returns rows that were polled before their partition went, in the same call."""

    def _is_void(self, _: int) -> bool:
        return False


class ReadsUncommitted(FakeConsumer):
    """Takes events whose transaction is open, or aborted."""

    def _waits_at(self, _: Record) -> bool:
        return False

    def _gets(self, record: Record) -> bool:
        return not record.is_marker


class AbortsInDoubt(CarelessFake):
    """Aborts when a commit is not answered in time, and goes on with the same epoch."""

    def _commit(self, block: FakeBlock, deadline: float) -> None:
        try:
            super()._commit(block, deadline)
        except ProducerLost as error:
            raise TransactionAborted(str(error)) from error


@pytest.mark.parametrize(
    ("sabotage", "invariants"),
    [
        pytest.param({"intake": NoRewind}, {Invariant.ONE_TRACE}, id="no rewind after an abort"),
        pytest.param(
            {"worker": WaitsWithItsSet}, {Invariant.ONE_TRACE}, id="rewinds with a set in hand"
        ),
        pytest.param({"intake": KeepsItsSet}, {Invariant.ONE_TRACE}, id="a set kept over a revoke"),
        pytest.param(
            {"intake": ReadsMetadataLate}, {Invariant.ONE_TRACE}, id="metadata after a later poll"
        ),
        pytest.param(
            {"intake": CommitsPositions, "consumer": ForgetsWhereItHolds},
            {Invariant.ONE_TRACE},
            id="position with events in hand",
        ),
        pytest.param(
            {"intake": HoldsNothing}, {Invariant.ONE_TRACE, Invariant.ORDER}, id="nothing is held"
        ),
        pytest.param(
            {"consumer": HoldsTooLate},
            {Invariant.ONE_TRACE, Invariant.ORDER},
            id="a hold behind what was read",
        ),
        pytest.param(
            {"consumer": ForgetsWhereItHolds},
            {Invariant.ONE_TRACE},
            id="an idle position past what is held",
        ),
        pytest.param(
            {"consumer": TellsItsStartsForEver}, {Invariant.ONE_TRACE}, id="a start over progress"
        ),
        pytest.param(
            {"consumer": UnstableOffsets}, {Invariant.ONE_TRACE}, id="offsets that are not stable"
        ),
        pytest.param(
            {"consumer": KeepsRowsInHand}, {Invariant.ONE_TRACE}, id="rows kept over a revoke"
        ),
        pytest.param(
            {"consumer": ReadsUncommitted}, {Invariant.ONE_TRACE}, id="uncommitted input read"
        ),
        pytest.param(
            {"producer": CarelessFake},
            {Invariant.ATOMIC, Invariant.ONE_TRACE},
            id="no new producer after a slow commit",
        ),
        pytest.param(
            {"producer": AbortsInDoubt},
            {Invariant.ATOMIC, Invariant.ONE_TRACE},
            id="an abort after a commit in doubt",
        ),
    ],
)
def test_a_rule_that_is_switched_off_is_missed(
    sabotage: dict[str, type], invariants: set[Invariant]
) -> None:
    """The checker names what is violated."""

    class Sabotaged(Model):
        make_fleet = staticmethod(partial(Fleet, **sabotage))

        def judge(self, violations: list[Violation]) -> None:
            """Look on until it is one of these: what shows first is up to the examples."""
            self.is_violated |= bool(violations)
            if named := [each for each in violations if each.invariant in invariants]:
                raise Violated(named)

    with pytest.raises(Violated):
        run_machine(Sabotaged, settings=ENOUGH)
