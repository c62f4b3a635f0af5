"""Starts a command under limits that systemd would set: memory, and what it may ask the kernel.

    python confined.py '{"data_bytes": 160000000}' COMMAND ARGUMENT…

The filters are those that systemd makes of ``SystemCallFilter=``, ``RestrictAddressFamilies=`` and
``MemoryDenyWriteExecute=``, by the same library (libseccomp).
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import resource
import socket
import sys
from collections.abc import Iterable

#: A thread's stack counts whole against the limit of data, though it holds a few pages.
_STACK_BYTES = 1 << 20

_ALLOW = 0x7FFF0000
_EQUAL, _MASKED_EQUAL = 4, 7
_EXECUTE_SHARED_MEMORY = 0o100000
_FAMILIES = 64


class _Condition(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("comparison", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


def _refuse(code: int) -> int:
    return 0x00050000 | code


class _Filter:
    """A seccomp filter: what becomes of a call, unless a rule says otherwise."""

    def __init__(self, otherwise: int) -> None:
        self._library = ctypes.CDLL("libseccomp.so.2")
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._library.seccomp_init(otherwise))

    def add(self, action: int, call: str, *conditions: _Condition) -> None:
        """Add a rule; a call that this processor has not needs none."""
        number = self._library.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return
        rules = (_Condition * len(conditions))(*conditions)
        code = self._library.seccomp_rule_add_array(
            self._context, action, number, len(conditions), rules
        )
        if code:
            raise OSError(-code, f"no rule for {call}")

    def load(self) -> None:
        """Hold this process, and what it executes, to the filter."""
        loaded = self._library.seccomp_load(self._context)
        if loaded:
            raise OSError(-loaded, "no filter")


def _only_families(allowed: Iterable[str]) -> None:
    numbers = {getattr(socket, name).value for name in allowed}
    families = _Filter(_ALLOW)
    for family in set(range(_FAMILIES)) - numbers:
        families.add(_refuse(errno.EAFNOSUPPORT), "socket", _Condition(0, _EQUAL, family, 0))
    families.load()


def _nothing_written_is_executed() -> None:
    code, both = mmap.PROT_EXEC, mmap.PROT_EXEC | mmap.PROT_WRITE
    shared = _EXECUTE_SHARED_MEMORY
    pages = _Filter(_ALLOW)
    for call, condition in (
        ("mmap", _Condition(2, _MASKED_EQUAL, both, both)),
        ("mprotect", _Condition(2, _MASKED_EQUAL, code, code)),
        ("pkey_mprotect", _Condition(2, _MASKED_EQUAL, code, code)),
        ("shmat", _Condition(2, _MASKED_EQUAL, shared, shared)),
    ):
        pages.add(_refuse(errno.EPERM), call, condition)
    pages.load()


def _only_calls(allowed: Iterable[str]) -> None:
    calls = _Filter(_refuse(errno.EPERM))
    for call in allowed:
        calls.add(_ALLOW, call)
    calls.load()


def main(arguments: list[str]) -> None:
    """Become the command."""
    limits = json.loads(arguments[0])
    if "address_families" in limits:
        _only_families(limits["address_families"])
    if limits.get("no_written_code"):
        _nothing_written_is_executed()
    if "calls" in limits:
        _only_calls(limits["calls"])
    if "data_bytes" in limits:
        resource.setrlimit(resource.RLIMIT_STACK, (_STACK_BYTES, _STACK_BYTES))
        resource.setrlimit(resource.RLIMIT_DATA, (limits["data_bytes"], limits["data_bytes"]))
    os.execv(arguments[1], arguments[1:])  # noqa: S606 - the command line is a test's


if __name__ == "__main__":
    main(sys.argv[1:])
