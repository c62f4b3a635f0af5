"""Files that are written: beside their place, and renamed when all of them are whole.

What was there before stays until then, whatever ends the process. What is no regular file (a pipe,
``/dev/null``), and what stands for a stream of this process (``/dev/stdout``), is written directly.
"""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from stream_scorer.errors import ConfigError, reason

#: Paths that stand for what a process has open.
_STREAMS = ("/dev/", "/proc/")


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that is being written.

    Attributes:
        path: the path as it was given.
        name: what sentences call it.
        stream: where its bytes go.
    """

    path: Path
    name: str
    stream: BinaryIO
    _target: Path
    _written_to: Path | None

    def write(self, text: str) -> None:
        """Write a text, as UTF-8.

        Raises:
            ConfigError: the disk is full, or broken.
        """
        try:
            self.stream.write(text.encode("utf-8"))
        except OSError as error:
            raise unwritable(self.name, error) from None

    def whole(self) -> None:
        """Put all that was written on the disk, and close the file.

        Raises:
            ConfigError: the disk is full, or broken.
        """
        try:
            self.stream.flush()
            if self._written_to is not None:
                os.fsync(self.stream.fileno())
            self.stream.close()
        except OSError as error:
            raise unwritable(self.name, error) from None

    def take_its_place(self) -> None:
        """Rename the file, which is whole.

        Raises:
            ConfigError: that can't be done.
        """
        if self._written_to is None:
            return
        try:
            self._written_to.replace(self._target)
        except OSError as error:
            raise unwritable(self.name, error) from None
        with suppress(OSError):  # not every file system has it
            folder = os.open(self._target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def discard(self) -> None:
        """Remove what was written, unless it has taken its place."""
        with suppress(OSError):  # a full disk refuses to flush what is thrown away
            self.stream.close()
        if self._written_to is not None:
            with suppress(OSError):
                self._written_to.unlink()


class NewFiles:
    """Files that appear together, when the block that writes them ends well; otherwise none does.

    None of them may be another one, or one of those that are ``read``.
    """

    def __init__(self, *read: Path) -> None:
        self._read = read
        self._files: list[NewFile] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                for file in self._files:
                    file.whole()
                for file in self._files:
                    file.take_its_place()
        finally:
            for file in self._files:
                file.discard()

    def open(self, path: Path, option: str = "") -> NewFile:
        """Begin a file; ``option`` is where its path was given.

        Raises:
            ConfigError: it is one that is read, or another one, by whatever path or link; or it
                can't be written; or it is ``-``.
        """
        name = f"{option} {path}".strip()
        if str(path) == "-":
            raise ConfigError(f"{name} does not name a file; standard output is /dev/stdout.")
        for read in self._read:
            if is_same(path, read):
                raise ConfigError(
                    f"{name} is the file that is read ({read}): writing would destroy it. Name "
                    "another one."
                )
        for other in self._files:
            if is_same(path, other.path):
                raise ConfigError(f"{name} is written already, as {other.path}: name another file.")
        try:
            file = _opened(path, name)
        except (OSError, ValueError) as error:
            raise unwritable(name, error) from None
        self._files.append(file)
        return file


def unwritable(name: Path | str, error: Exception) -> ConfigError:
    """Return what is said of a file that can't be written."""
    return ConfigError(f"{name} can't be written: {reason(error)}.")


def is_same(one: Path, other: Path) -> bool:
    """Return whether two paths lead to one file, or would once it is written.

    Two writers of one pipe would mix up their bytes; a device such as ``/dev/null`` takes any.
    """
    try:
        if one.exists() and other.exists():
            return not one.is_char_device() and one.samefile(other)
        if one.exists() or other.exists():
            return False
        first, second = one.resolve(), other.resolve()
        if not first.parent.samefile(second.parent):
            return False
        if first.name == second.name:
            return True
        return first.name.casefold() == second.name.casefold() and _ignores_case(first.parent)
    except (OSError, ValueError, RuntimeError):  # whoever opens it says what is wrong
        return False


def _ignores_case(folder: Path) -> bool:
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".case-") as probe:
        path = Path(probe.name)
        return path.with_name(path.name.swapcase()).exists()


def _opened(path: Path, name: str) -> NewFile:
    if _is_stream(path):
        # What a shell has redirected to a file may hold something already.
        return NewFile(path, name, path.open("ab"), path, None)
    target = path.resolve()
    if target.is_dir():
        raise IsADirectoryError(0, "Is a directory")
    written_to = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}.partial")
    stream = written_to.open("xb")
    if target.exists():
        with suppress(OSError):  # not everyone may give a file away, or has such modes
            os.fchmod(stream.fileno(), stat.S_IMODE(target.stat().st_mode))
    return NewFile(path, name, stream, target, written_to)


def _is_stream(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISREG(mode):
        return str(path.absolute()).startswith(_STREAMS)
    return not stat.S_ISDIR(mode)
