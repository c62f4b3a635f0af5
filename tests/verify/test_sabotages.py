"""The checker can fail: of each rule that is broken on a real Kafka, it names what goes wrong.

Each test forces its interleaving twice: with the real worker, which the checker finds nothing
against, and with one that breaks the rule.
"""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from dataclasses import replace

import pytest

from stream_scorer.errors import TransactionAborted
from stream_scorer.local.frames import ApiKey
from stream_scorer.verify.points import Point
from stream_scorer.verify.values import Invariant
from tests.conftest import ProxiedKafka
from tests.kafka.wires import Careless
from tests.verify import sabotages
from tests.verify.members import Parts
from tests.verify.rig import RIGHT, Rig

pytestmark = [pytest.mark.kafka, pytest.mark.usefixtures("impatient")]

both_protocols = pytest.mark.parametrize("rig", ["classic", "consumer"], indirect=True)


def kept_and_broken(
    broken: Parts, *expected: Invariant, kept: Parts = RIGHT
) -> pytest.MarkDecorator:
    """Run a test with a worker that keeps the rule and with one that breaks it."""
    return pytest.mark.parametrize(
        ("parts", "expected"),
        [(kept, set()), (broken, set(expected))],
        ids=["kept", "broken"],
    )


@both_protocols
@kept_and_broken(
    Parts(intake=sabotages.ReadsMembershipLate),
    Invariant.ONE_TRACE,
    kept=Parts(intake=sabotages.HandsOver),
)
def test_membership_read_after_a_later_poll_lets_two_members_score_an_event(
    rig: Rig, parts: Parts, expected: set[Invariant]
) -> None:
    """The brokers take offsets of a partition that has moved away since the events were read."""
    rig.write(2)
    first = rig.member("first", parts)
    rig.drain(first)

    def move() -> None:
        second = rig.join("second", first.stand_by)
        rig.until(
            lambda: second.heard.committed_rows > 0 and first.generation == second.generation,
            "the new owner has scored what the first one holds",
            first.stand_by,
            second.go_round,
        )

    rig.gather(first, 3)
    first.commit_sets()
    intake = first.worker._intake
    assert isinstance(intake, sabotages.HandsOver)
    intake.meanwhile = move
    rig.until(lambda: intake.meanwhile is None, "a partition moves", first.go_round)
    rig.drain(*rig.members)
    rig.expect(expected)


@both_protocols
@kept_and_broken(Parts(intake=sabotages.KeepsItsSet), Invariant.ONE_TRACE)
def test_a_set_that_is_kept_over_a_revoke_is_scored_twice(
    rig: Rig, parts: Parts, expected: set[Invariant]
) -> None:
    """Its events are committed by their old owner and by their new one."""
    rig.write(2)
    first = rig.member("first", parts)
    rig.drain(first)
    rig.gather(first, 3)
    second = rig.join("second", first.go_round)
    rig.write(1)
    rig.until(
        lambda: second.heard.committed_rows > 0,
        "the new owner has scored what it has got",
        first.go_round,
        second.go_round,
    )
    first.commit_sets()
    rig.until(lambda: first.open_rows == 0, "the set is committed", first.go_round)
    rig.write(1)
    rig.drain(first, second)
    rig.expect(expected)


def abort() -> None:
    """Fail amid a transaction."""
    raise TransactionAborted("the test says so")


@kept_and_broken(Parts(consumer=sabotages.NeverRewinds), Invariant.ONE_TRACE)
def test_events_of_an_abort_are_lost_without_a_rewind(
    rig: Rig, parts: Parts, expected: set[Invariant]
) -> None:
    """The events of the aborted transaction are lost once the next one commits."""
    rig.write(1)
    first = rig.member("first", parts)
    rig.drain(first)  # so that no transaction is of the group's start alone
    first.at(Point.AFTER_SEND_OFFSETS, abort)
    rig.write(2)
    rig.until(lambda: first.heard.aborts, "a transaction is aborted", first.go_round)
    rig.write(2)
    rig.drain(first)
    rig.expect(expected)


@kept_and_broken(
    Parts(intake=sabotages.CommitsItsPosition, consumer=sabotages.TellsHowFarItRead),
    Invariant.ONE_TRACE,
)
def test_a_position_committed_with_events_in_hand_loses_them(
    rig: Rig, parts: Parts, expected: set[Invariant]
) -> None:
    """It has read past events that can't be scored yet; after the next abort they are lost."""
    first = rig.member("first", parts)
    first.scoring.waiting.add(b"77")
    rig.write(0, b"77", b"8")
    rig.until(lambda: first.worker._intake.held, "a partition waits", first.go_round)
    rig.write(1)
    rig.until(lambda: first.heard.committed_rows > 0, "the other one goes on", first.go_round)
    first.scoring.waiting.clear()
    first.at(Point.AFTER_SEND_OFFSETS, abort)
    rig.drain(first)
    rig.expect(expected)


@kept_and_broken(
    Parts(consumer_properties={"isolation.level": "read_uncommitted"}), Invariant.ONE_TRACE
)
def test_input_that_is_read_uncommitted_is_scored_though_aborted(
    rig: Rig, parts: Parts, expected: set[Invariant]
) -> None:
    """What its writer has aborted is scored."""
    rig.write(1)
    rig.write_aborted(b"7", b"8")
    rig.write(1)
    rig.drain(rig.member("first", parts))
    rig.expect(expected)


@kept_and_broken(
    Parts(consumer_properties={"isolation.level": "read_uncommitted"}), Invariant.ONE_TRACE
)
def test_unstable_offsets_let_a_successor_score_events_again(
    rig: Rig, parts: Parts, expected: set[Invariant]
) -> None:
    """The successor of a worker whose commit is under way begins before it."""
    pod = {"group.instance.id": "pod-0"}
    rig.write(2)
    first = rig.member("first", Parts(consumer_properties=pod))
    rig.drain(first)
    rig.gather(first, 2)
    successor = replace(parts, consumer_properties={**parts.consumer_properties, **pod})
    rounds = itertools.count()

    def take_over() -> None:
        second = rig.join("second", parts=successor)
        rig.until(
            lambda: second.heard.polled_rows > 0 or (not expected and next(rounds) == 20),
            "the successor reads",
            second.go_round,
        )

    first.at(Point.AFTER_SEND_OFFSETS, take_over)
    first.commit_sets()
    first.go_round()
    rig.drain(rig.members[1])
    rig.expect(expected)


@kept_and_broken(Parts(output=sabotages.WritesDeadLettersApart), Invariant.ONE_TRACE)
def test_dead_letters_outside_of_the_transaction_outlive_its_abort(
    rig: Rig, parts: Parts, expected: set[Invariant]
) -> None:
    """An abort does not take them back, and they are written again."""
    first = rig.member("first", parts)
    rig.gather(first, 1, b"bad")
    first.at(Point.AFTER_SEND_OFFSETS, abort)
    first.commit_sets()
    rig.drain(first)
    rig.expect(expected)


@kept_and_broken(Parts(transactional_id=sabotages.everybodys_id), Invariant.LIVENESS)
def test_a_shared_transactional_id_stops_everybody(
    rig: Rig, parts: Parts, expected: set[Invariant]
) -> None:
    """Whoever gets a producer ends the transaction of the other, for ever."""
    first = rig.member("first", parts)
    second = rig.join("second", first.go_round, parts=parts)
    first.at(Point.AFTER_SEND_OFFSETS, second.producer.rebuild, always=True)
    second.at(Point.AFTER_SEND_OFFSETS, first.producer.rebuild, always=True)
    rig.write(2)
    rig.until(
        lambda: rig.lag() == 0 or min(len(first.heard.aborts), len(second.heard.aborts)) > 0,
        "both are done, or have tried",
        first.go_round,
        second.go_round,
    )
    rig.expect(expected)


@kept_and_broken(
    Parts(worker=sabotages.TriesAgain, producer=sabotages.TakesSilenceForAnAbort),
    Invariant.ONE_TRACE,
    kept=Parts(worker=sabotages.TriesAgain),
)
def test_an_abort_after_a_commit_timeout_doubles_what_was_committed(
    proxied: ProxiedKafka, proxied_rig: Rig, parts: Parts, expected: set[Invariant]
) -> None:
    """The brokers had committed it; only their answer was lost."""
    rig = proxied_rig
    rig.write(2)
    first = rig.member("first", parts)
    rig.drain(first)
    with proxied.proxy.drop_answer("first-producer", ApiKey.END_TXN):
        rig.write(2)
        rig.drain(first)
    rig.expect(expected)


@kept_and_broken(Parts(worker=sabotages.WaitsWithItsSet), Invariant.ONE_TRACE)
def test_a_wait_for_a_coordinator_with_a_set_in_hand_doubles_its_events(
    proxied: ProxiedKafka, proxied_rig: Rig, parts: Parts, expected: set[Invariant]
) -> None:
    """The connection breaks, no coordinator answers, and what is read again joins the set."""
    rig = proxied_rig
    rig.write(2)
    first = rig.member("first", parts)
    rig.drain(first)
    rig.gather(first, 3)
    with ExitStack() as cut:
        cut.enter_context(proxied.proxy.cut("first-producer", refuse=True))
        first.heard.on_wait = cut.close
        rig.until(lambda: first.heard.waits, "no coordinator answers", first.go_round)
    rig.until(lambda: first.heard.polled_rows == 4 + 2 * 6, "it is read again", first.go_round)
    first.commit_sets()
    rig.drain(first)
    rig.expect(expected)


@kept_and_broken(Parts(producer=Careless), Invariant.OUTCOME, Invariant.ONE_TRACE)
def test_a_delayed_end_of_a_transaction_tears_the_next_one_of_the_same_client(
    proxied: ProxiedKafka, proxied_rig: Rig, parts: Parts, expected: set[Invariant]
) -> None:
    """The end of one transaction comes amid the next one and ends that (KIP-890)."""
    rig = proxied_rig
    rig.write(2)
    first = rig.member("first", parts)
    rig.drain(first)
    rig.gather(first, 2)
    with proxied.proxy.hold("first-producer", ApiKey.END_TXN) as held:
        first.commit_sets()
        rig.until(lambda: first.open_rows == 0, "the retry is answered", first.go_round)
        held.caught(0)
        rig.gather(first, 2)
        first.at(Point.MID_PRODUCE, held.release)
        first.at(Point.AFTER_SEND_OFFSETS, abort)
        first.commit_sets()
        rig.drain(first)
    rig.expect(expected)
