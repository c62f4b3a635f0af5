"""Every error of the client becomes one of ours here, and nowhere else.

librdkafka knows three kinds of failure: retriable (call again), abortable (abort the transaction,
rewind, go on) and everything else (this client instance is lost). The calls that may be repeated
are repeated where they are made; what arrives here is final for the call.
"""

from __future__ import annotations

import re

from confluent_kafka import KafkaError, KafkaException

from stream_scorer.errors import (
    ProducerLost,
    RecordsRefused,
    Refused,
    StreamScorerError,
    TopicInDoubt,
    TransactionAborted,
)

#: The broker looked at the record itself and said no; sending it again can't help.
RECORD_REFUSALS = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.INVALID_RECORD,
        KafkaError.RECORD_LIST_TOO_LARGE,
    }
)

#: What is said of records that were not written because another one failed.
NOT_THE_CAUSE = frozenset(
    {
        KafkaError._PURGE_QUEUE,  # noqa: SLF001 - librdkafka's local codes start so
        KafkaError._PURGE_INFLIGHT,  # noqa: SLF001
        KafkaError._INVALID_DIFFERENT_RECORD,  # noqa: SLF001
    }
)


def more_telling(known: KafkaError | None, error: KafkaError) -> KafkaError:
    """Return which of two failed deliveries of one burst says more about why it failed.

    That there was a failure is never forgotten, whatever its code.
    """
    return error if known is None or known.code() in NOT_THE_CAUSE else known


#: Rights and credentials; waiting does not bring them back.
RIGHTS = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError._AUTHENTICATION,  # noqa: SLF001
    }
)


#: The group does not take offsets from this member, or not now.
MEMBERSHIP_REFUSALS = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.STALE_MEMBER_EPOCH,
        KafkaError.FENCED_MEMBER_EPOCH,
    }
)


def spares_the_client(error: KafkaError, delivery: KafkaError | None = None) -> bool:
    """Tell whether the client is as good as before, once it has aborted for this error.

    So it is if the group refused the member, as it does in nearly all aborts, and no record failed
    for itself (``delivery``). Anything else may have set the client and the brokers apart for ever:
    after ``INVALID_PRODUCER_ID_MAPPING`` for offsets the client keeps the producer id that they
    have forgotten, and after a failed record its sequence numbers have a gap.
    """
    by_the_group = error.code() in MEMBERSHIP_REFUSALS
    return by_the_group and (delivery is None or delivery.code() in NOT_THE_CAUSE)


def is_fenced(error: KafkaError) -> bool:
    """Tell whether the brokers refuse the producer's epoch: another has its id, or it was late.

    librdkafka says ``_FENCED`` for ``PRODUCER_FENCED`` and for ``INVALID_PRODUCER_EPOCH``
    (``rd_kafka_txn_normalize_err``).
    """
    return bool(error.fatal()) and error.code() == KafkaError._FENCED  # noqa: SLF001


def error_of(exception: KafkaException) -> KafkaError:
    """Return the error that the client's exception carries."""
    error = exception.args[0]
    if not isinstance(error, KafkaError):
        raise TypeError(f"a KafkaException without a KafkaError: {exception!r}")
    return error


_SPEAKER = re.compile(r"\b(?:Broker|Local): ")


def own_words(error: KafkaError) -> str:
    """Return the client's text as it is, to be looked into; :func:`describe` is for readers."""
    return str(error.str())


def describe(error: KafkaError) -> str:
    """Return what happened, in words: ``Unknown topic or partition``.

    librdkafka says amid it who speaks, and has names of its own for Kafka's errors.
    """
    return " ".join(_SPEAKER.sub("", error.str()).split()).rstrip(".") or str(error.name())


def translated(
    error: KafkaError, doing: str, delivery: KafkaError | None = None
) -> StreamScorerError:
    """Return our error for a failed call of a producer; ``doing`` completes "while …".

    ``delivery`` is a record's own failure, if one failed for itself: the call's error then only
    says that a record did.
    """
    cause = error
    if delivery is not None and delivery.code() not in NOT_THE_CAUSE:
        cause = delivery
    sentence = f"{describe(cause)} (while {doing})"
    if cause.code() in RIGHTS:
        return Refused(
            f"The brokers refuse a right that the worker needs: {sentence}. "
            "Grant it (`stream-scorer check` lists what is needed) and start again."
        )
    if error.fatal():
        return ProducerLost(sentence)
    if cause.code() in RECORD_REFUSALS:
        return RecordsRefused(sentence, {})
    if cause.code() in _NOT_WRITTEN:
        return TopicInDoubt(sentence)
    if error.txn_requires_abort():
        return TransactionAborted(sentence)
    # Neither retriable nor abortable: rdkafka.h says to treat it as fatal.
    return ProducerLost(sentence)


#: A new client waits for a topic that is gone until its messages time out.
_NOT_WRITTEN = frozenset(
    {
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._MSG_TIMED_OUT,  # noqa: SLF001
    }
)
