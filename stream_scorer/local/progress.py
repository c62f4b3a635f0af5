"""The progress display of a download: a bar on a terminal, one line elsewhere."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Arrivals:
    """Counts how much of a known number of files has arrived.

    Args:
        show: Called with files arrived (fractional during one), files expected, and bytes arrived.
    """

    def __init__(self, show: Callable[[float, int, int], None]) -> None:
        self._show = show
        self._expected_files = 1
        self._files = 0.0
        self._bytes = 0

    def expect(self, files: int) -> None:
        """Set the total number of files in the download; one if never called."""
        self._expected_files = files

    @contextmanager
    def file(self, name: str, size_bytes: int) -> Iterator[Callable[[int], None]]:
        """Count one file in; yield a function to call with the bytes of each chunk.

        The signature is that of jgo's ``progress_callback``. Maven's ``.pom`` descriptions are not
        counted: they arrive before the number of files is known.
        """

        def chunk(length_bytes: int) -> None:
            if not name.endswith(".pom"):
                self._files += length_bytes / size_bytes
                self._bytes += length_bytes
                self._show(self._files, self._expected_files, self._bytes)

        yield chunk


@contextmanager
def arrivals(title: str) -> Iterator[Arrivals]:
    """Show a download on stderr while the block runs."""
    if not sys.stderr.isatty():
        print(f"Downloading {title} (only the first time)", file=sys.stderr)  # noqa: T201 - the line for no terminal
        yield Arrivals(lambda _files, _expected, _bytes: None)
        return
    # Importing rich takes 50 ms, and nearly every start finds the files in the cache.
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
