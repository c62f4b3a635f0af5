"""Decimals to doubles: the unscaled number, big-endian in two's complement, times 10^-scale."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stream_scorer.avro.wire import Wire

_EXACT_POWER = 22
"""The largest power of ten that is a double."""
_EXACT_WHOLE = 1 << 53
"""Up to here every whole number is a double, and so one division rounds as it should."""


def decimal(scale: int) -> Callable[[bytes], float]:
    """Return what turns a decimal's bytes into the nearest double; beyond them all, infinity.

    No bytes at all are zero.
    """
    divisor: int = 10**scale

    def number(unscaled: bytes) -> float:
        whole = int.from_bytes(unscaled, "big", signed=True)
        try:
            return whole / divisor
        except OverflowError:
            return math.inf if whole > 0 else -math.inf

    return number


def decimals(
    wire: Wire, starts: NDArray[np.int64], lengths: NDArray[np.int64], scale: int
) -> NDArray[np.float64]:
    """Return the doubles nearest to the decimals, as :func:`decimal` does one by one."""
    begins = starts + lengths - 8  # of the word that ends with the number
    word = wire.windows(np.maximum(begins, 0), 8).view(">i8").astype(np.int64)
    unused = ((8 - np.clip(lengths, 1, 8)) * 8).astype(np.int64)
    whole = word << unused >> unused
    values = whole / 10.0 ** min(scale, _EXACT_POWER)
    inexact = (whole > _EXACT_WHOLE) | (whole < -_EXACT_WHOLE)
    inexact |= (lengths != np.clip(lengths, 1, 8)) | (begins < 0)
    if scale > _EXACT_POWER:
        inexact[:] = True
    number = decimal(scale)
    for row in np.flatnonzero(inexact).tolist():
        values[row] = number(wire.raw[starts[row] : starts[row] + lengths[row]])
    return values
