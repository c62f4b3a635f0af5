"""Which contenders there are: the three that need nothing, and the peers whose tools are here."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence

from benchmarks import contenders
from benchmarks.contenders import batched_loop, ours, pass_through
from benchmarks.contenders.contender import Contender


def core() -> list[Contender]:
    """Return ``stream-scorer``, the ceiling and the reference."""
    return [ours.contender(), pass_through.contender(), batched_loop.contender()]


def peers() -> list[Contender]:
    """Return what every other module of this folder offers by its ``contender()``.

    One whose tools are absent offers ``None``, and says what it lacks.
    """
    own = {module.__name__ for module in (ours, pass_through, batched_loop)}
    names = [
        f"{contenders.__name__}.{each.name}" for each in pkgutil.iter_modules(contenders.__path__)
    ]
    modules = [importlib.import_module(name) for name in names if name not in own]
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
