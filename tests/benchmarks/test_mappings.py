"""Memory is counted with its owner."""

from __future__ import annotations

import os
import sys

import pytest

from benchmarks.mappings import (
    ANONYMOUS,
    ARENAS,
    HEAP,
    OTHER_FILES,
    by_owner,
    memory_of,
)

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="smaps is Linux's")


def _mapping(addresses: str, path: str, rss_kb: int) -> str:
    return (
        f"{addresses} rw-p 00000000 08:01 1234 {path:>30}\n"
        f"Size:   9999 kB\nRss:   {rss_kb} kB\nPss:  1 kB\nVmFlags: rd wr\n"
    )


def test_a_library_belongs_to_its_package() -> None:
    """Also one in the folder that wheels put their C libraries into."""
    smaps = (
        _mapping("7f0000000000-7f0000001000", "/v/lib/site-packages/numpy/core/_x.so", 10)
        + _mapping("7f0000001000-7f0000002000", "/v/lib/site-packages/numpy.libs/libblas.so", 5)
        + _mapping("7f0000002000-7f0000003000", "/opt/lib/libpython3.11.so.1.0", 7)
        + _mapping("7f0000003000-7f0000004000", "/usr/lib/libc.so.6", 3)
    )
    assert by_owner(smaps) == {
        "numpy": 15 * 1024,
        "python": 7 * 1024,
        OTHER_FILES: 3 * 1024,
    }


def test_heaps_of_threads_are_told_from_other_anonymous_memory() -> None:
    """Glibc aligns them to 64 MiB; what follows such a piece without a gap belongs to it."""
    smaps = (
        _mapping("55550000-55560000", "[heap]", 100)
        + _mapping("7f5c00000000-7f5c00021000", "", 40)
        + _mapping("7f5c00021000-7f5c04000000", "", 2)
        + _mapping("7f5c04000000-7f5c04001000", "/usr/lib/libc.so.6", 1)
        + _mapping("7f5d01234000-7f5d01334000", "", 30)
    )
    assert by_owner(smaps) == {
        HEAP: 100 * 1024,
        ARENAS: 42 * 1024,
        ANONYMOUS: 30 * 1024,
        OTHER_FILES: 1024,
    }


@linux_only
def test_a_living_process_is_measured() -> None:
    """Its owners add up to no more than it ever had, give or take what grows meanwhile."""
    memory = memory_of(os.getpid())
    assert {"python", "numpy"} <= memory.by_owner.keys()
    assert 10 * 2**20 < memory.rss_bytes <= memory.peak_bytes + 2**20
