"""``verify``: prepares the cluster, runs the rounds and prints the verdict."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from stream_scorer.errors import ConfigError
from stream_scorer.verify.cluster import Ground, ground_of
from stream_scorer.verify.cluster_faults import cluster_faults
from stream_scorer.verify.fleet import WORKER
from stream_scorer.verify.history import HistoryFile
from stream_scorer.verify.kinds import kinds_of
from stream_scorer.verify.loads import Load, all_loads
from stream_scorer.verify.network_faults import network_faults
from stream_scorer.verify.pairs import Pairs
from stream_scorer.verify.plan import Plan
from stream_scorer.verify.progress import displaying
from stream_scorer.verify.report import (
    invariants_of,
    numbers_of,
    pairs_of,
    rounds_of,
    verdict_of,
)
from stream_scorer.verify.round import Result, Round
from stream_scorer.verify.scene import NEEDS, Fault
from stream_scorer.verify.worker_faults import worker_faults

VIOLATED = 1


def verify(plan: Plan, console: Console, command: Sequence[str] = WORKER) -> int:
    """Run the planned rounds, print the results and return the exit code.

    Args:
        plan: the plan of the run.
        console: where the results are printed.
        command: starts a worker, see :class:`~stream_scorer.verify.fleet.Fleet`.

    Raises:
        ConfigError: the plan names an unknown fault or load, or a fault that the cluster does not
            allow.
        Unreachable: the cluster refuses something that the run needs.
        Broken: no event was scored at all.
    """
    return VIOLATED if any(result.violations for result in prove(plan, console, command)) else 0


def prove(plan: Plan, console: Console, command: Sequence[str] = WORKER) -> list[Result]:
    """Do the same, but return the result of each round."""
    plan.check()
    known, loads = _known(plan), _loads(plan)
    with _folder(plan) as folder, ExitStack() as stack:
        path = plan.history or folder.path / "history.jsonl"
        journal = HistoryFile(path, "verify")
        stack.callback(journal.close)
        say = partial(console.print, markup=False)  # messages may contain brackets
        ground = stack.enter_context(ground_of(plan, folder.path, say))
        faults = _possible(known, plan, ground)
        for remark in ground.remarks:
            say(remark, style="dim")
        results, pairs = [], Pairs()
        for kind in kinds_of(plan, loads, faults):
            title = (
                f"Round {kind.number}: {kind.load.name}, group protocol {kind.protocol}, "
                f"output.partition {kind.order_by}, {kind.patience} timeouts"
            )
            with displaying(title, kind.seconds, console) as display:
                round_ = Round(
                    kind,
                    plan,
                    ground=ground,
                    pairs=pairs,
                    folder=folder.path / kind.label,
                    journal=journal,
                    display=display,
                    command=command,
                )
                results.append(round_.hold())
        for table in (
            pairs_of(pairs, loads, faults),
            rounds_of(results),
            numbers_of(results),
            invariants_of(results),
        ):
            console.print(table)
        console.print(verdict_of(results, plan, path))
        folder.keep = folder.keep or any(result.violations for result in results)
    return results


def _known(plan: Plan) -> list[Fault]:
    """Return all faults.

    Raises:
        ConfigError: ``--only`` names an unknown one.
    """
    known = [*worker_faults(), *network_faults(), *cluster_faults()]
    for name in plan.only:
        if name not in {fault.name for fault in known}:
            names = "\n".join(f"  {fault.name}" for fault in known)
            raise ConfigError(f"--only {name!r}: unknown fault. Known faults:\n{names}")
    return known


def _loads(plan: Plan) -> tuple[Load, ...]:
    """Return the requested loads.

    Raises:
        ConfigError: ``--load`` names an unknown one.
    """
    known = all_loads()
    for name in plan.loads:
        if name not in {load.name for load in known}:
            names = "\n".join(f"  {load.name}" for load in known)
            raise ConfigError(f"--load {name!r}: unknown load. Known loads:\n{names}")
    return tuple(load for load in known if load.name in plan.loads or not plan.loads)


def _possible(known: list[Fault], plan: Plan, ground: Ground) -> list[Fault]:
    """Return the requested faults that this cluster allows.

    Raises:
        ConfigError: the cluster does not allow one that ``--only`` names.
    """
    possible = [fault for fault in known if fault.possible(ground)]
    for name in plan.only:
        if name not in {fault.name for fault in possible}:
            [needs] = {fault.needs for fault in known if fault.name == name}
            raise ConfigError(f"--only {name!r} needs {NEEDS[needs]}.")
    return [
        fault
        for fault in possible
        if fault.name in plan.only or (fault.in_rotation and not plan.only)
    ]


@dataclass(slots=True)
class _Folder:
    """The folder of logs, histories and data, and whether to keep it."""

    path: Path
    keep: bool


@contextmanager
def _folder(plan: Plan) -> Iterator[_Folder]:
    """Yield the plan's folder, or a temporary one that is removed unless ``keep`` is set."""
    if plan.folder is None:
        folder = _Folder(Path(tempfile.mkdtemp(prefix="verify-")), keep=False)
    else:
        folder = _Folder(plan.folder, keep=True)
        plan.folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    finally:
        if not folder.keep:
            shutil.rmtree(folder.path, ignore_errors=True)
