"""Every failure of the client is one of ours; which one decides what the loop does next."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException

from stream_scorer.errors import (
    ProducerLost,
    RecordsRefused,
    Refused,
    StreamScorerError,
    TopicInDoubt,
    TransactionAborted,
)
from stream_scorer.kafka.translation import (
    describe,
    error_of,
    is_fenced,
    more_telling,
    spares_the_client,
    translated,
)


def failed(code: int, *, fatal: bool = False, requires_abort: bool = False) -> KafkaError:
    """Return the client's error."""
    return KafkaError(code, "why", fatal, False, requires_abort)


#: KIP-848 and KIP-890 gave these their numbers; the client's enumeration does not have them all.
STALE_MEMBER_EPOCH, TRANSACTION_ABORTABLE = 113, 120


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.FENCED_INSTANCE_ID,
        STALE_MEMBER_EPOCH,
        TRANSACTION_ABORTABLE,
        KafkaError.UNKNOWN_PRODUCER_ID,
        KafkaError.INVALID_PRODUCER_ID_MAPPING,
        KafkaError.UNKNOWN,
        KafkaError._TIMED_OUT,
        KafkaError._INCONSISTENT,
    ],
)
def test_what_the_client_wants_aborted_leaves_no_trace(code: int) -> None:
    """Offsets fenced, a producer forgotten, time over; after UNKNOWN the brokers say what is."""
    assert type(translated(failed(code, requires_abort=True), "committing")) is TransactionAborted


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        STALE_MEMBER_EPOCH,
        KafkaError.FENCED_MEMBER_EPOCH,
    ],
)
def test_what_the_group_has_against_a_member_leaves_the_client_alone(code: int) -> None:
    """Unless a record failed as well, for itself and not because of the abort."""
    error = failed(code, requires_abort=True)
    assert spares_the_client(error)
    assert spares_the_client(error, failed(KafkaError._PURGE_QUEUE))
    assert not spares_the_client(error, failed(KafkaError.NOT_ENOUGH_REPLICAS))


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.INVALID_PRODUCER_ID_MAPPING,
        KafkaError.UNKNOWN_PRODUCER_ID,
        KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_TXN_STATE,
        KafkaError.UNKNOWN,
        KafkaError._FENCED,
        KafkaError._INCONSISTENT,
        KafkaError._TIMED_OUT,
        KafkaError.INVALID_RECORD,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        TRANSACTION_ABORTABLE,
    ],
)
def test_after_any_other_failure_the_next_transaction_has_a_new_client(code: int) -> None:
    """Also where the client wants no more than an abort: it may keep what the brokers forgot."""
    assert not spares_the_client(failed(code, requires_abort=True))


@pytest.mark.parametrize(
    "code",
    [
        KafkaError._FENCED,
        KafkaError.INVALID_TXN_STATE,
        KafkaError.INVALID_PRODUCER_ID_MAPPING,
        # A commit that succeeded on the brokers after it had failed in the client.
        KafkaError._TIMED_OUT,
    ],
)
def test_what_is_fatal_to_the_client_takes_a_new_one(code: int) -> None:
    """What became of the transaction, the brokers say after that."""
    assert type(translated(failed(code, fatal=True), "committing")) is ProducerLost


@pytest.mark.parametrize(
    "code", [KafkaError._STATE, KafkaError._CONFLICT, KafkaError.UNKNOWN, KafkaError._TIMED_OUT]
)
def test_what_is_none_of_the_client_s_kinds_counts_as_fatal(code: int) -> None:
    """So rdkafka.h wants it (``rd_kafka_commit_transaction``)."""
    assert type(translated(failed(code), "committing")) is ProducerLost


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (failed(KafkaError._UNKNOWN_PARTITION), TopicInDoubt),
        (failed(KafkaError._MSG_TIMED_OUT), TopicInDoubt),
        (failed(KafkaError.UNKNOWN_TOPIC_OR_PART, requires_abort=True), TopicInDoubt),
        (failed(KafkaError.MSG_SIZE_TOO_LARGE), RecordsRefused),
        (failed(KafkaError.TOPIC_AUTHORIZATION_FAILED, requires_abort=True), Refused),
        (failed(KafkaError.GROUP_AUTHORIZATION_FAILED, requires_abort=True), Refused),
        (failed(KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, fatal=True), Refused),
    ],
)
def test_what_the_record_or_a_right_is_the_cause_of_has_a_name_of_its_own(
    error: KafkaError, expected: type[StreamScorerError]
) -> None:
    """Whatever kind it is to the client."""
    assert type(translated(error, "committing")) is expected


def test_fenced_is_what_is_fatal_and_says_so() -> None:
    """An epoch that the brokers no longer take; an invalid state is no twin's doing."""
    assert is_fenced(failed(KafkaError._FENCED, fatal=True))
    assert not is_fenced(failed(KafkaError._FENCED))
    assert not is_fenced(failed(KafkaError.INVALID_TXN_STATE, fatal=True))


@pytest.mark.parametrize(
    ("delivery", "expected"),
    [
        (KafkaError.INVALID_TIMESTAMP, RecordsRefused),
        (KafkaError.INVALID_RECORD, RecordsRefused),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, Refused),
        (KafkaError._MSG_TIMED_OUT, TopicInDoubt),
        (KafkaError.NOT_ENOUGH_REPLICAS, TransactionAborted),
    ],
)
def test_a_record_s_own_failure_explains_the_transaction_s(
    delivery: int, expected: type[StreamScorerError]
) -> None:
    """The call itself only says that a record failed."""
    error = failed(KafkaError._INCONSISTENT, requires_abort=True)
    assert type(translated(error, "committing", failed(delivery))) is expected


def test_a_record_that_failed_because_of_another_explains_nothing() -> None:
    """It was purged, by an abort for instance; the call's own error says why."""
    error = failed(KafkaError.MSG_SIZE_TOO_LARGE)
    refused = translated(error, "committing", failed(KafkaError._PURGE_QUEUE))
    assert type(refused) is RecordsRefused


def test_the_failure_that_tells_more_is_kept() -> None:
    """Whichever comes first; that there was one is never forgotten."""
    purged, refused = failed(KafkaError._PURGE_QUEUE), failed(KafkaError.INVALID_TIMESTAMP)
    assert more_telling(None, purged) is purged
    assert more_telling(purged, refused) is refused
    assert more_telling(refused, purged) is refused


def test_a_fatal_failure_is_never_taken_for_a_refused_record() -> None:
    """The producer is lost, whatever came with it."""
    error = failed(KafkaError._FENCED, fatal=True)
    lost = translated(error, "committing", failed(KafkaError.INVALID_TIMESTAMP))
    assert type(lost) is ProducerLost


def test_the_sentence_says_what_failed_and_what_was_done() -> None:
    """In Kafka's words, without the client's names for them."""
    error = failed(KafkaError.ILLEGAL_GENERATION, requires_abort=True)
    assert str(translated(error, "committing")) == "why (while committing)"


def test_an_error_is_described_in_words() -> None:
    """Neither who speaks nor librdkafka's own names, which Kafka's documentation does not have."""
    assert describe(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)) == "Unknown topic or partition"
    assert describe(KafkaError(KafkaError._TRANSPORT)) == "Broker transport failure"
    assert describe(KafkaError(KafkaError._TRANSPORT, "Failed: Local: a\nb.")) == "Failed: a b"


def test_an_exception_without_an_error_is_a_bug() -> None:
    """Nothing is guessed."""
    with pytest.raises(TypeError):
        error_of(KafkaException("no error in here"))
