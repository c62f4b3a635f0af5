"""The brokers' timeouts for dead clients: their settings, or Kafka's defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from stream_scorer.verify.plan import GroupProtocol

#: Short enough to expire within a minute, long enough for a busy machine with two cores.
EMBEDDED_SESSION_SECONDS = 6.0
EMBEDDED_TRANSACTION_SECONDS = 6.0
EMBEDDED_ABORT_SCAN_SECONDS = 0.5

#: Kafka's defaults. Three brokers that are killed on two busy cores are back after half a minute.
LONG_SESSION_SECONDS = 45.0
LONG_TRANSACTION_SECONDS = 60.0

#: What workers request on the user's cluster, if it allows that.
SESSION_SECONDS = 10.0
TRANSACTION_SECONDS = 15.0

_MIN_SESSION = "group.min.session.timeout.ms"
_MAX_SESSION = "group.max.session.timeout.ms"
_CONSUMER_SESSION = "group.consumer.session.timeout.ms"
_MAX_TRANSACTION = "transaction.max.timeout.ms"
_ABORT_SCAN = "transaction.abort.timed.out.transaction.cleanup.interval.ms"
#: Kafka 4.4 (``GroupCoordinatorConfig``, ``TransactionStateManagerConfig``).
_DEFAULTS = {
    _MIN_SESSION: 6_000,
    _MAX_SESSION: 1_800_000,
    _CONSUMER_SESSION: 45_000,
    _MAX_TRANSACTION: 900_000,
    _ABORT_SCAN: 10_000,
}
#: For a rebalance, the brokers' scan, and a member that catches up.
RECOVERY_GRACE_SECONDS = 15.0


class Patience(StrEnum):
    """The timeouts of an embedded Kafka for the workers of a round.

    ``short``: a few seconds, so that dead workers are replaced soon. ``long``: brokers can be away
    for half a minute and no worker loses its partitions.
    """

    SHORT = "short"
    LONG = "long"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The brokers' timeouts for dead clients.

    Attributes:
        session_seconds: until a silent group member counts as dead, by group protocol.
        transaction_seconds: ``transaction.timeout.ms`` of the workers.
        abort_scan_seconds: how often brokers look for timed-out transactions
            (``transaction.abort.timed.out.transaction.cleanup.interval.ms``).
    """

    session_seconds: Mapping[GroupProtocol, float]
    transaction_seconds: float
    abort_scan_seconds: float

    def takeover_seconds(self, protocol: GroupProtocol) -> float:
        """Return how long it may take until a dead worker's partitions make progress again."""
        return self.session_seconds[protocol] + self.transaction_seconds + self.abort_scan_seconds

    def recovery_seconds(self, protocol: GroupProtocol) -> float:
        """Return how long a partition may be without commits after its worker is killed."""
        return self.session_seconds[protocol] + self.transaction_seconds + RECOVERY_GRACE_SECONDS


EMBEDDED = Timeouts(
    {"classic": EMBEDDED_SESSION_SECONDS, "consumer": EMBEDDED_SESSION_SECONDS},
    EMBEDDED_TRANSACTION_SECONDS,
    EMBEDDED_ABORT_SCAN_SECONDS,
)

#: The same with longer timeouts.
OUTLASTING = Timeouts(
    {"classic": LONG_SESSION_SECONDS, "consumer": LONG_SESSION_SECONDS},
    LONG_TRANSACTION_SECONDS,
    EMBEDDED_ABORT_SCAN_SECONDS,
)


def timeouts_of(brokers: Sequence[Mapping[str, str | None]]) -> tuple[Timeouts, tuple[str, ...]]:
    """Return the timeouts to plan with, and the assumptions behind them, one sentence each.

    Args:
        brokers: the settings of each broker, as far as they are readable. Any of them may be the
            coordinator, so the slowest counts.
    """
    shortest, longest = _most(brokers, _MIN_SESSION), _least(brokers, _MAX_SESSION)
    timeouts = Timeouts(
        {
            "classic": max(shortest, min(longest, SESSION_SECONDS)),
            "consumer": _most(brokers, _CONSUMER_SESSION),
        },
        min(TRANSACTION_SECONDS, _least(brokers, _MAX_TRANSACTION)),
        _most(brokers, _ABORT_SCAN),
    )
    unknown = [name for name in _DEFAULTS if not _known(brokers, name)]
    if not unknown:
        return timeouts, ()
    assumed = ", ".join(f"{name}={_DEFAULTS[name]}" for name in unknown)
    remark = (
        "The brokers don't report some settings (this needs DESCRIBE_CONFIGS on the cluster), so "
        f"Kafka's defaults are assumed: {assumed}."
    )
    return timeouts, (remark,)


def _known(brokers: Sequence[Mapping[str, str | None]], name: str) -> list[int]:
    return [int(value) for each in brokers if (value := each.get(name)) is not None]


def _most(brokers: Sequence[Mapping[str, str | None]], name: str) -> float:
    return max(_known(brokers, name) or [_DEFAULTS[name]]) / 1000


def _least(brokers: Sequence[Mapping[str, str | None]], name: str) -> float:
    return min(_known(brokers, name) or [_DEFAULTS[name]]) / 1000
