"""Where a process has its memory: ``/proc/PID/smaps``, summed up by owner."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from stream_scorer.bench.usage import peak_rss_bytes

HEAP = "heap of the main thread"
ARENAS = "heaps of other threads"
ANONYMOUS = "other anonymous memory"
STACK = "stack of the main thread"
OTHER_FILES = "other files"

#: glibc gives each thread's heap a piece of address space of this size, aligned to it.
_ARENA_BYTES = 64 << 20
_HEADER = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \d+ *(.*)$")
_RSS = re.compile(r"^Rss: +(\d+) kB$")
_PACKAGE = re.compile(r"/(?:site|dist)-packages/([^/]+)")
_PYTHON = re.compile(r"/(?:lib)?python\d[^/]*$|/lib-dynload/")


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process holds, in bytes: the resident set by owner, and the most it ever was."""

    by_owner: dict[str, int]
    peak_bytes: int

    @property
    def rss_bytes(self) -> int:
        """Return the resident set."""
        return sum(self.by_owner.values())


def memory_of(pid: int) -> Memory:
    """Return what a process holds now; its peak is the kernel's own (``VmHWM``)."""
    folder = Path("/proc") / str(pid)
    return Memory(by_owner((folder / "smaps").read_text()), peak_bytes(pid))


def peak_bytes(pid: int) -> int:
    """Return the largest resident set that a process had, as the kernel noted it (``VmHWM``)."""
    peak = peak_rss_bytes(pid)
    if peak is None:
        raise RuntimeError(f"The kernel does not say how large process {pid} was.")
    return peak


def by_owner(smaps: str) -> dict[str, int]:
    """Return resident bytes by owner, the largest first.

    Pieces of one thread's heap follow each other without a gap, and so count with the first.
    """
    sizes: Counter[str] = Counter()
    owner, arena_end, end = "", -1, -1
    for line in smaps.splitlines():
        if header := _HEADER.match(line):
            start, previous_end, end = int(header[1], 16), end, int(header[2], 16)
            owner = _owner(header[4])
            if owner == ANONYMOUS:
                if start % _ARENA_BYTES == 0:
                    arena_end = start + _ARENA_BYTES
                if start < arena_end and (start % _ARENA_BYTES == 0 or start == previous_end):
                    owner = ARENAS
        elif resident := _RSS.match(line):
            sizes[owner] += int(resident[1]) * 1024
    return {name: size for name, size in sizes.most_common() if size}


def _owner(path: str) -> str:
    if path in ("[heap]", "[stack]"):
        return HEAP if path == "[heap]" else STACK
    if not path or path.startswith("["):
        return ANONYMOUS
    if package := _PACKAGE.search(path):
        # `numpy.libs` are numpy's; a module that is a single file ends in a tag of the platform.
        return package[1].partition(".")[0]
    return "python" if _PYTHON.search(path) else OTHER_FILES
