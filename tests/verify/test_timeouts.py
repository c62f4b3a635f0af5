"""The timeouts to plan with: the brokers' own, or Kafka's defaults where they don't say."""

from __future__ import annotations

from stream_scorer.verify.timeouts import timeouts_of

SAID: dict[str, str | None] = {
    "group.min.session.timeout.ms": "6000",
    "group.max.session.timeout.ms": "300000",
    "group.consumer.session.timeout.ms": "30000",
    "transaction.max.timeout.ms": "60000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "2000",
}


def test_the_brokers_own_timeouts_bound_a_takeover() -> None:
    """A dead member, then its open transaction, then the scan that finds it."""
    timeouts, assumed = timeouts_of([SAID])
    assert timeouts.session_seconds == {"classic": 10, "consumer": 30}
    assert timeouts.takeover_seconds("classic") == 10 + 15 + 2
    assert timeouts.takeover_seconds("consumer") == 30 + 15 + 2
    assert assumed == ()


def test_workers_ask_for_what_the_brokers_allow() -> None:
    """Others are refused: INVALID_SESSION_TIMEOUT, INVALID_TRANSACTION_TIMEOUT."""
    strict = {
        **SAID,
        "group.min.session.timeout.ms": "20000",
        "transaction.max.timeout.ms": "5000",
    }
    timeouts, _ = timeouts_of([strict])
    assert timeouts.session_seconds["classic"] == 20
    assert timeouts.transaction_seconds == 5
    timeouts, _ = timeouts_of([{**SAID, "group.max.session.timeout.ms": "8000"}])
    assert timeouts.session_seconds["classic"] == 8


def test_the_slowest_broker_counts() -> None:
    """Any of them may be the coordinator."""
    slow = {
        **SAID,
        "group.consumer.session.timeout.ms": "45000",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "10000",
    }
    timeouts, _ = timeouts_of([SAID, slow])
    assert timeouts.takeover_seconds("consumer") == 45 + 15 + 10


def test_what_the_brokers_don_t_say_is_assumed_and_named() -> None:
    """All of it without the right to ask, some of it on a managed cluster."""
    timeouts, (said,) = timeouts_of([])
    assert timeouts.takeover_seconds("consumer") == 45 + 15 + 10
    assert "group.consumer.session.timeout.ms=45000" in said
    scan = "transaction.abort.timed.out.transaction.cleanup.interval.ms"
    _, (said,) = timeouts_of([{**SAID, scan: None}])
    assert said.endswith(f"Kafka's defaults are assumed: {scan}=10000.")
