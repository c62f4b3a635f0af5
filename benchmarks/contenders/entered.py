"""Which contenders there are: the three that need nothing, and the peers whose tools are here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.contenders import batched_loop, kafka_streams, ours, pass_through, quix, record_loop
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.made_once import Absent


def core() -> list[Contender]:
    """Return ``stream-scorer``, the ceiling and the reference."""
    return [ours.contender(), pass_through.contender(), batched_loop.contender()]


def peers(say: Callable[[str], object] = print) -> list[Contender]:
    """Return the record loop and those of other makers; say of one that is absent what it lacks.

    They are made on first use, which takes minutes.
    """
    found = []
    for module in (record_loop, quix, kafka_streams):
        try:
            found.append(module.contender())
        except Absent as absent:
            say(f"{module.__name__.rpartition('.')[2]} does not take part: {absent}")
    return found


def named(entered: Sequence[Contender], names: Sequence[str]) -> list[Contender]:
    """Return the contenders of these names, all if there are none.

    Raises:
        ValueError: there is no such contender.
    """
    known = {contender.name: contender for contender in entered}
    if unknown := set(names) - known.keys():
        raise ValueError(f"There is no contender {min(unknown)!r}; there are {', '.join(known)}.")
    return [known[name] for name in names or known]
