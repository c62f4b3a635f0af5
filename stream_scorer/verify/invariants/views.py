"""I6 and I7: readers during and after the faults see the same; no transaction is left open."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from stream_scorer.records import TopicPartition
from stream_scorer.verify.invariants.found import Found, named, spot
from stream_scorer.verify.values import Invariant, Trace

#: This many records share a digest; a difference between two readers is located this precisely.
DIGEST_EVERY = 1000


class _View:
    """One reader's view of one place: the number of records, the last offset, digests."""

    def __init__(self) -> None:
        self.count = 0
        self.last = -1
        self.digests: list[bytes] = []
        self._running = hashlib.blake2b(digest_size=8)

    def add(self, trace: Trace) -> None:
        self._running.update(
            f"{trace.offset} {trace.source} {trace.source_offset} {trace.key!r} "
            f"{trace.transaction} {trace.reason} {trace.score!r}\n".encode()
        )
        self.count += 1
        self.last = trace.offset
        if self.count % DIGEST_EVERY == 0:
            self.digests.append(self._running.digest())

    def all_digests(self) -> list[bytes]:
        return [*self.digests, self._running.digest()]


class SameView:
    """Compares the sequences of two readers by their digests, place by place."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._concurrent: dict[TopicPartition, _View] = {}

    def seen(self, trace: Trace) -> None:
        """Record what the reader got during the faults."""
        view = self._concurrent.setdefault(trace.place, _View())
        if trace.offset <= view.last:
            self._found.add(
                Invariant.SAME_VIEW,
                f"{spot(trace.place, trace.offset)} was read after "
                f"{spot(trace.place, view.last)}: the log moved backwards under a reader.",
            )
        view.add(trace)

    def finish(self, final: Iterable[Trace]) -> None:
        """Compare with what a reader gets afterwards, from the beginning to the end."""
        finals: dict[TopicPartition, _View] = {}
        for trace in final:
            finals.setdefault(trace.place, _View()).add(trace)
        for place in sorted(self._concurrent.keys() | finals.keys()):
            during = self._concurrent.get(place, _View())
            after = finals.get(place, _View())
            if during.all_digests() != after.all_digests():
                self._found.add(
                    Invariant.SAME_VIEW,
                    f"{named(place)} had {during.count} records (the last at {during.last}) for "
                    f"the reader during the faults, but {after.count} (the last at {after.last}) "
                    "for the reader afterwards; they differ from record "
                    f"{_first_difference(during, after)} on or later.",
                )


def nothing_open(found: Found, ends: Mapping[TopicPartition, tuple[int, int]]) -> None:
    """Check that each place's last stable offset is its high watermark; writers must be gone."""
    for place, (stable, high) in sorted(ends.items()):
        if stable != high:
            found.add(
                Invariant.NOTHING_OPEN,
                f"{named(place)} ends at {high}, but readers of committed records stop at "
                f"{stable}: a transaction is open.",
            )


def _first_difference(one: _View, other: _View) -> int:
    """Return the number of a record before which the two views are the same."""
    pairs = zip(one.digests, other.digests, strict=False)
    same = 0
    for mine, theirs in pairs:
        if mine != theirs:
            break
        same += 1
    return same * DIGEST_EVERY
