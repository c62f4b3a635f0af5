"""What somebody sees while a download runs: a bar on a terminal, one line elsewhere."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Arrivals:
    """How much of a known number of files is here.

    Args:
        show: Called with files here (a fraction while one arrives), files expected, and bytes here.
    """

    def __init__(self, show: Callable[[float, int, int], None]) -> None:
        self._show = show
        self._expected_files = 1
        self._files = 0.0
        self._bytes = 0

    def expect(self, files: int) -> None:
        """Says how many files the download has in all; one if never called."""
        self._expected_files = files

    @contextmanager
    def file(self, name: str, size_bytes: int) -> Iterator[Callable[[int], None]]:
        """Counts one file in; yields what is to be called with the bytes of each chunk.

        This is the shape of jgo's ``progress_callback``. Maven's ``.pom`` descriptions are not
        counted: they come before anyone knows how many files there are.
        """

        def chunk(length_bytes: int) -> None:
            if not name.endswith(".pom"):
                self._files += length_bytes / size_bytes
                self._bytes += length_bytes
                self._show(self._files, self._expected_files, self._bytes)

        yield chunk


@contextmanager
def arrivals(title: str) -> Iterator[Arrivals]:
    """Shows a download on stderr for as long as the block runs."""
    if not sys.stderr.isatty():
        print(f"Downloading {title} (only the first time)", file=sys.stderr)  # noqa: T201 - the line for no terminal
        yield Arrivals(lambda _files, _expected, _bytes: None)
        return
    # rich costs 50 ms to import, and nearly every start finds the cache warm.
    from rich.console import Console  # noqa: PLC0415 - see above
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[megabytes]:.0f} MB"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(f"Downloading {title} (only the first time)", total=None, megabytes=0)
        yield Arrivals(
            lambda files, expected, arrived: bar.update(
                task, completed=files, total=expected, megabytes=arrived / 1e6
            )
        )
