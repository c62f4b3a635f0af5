"""How long brokers wait for what has died, as they say or as Kafka has it by default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from stream_scorer.verify.plan import GroupProtocol

#: Short enough to be outlived within a minute, long enough for a busy machine of two cores.
EMBEDDED_SESSION_SECONDS = 6.0
EMBEDDED_TRANSACTION_SECONDS = 6.0
EMBEDDED_ABORT_SCAN_SECONDS = 0.5

#: Kafka's defaults. Three brokers that are killed on two busy cores are back after half a minute.
LONG_SESSION_SECONDS = 45.0
LONG_TRANSACTION_SECONDS = 60.0

#: What workers ask for on a cluster of one's own, if it allows that.
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
    """How long the brokers of an embedded Kafka wait for a worker in a round.

    ``short``: some seconds, so that whoever dies is soon replaced. ``long``: so that brokers can be
    away for half a minute and nobody loses its place.
    """

    SHORT = "short"
    LONG = "long"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long the brokers wait for what has died.

    Attributes:
        session_seconds: until a silent member of the group is dead, by group protocol.
        transaction_seconds: ``transaction.timeout.ms`` of the workers.
        abort_scan_seconds: how often brokers look for transactions that are over their time
            (``transaction.abort.timed.out.transaction.cleanup.interval.ms``).
    """

    session_seconds: Mapping[GroupProtocol, float]
    transaction_seconds: float
    abort_scan_seconds: float

    def takeover_seconds(self, protocol: GroupProtocol) -> float:
        """Return how long the brokers may take until a dead worker's partitions go on."""
        return self.session_seconds[protocol] + self.transaction_seconds + self.abort_scan_seconds

    def recovery_seconds(self, protocol: GroupProtocol) -> float:
        """Return how long a partition may be without commits when its worker is killed."""
        return self.session_seconds[protocol] + self.transaction_seconds + RECOVERY_GRACE_SECONDS


EMBEDDED = Timeouts(
    {"classic": EMBEDDED_SESSION_SECONDS, "consumer": EMBEDDED_SESSION_SECONDS},
    EMBEDDED_TRANSACTION_SECONDS,
    EMBEDDED_ABORT_SCAN_SECONDS,
)

#: The same with more patience.
OUTLASTING = Timeouts(
    {"classic": LONG_SESSION_SECONDS, "consumer": LONG_SESSION_SECONDS},
    LONG_TRANSACTION_SECONDS,
    EMBEDDED_ABORT_SCAN_SECONDS,
)


def timeouts_of(brokers: Sequence[Mapping[str, str | None]]) -> tuple[Timeouts, tuple[str, ...]]:
    """Return what to plan with, and what of it is assumed, a sentence each.

    Args:
        brokers: the settings of each broker, as far as they may be read. Any of them may be the
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
        f"The brokers don't say (DESCRIBE_CONFIGS on the cluster), so Kafka's own is assumed: "
        f"{assumed}."
    )
    return timeouts, (remark,)


def _known(brokers: Sequence[Mapping[str, str | None]], name: str) -> list[int]:
    return [int(value) for each in brokers if (value := each.get(name)) is not None]


def _most(brokers: Sequence[Mapping[str, str | None]], name: str) -> float:
    return max(_known(brokers, name) or [_DEFAULTS[name]]) / 1000


def _least(brokers: Sequence[Mapping[str, str | None]], name: str) -> float:
    return min(_known(brokers, name) or [_DEFAULTS[name]]) / 1000
