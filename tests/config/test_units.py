"""Durations and sizes: a number and its unit, nothing else."""

from __future__ import annotations

import pytest

from stream_scorer.config.units import seconds, size_bytes, written_duration, written_size


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("0ms", 0.0),
        ("5ms", 0.005),
        ("250us", 0.00025),
        ("2s", 2.0),
        ("1.5s", 1.5),
        ("1m", 60.0),
        ("2 h", 7200.0),
        ("1d", 86400.0),
    ],
)
def test_a_duration_is_seconds(written: str, expected: float) -> None:
    """Whatever the unit."""
    assert seconds(written) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("written", [5, "5", "ms", "-5ms", "5 minutes", "1m30s", "", None, True])
def test_a_duration_without_a_unit_is_refused(written: object) -> None:
    """A bare number could be anything, and a negative one means nothing."""
    with pytest.raises(ValueError, match="5ms, 2s or 1m"):
        seconds(written)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("512B", 512),
        ("1kB", 1000),
        ("1KB", 1000),
        ("64KiB", 65536),
        ("16MiB", 16 * 2**20),
        ("1MB", 1_000_000),
        ("1.5GiB", 3 * 2**29),
        ("2GB", 2 * 10**9),
    ],
)
def test_a_size_is_bytes(written: str, expected: int) -> None:
    """Powers of two with an i, powers of ten without."""
    assert size_bytes(written) == expected


@pytest.mark.parametrize("written", ["16", "16M", "-1MB", "0.5B", "16mib", "", None, 1.5])
def test_a_size_without_a_whole_number_of_bytes_is_refused(written: object) -> None:
    """Half a byte, and units that mean different things to different people, are no sizes."""
    with pytest.raises(ValueError, match="64KiB, 16MiB or 1MB"):
        size_bytes(written)


@pytest.mark.parametrize("written", ["0ms", "5ms", "100ms", "2s", "90s", "1.5s"])
def test_a_duration_is_shown_as_it_was_written(written: str) -> None:
    """Reading and showing are inverse."""
    assert written_duration(seconds(written)) == written


@pytest.mark.parametrize("written", ["0B", "512B", "64KiB", "32MiB", "1GB", "1500kB"])
def test_a_size_is_shown_in_its_largest_unit(written: str) -> None:
    """Reading and showing are inverse."""
    assert written_size(size_bytes(written)) == written
