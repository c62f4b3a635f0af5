"""A committed place that is gone: what the client says of it, what happened, and where to go on."""

from __future__ import annotations

import re
from typing import NamedTuple

from stream_scorer.kafka.identity import LogId, is_anew, log_of
from stream_scorer.records import Position

#: What librdkafka says when the leader's epochs show that the log was cut behind its position
#: (``rd_kafka_toppar_handle_OffsetForLeaderEpoch``).
_DIVERGED = re.compile(r"log truncation|No epoch found", re.IGNORECASE)
#: Said of a partition that it began by itself, where nothing is committed.
_OWN_START = "no previously committed offset"
_CUT_AT = re.compile(r"broker end offset is (\d+) ")


class Trouble(NamedTuple):
    """Why the client can't read on from a place; ``cut`` is where its log was cut, if known."""

    diverged: bool = False
    cut: int | None = None

    @classmethod
    def told_by(cls, text: str) -> Trouble | None:
        """Return what the client's error says; ``None``: nothing of a place that we gave it."""
        if _OWN_START in text:
            return None
        if _DIVERGED.search(text) is None:
            return cls()
        cut = _CUT_AT.search(text)
        return cls(diverged=True, cut=None if cut is None else int(cut[1]))


class Bounds(NamedTuple):
    """The first offset of a log and the next one."""

    low: int
    high: int


class Loss(NamedTuple):
    """A committed offset that is gone, the log as it is now, and where to go on.

    ``anew``: it is the log of another topic; ``may_be_anew``: that is not known.
    """

    committed: int | None
    bounds: Bounds
    goes_on: int
    anew: bool = False
    may_be_anew: bool = False

    def what(self) -> str:
        """Return what happened, in a sentence that names the range."""
        low, high = self.bounds
        now = f"the log now runs from {low} to {high}"
        at = "" if self.committed is None else f" after the group committed offset {self.committed}"
        if self.anew or self.committed is None:
            return f"the topic was deleted and made anew{at}; {now}."
        if self.committed < low:
            return (
                f"the group committed offset {self.committed}, but {now}: offsets "
                f"{self.committed} to {low - 1} were deleted before they were scored."
            )
        why = "as by an unclean leader election"
        if self.may_be_anew:
            why = f"{why}, or the topic was made anew"
        if self.goes_on < self.committed:
            return (
                f"the group committed offset {self.committed}, but {now}, and it was cut back to "
                f"{self.goes_on}, {why}: offsets {self.goes_on} to {self.committed - 1}, which the "
                "group has scored, are gone or hold other events."
            )
        return (
            f"the group committed offset {self.committed}, and {now}, but it was cut back before "
            f"that, {why}, and it is not known to where."
        )


def loss_of(
    committed: Position, trouble: Trouble, log: LogId | None, bounds: Bounds
) -> Loss | None:
    """Return what happened to a committed place; ``None``: it can be read from."""
    offset, (low, high) = committed.offset, bounds
    then = log_of(committed.metadata)
    unknown = then is None or then != log
    if is_anew(then, log):
        return Loss(offset, bounds, low, anew=True)
    if offset < low:
        return Loss(offset, bounds, low)
    if trouble.cut is not None and trouble.cut < offset:
        return Loss(offset, bounds, max(trouble.cut, low))
    if offset > high:
        return Loss(offset, bounds, high, may_be_anew=unknown)
    if trouble.diverged and trouble.cut is None:
        return Loss(offset, bounds, offset, may_be_anew=unknown)
    return None
