"""The number of threads the container may use: its CPU quota, not the host's cores.

ONNX Runtime sizes its pool by the cores of the machine; under a quota such a pool is throttled.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal


@dataclass(frozen=True, slots=True)
class Threads:
    """Thread counts of a session, and a sentence for the log that says why."""

    intra_op: int
    inter_op: int
    reason: str


def decide(intra_op: int | Literal["auto"], inter_op: int) -> Threads:
    """Return the thread counts to use on this machine; ``auto`` asks the cgroup and affinity."""
    if intra_op != "auto":
        return Threads(intra_op, inter_op, f"{intra_op} intra-op threads, as configured")
    cores = usable_cores()
    quota = cpu_quota(Path("/"))
    count = threads_for(cores, quota)
    limit = "no CPU quota" if quota is None else f"a CPU quota of {quota:g}"
    return Threads(count, inter_op, f"{count} intra-op threads: {cores} usable cores, {limit}")


def threads_for(cores: int, quota: float | None) -> int:
    """Return the smaller of the cores and the quota rounded up, at least 1."""
    return max(1, min(cores, cores if quota is None else math.ceil(quota)))


def usable_cores() -> int:
    """Return how many cores the process may run on (its affinity, where the system has one)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_quota(root: Path) -> float | None:
    """Return the CPUs that the cgroups of this process grant it, ``None`` without a limit.

    Reads cgroup v2 (``cpu.max``) and v1 (``cpu.cfs_quota_us``), in the process's own group and in
    all groups above it: the tightest holds. In a container the path in ``/proc/self/cgroup`` may be
    the host's, whose folders aren't mounted; the mount's root is then the container's own group.

    Args:
        root: the file system to look at: ``/``, or a copy of its ``proc`` and ``sys``.
    """
    grants = [
        grant
        for group in _groups(root / "proc/self/cgroup")
        for folder in group.folders(root / "sys/fs/cgroup")
        if (grant := group.read(folder)) is not None
    ]
    return min(grants, default=None)


@dataclass(frozen=True, slots=True)
class _Group:
    """One line of ``/proc/self/cgroup``: the controllers (empty in v2) and the path."""

    controllers: str
    path: PurePosixPath

    def folders(self, mount: Path) -> Iterator[Path]:
        """Yield the folders of the group and of all groups above it."""
        roots = (mount / self.controllers, mount / "cpu") if self.controllers else (mount,)
        for root in roots:
            for path in (self.path, *self.path.parents):
                yield root / path.relative_to("/")

    def read(self, folder: Path) -> float | None:
        """Return the CPUs that the folder grants, ``None`` without a limit."""
        if self.controllers:
            quota, period = _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")
        else:
            quota, _, period = _text(folder / "cpu.max").partition(" ")
        if not (quota.isdigit() and period.isdigit()):
            return None  # "max" in v2, -1 in v1, or no such file
        return int(quota) / int(period) if int(period) else None


def _groups(cgroup_file: Path) -> Iterator[_Group]:
    for line in _text(cgroup_file).splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if path.startswith("/") and (not controllers or "cpu" in controllers.split(",")):
            # "/.." is a group outside of this cgroup namespace, whose folders aren't mounted.
            yield _Group(controllers, PurePosixPath("/" if ".." in path.split("/") else path))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
