"""Results of rounds as a proof might have them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from stream_scorer.records import TopicPartition
from stream_scorer.verify.held import HeldTimes
from stream_scorer.verify.kinds import Kind
from stream_scorer.verify.loads import STEADY, Load
from stream_scorer.verify.onlooker import Seen
from stream_scorer.verify.plan import GroupProtocol
from stream_scorer.verify.recovery import Gap, RecoveryTimes
from stream_scorer.verify.round import Result
from stream_scorer.verify.schedule import Tally
from stream_scorer.verify.timeouts import Patience
from stream_scorer.verify.values import Violation

GAP = Gap("worker-1.1", 5.0, TopicPartition("in", 0), 7.25, disturbed=False)
NO_GAPS = RecoveryTimes()


def seen(**changes: Any) -> Seen:
    """What there was to see in a round without a kill, unless it is changed."""
    given: Mapping[str, Any] = {
        "events": 12_345,
        "scored": 12_000,
        "dead_letters": {"undecodable": 300, "too_large": 45},
        "transactions": {"committed": 900, "aborted": 20, "cut short": 3},
        "ended": {},
        "recovery": NO_GAPS,
        "recovery_seconds": 27.0,
        "held": HeldTimes(0, None, None),
    }
    return Seen(**{**given, **changes})


def result(
    *violations: Violation,
    protocol: GroupProtocol = "classic",
    faults: Mapping[str, int] | None = None,
    load: Load = STEADY,
    number: int = 1,
    **changes: Any,
) -> Result:
    """What came of a round."""
    tally = Tally(inflicted=Counter(faults or {}))
    kind = Kind(number, protocol, "source", load, Patience.SHORT, (), 60.0, None)
    return Result(
        kind, seen(**changes), tally, violations, 61.4, writing_seconds=50.0, busy_seconds=60.0
    )
