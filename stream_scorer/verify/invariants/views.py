"""I6 and I7: who reads during the faults sees what who reads afterwards sees; nothing is open."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from stream_scorer.records import TopicPartition
from stream_scorer.verify.invariants.found import Found, named, spot
from stream_scorer.verify.values import Invariant, Trace

#: So many records share a digest; where two readers differ is named this exactly.
DIGEST_EVERY = 1000


class _View:
    """What a reader saw of one place: how many records, the last offset, digests."""

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
        """Take in what the reader got that reads during the faults."""
        view = self._concurrent.setdefault(trace.place, _View())
        if trace.offset <= view.last:
            self._found.add(
                Invariant.SAME_VIEW,
                f"{spot(trace.place, trace.offset)} was read after "
                f"{spot(trace.place, view.last)}: the log went back below a reader.",
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
                    f"who read during the faults, {after.count} (the last at {after.last}) for who "
                    f"read afterwards; they differ from record {_first_difference(during, after)} "
                    "on or later.",
                )


def nothing_open(found: Found, ends: Mapping[TopicPartition, tuple[int, int]]) -> None:
    """Judge the last stable offset and the high watermark of each place, once writers are gone."""
    for place, (stable, high) in sorted(ends.items()):
        if stable != high:
            found.add(
                Invariant.NOTHING_OPEN,
                f"{named(place)} ends at {high}, and readers of committed records get to {stable} "
                "only: a transaction is open.",
            )


def _first_difference(one: _View, other: _View) -> int:
    """Return the number of a record before which the two are the same."""
    pairs = zip(one.digests, other.digests, strict=False)
    same = 0
    for mine, theirs in pairs:
        if mine != theirs:
            break
        same += 1
    return same * DIGEST_EVERY
