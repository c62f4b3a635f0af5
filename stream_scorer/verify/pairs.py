"""Counts which faults occurred under which loads, and picks the next fault for a load."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence

from stream_scorer.verify.scene import Fault


class Pairs:
    """Counts, over all rounds of a run, how often a fault occurred under a load."""

    def __init__(self) -> None:
        self._met: Counter[tuple[str, str]] = Counter()

    def meet(self, load: str, fault: str) -> None:
        """Record that a fault occurred under a load."""
        self._met[load, fault] += 1

    def times(self, load: str, fault: str) -> int:
        """Return how often a fault occurred under a load."""
        return self._met[load, fault]

    def rotation(
        self, load: str, faults: Sequence[Fault], dice: random.Random, first: Fault | None = None
    ) -> Iterator[Fault]:
        """Yield faults forever, each once per rotation.

        Faults that the load has not met yet come first, and among these the ones that no load has
        met; ties are broken at random. The caller records each fault before it asks for the next.

        Args:
            load: of the round.
            faults: the faults that may be inflicted in it.
            dice: seeded, so that the same seed begins the same faults in the same order.
            first: begins the first rotation, regardless of the seed.
        """
        left = [] if first is None else [first]
        while faults:
            left += [fault for fault in dice.sample(faults, len(faults)) if fault not in left]
            while left:
                fault = first or min(left, key=lambda each: self._rank(load, each))
                first = None
                left.remove(fault)
                yield fault

    def _rank(self, load: str, fault: Fault) -> tuple[bool, bool]:
        by_any = any(name == fault.name for (_, name) in self._met)
        return self._met[load, fault.name] > 0, by_any
