"""Every failure of the client is one of ours; which one decides what the loop does next."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException

from stream_scorer.errors import (
    ProducerLost,
    RecordRefused,
    Refused,
    StreamScorerError,
    TransactionAborted,
)
from stream_scorer.kafka.translation import error_of, more_telling, translated


def failed(code: int, *, fatal: bool = False, requires_abort: bool = False) -> KafkaError:
    """Return the client's error."""
    return KafkaError(code, "why", fatal, False, requires_abort)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (failed(KafkaError.ILLEGAL_GENERATION, requires_abort=True), TransactionAborted),
        (failed(KafkaError.UNKNOWN_MEMBER_ID, requires_abort=True), TransactionAborted),
        (failed(KafkaError._UNKNOWN_PARTITION), TransactionAborted),
        (failed(KafkaError._FENCED, fatal=True), ProducerLost),
        (failed(KafkaError.INVALID_TXN_STATE, fatal=True), ProducerLost),
        (failed(KafkaError._STATE), ProducerLost),
        (failed(KafkaError.MSG_SIZE_TOO_LARGE), RecordRefused),
        (failed(KafkaError.TOPIC_AUTHORIZATION_FAILED, requires_abort=True), Refused),
        (failed(KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, fatal=True), Refused),
    ],
)
def test_the_kind_of_failure_decides(error: KafkaError, expected: type[StreamScorerError]) -> None:
    """Abortable, lost, or a right that is missing; what is none of these counts as lost."""
    assert type(translated(error, "committing")) is expected


@pytest.mark.parametrize(
    ("delivery", "expected"),
    [
        (KafkaError.INVALID_TIMESTAMP, RecordRefused),
        (KafkaError.INVALID_RECORD, RecordRefused),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, Refused),
        (KafkaError._MSG_TIMED_OUT, TransactionAborted),
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
    assert type(refused) is RecordRefused


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


def test_the_sentence_names_kafka_s_error_and_what_was_done() -> None:
    """As Kafka's documentation spells it."""
    error = failed(KafkaError.ILLEGAL_GENERATION, requires_abort=True)
    assert str(translated(error, "committing")) == "ILLEGAL_GENERATION: why (while committing)"


def test_an_exception_without_an_error_is_a_bug() -> None:
    """Nothing is guessed."""
    with pytest.raises(TypeError):
        error_of(KafkaException("no error in here"))
