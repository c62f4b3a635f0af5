"""Which contenders there are: the three that need nothing, and the peers whose tools are here."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence

from benchmarks import contenders
from benchmarks.contenders import batched_loop, ours, pass_through
from benchmarks.contenders.contender import Contender

#: How the names of the peers' modules begin.
_PEERS = ("record_loop", "quix", "kafka_streams")


def core() -> list[Contender]:
    """Return ``stream-scorer``, the ceiling and the reference."""
    return [ours.contender(), pass_through.contender(), batched_loop.contender()]


def peers() -> list[Contender]:
    """Return what the peers' modules offer by their ``contender()``.

    One whose tools are absent offers ``None``, and says what it lacks.
    """
    found = (each.name for each in pkgutil.iter_modules(contenders.__path__))
    names = [name for name in found if name.startswith(_PEERS)]
    modules = [importlib.import_module(f"{contenders.__name__}.{name}") for name in names]
    offers = [module.contender() for module in modules if hasattr(module, "contender")]
    return [offer for offer in offers if offer is not None]


def named(entered: Sequence[Contender], names: Sequence[str]) -> list[Contender]:
    """Return the contenders of these names, all if there are none.

    Raises:
        ValueError: there is no such contender.
    """
    known = {contender.name: contender for contender in entered}
    if unknown := set(names) - known.keys():
        raise ValueError(f"There is no contender {min(unknown)!r}; there are {', '.join(known)}.")
    return [known[name] for name in names or known]
