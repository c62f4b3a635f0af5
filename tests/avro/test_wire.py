"""Kernels over the wire, against plain Python, at the edges of buffers."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_scorer.avro.decimals import decimals
from stream_scorer.avro.strict import Malformed, read_varint
from stream_scorer.avro.wire import FAR, Wire
from stream_scorer.columns import Payloads

quick = settings(max_examples=100, derandomize=True, database=None, deadline=None)


def _wire(*events: bytes) -> Wire:
    return Wire.of(Payloads.of(events))


@quick
@given(
    st.lists(
        st.one_of(
            st.binary(min_size=1, max_size=12),
            st.binary(min_size=1, max_size=12).map(lambda b: bytes(x | 0x80 for x in b) + b"\x01"),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_a_varint_is_read_as_plain_python_reads_it(events: list[bytes]) -> None:
    """Any bytes: the same number and the same end, or the row is past its end."""
    wire = _wire(*events)
    starts = wire.at.copy()
    values = wire.varints().tolist()
    for row, content in enumerate(events):
        try:
            value, end = read_varint(content, 0, "")
        except Malformed:
            assert wire.at[row] > wire.end[row]
        else:
            assert (values[row], wire.at[row] - starts[row]) == (value, end)


@pytest.mark.parametrize("value", [0, 1, -1, 63, 64, -64, 2**31, 2**55, -(2**55) - 1, 2**63 - 1])
def test_a_varint_may_be_the_last_of_the_buffer(value: int) -> None:
    """There is nothing to read beyond it."""
    zigzag = (value << 1) ^ (value >> 63)
    groups = []
    while zigzag > 0x7F:
        groups.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    for before in (b"", b"\x00" * 3, b"\xff" * 20):
        event = bytes([*groups, zigzag])
        wire = Wire.of(
            Payloads(before + event, np.array([len(before)]), np.array([len(before + event)]))
        )
        assert wire.varints().tolist() == [value]
        assert wire.at.tolist() == wire.end.tolist()


def test_no_read_leaves_the_buffer_however_far_a_row_is() -> None:
    """Lost rows are read like the others, from where the buffer ends."""
    wire = _wire(b"\xff" * 9, b"\x80" * 3, b"")
    wire.lose(np.array([True, False, True]))
    for _ in range(3):
        wire.varints()
        wire.lengths()
        wire.indices(2)
        wire.block_counts(8)
        wire.block_counts(0)
        wire.windows(wire.at, 5)
        wire.windows(wire.at, 500)
        wire.not_utf8(wire.at, np.array([60, 60, 60]))
    assert (wire.at >= FAR).all()


def test_a_row_past_its_end_never_comes_back() -> None:
    """Whatever it reads there, and whatever its bytes are."""
    rng = random.Random(1)  # noqa: S311 - bytes, not secrets
    wire = _wire(*(rng.randbytes(rng.randrange(30)) for _ in range(200)))
    reads: list[Callable[[], object]] = [
        wire.varints,
        wire.lengths,
        lambda: wire.indices(3),
        lambda: wire.block_counts(2),
    ]
    past = np.zeros(len(wire), bool)
    for _ in range(50):
        rng.choice(reads)()
        assert (wire.at > wire.end)[past].all()
        past |= wire.at > wire.end
    assert past.all()


@quick
@given(st.lists(st.binary(max_size=90) | st.text(max_size=40).map(str.encode), min_size=1))
def test_what_is_no_utf8_is_found_among_what_is(texts: list[bytes]) -> None:
    """Short and long, beside any bytes, at the end of the buffer."""
    wire = _wire(*texts)
    starts = wire.at
    wrong = wire.not_utf8(starts, wire.end - starts)
    expected = []
    for row, text in enumerate(texts):
        try:
            text.decode()
        except UnicodeDecodeError:
            expected.append(row)
    assert wrong == expected


@pytest.mark.parametrize("before", [0, 10, 63, 64, 65, 500])
def test_a_byte_that_is_no_utf8_is_found_at_any_place_of_a_long_text(before: int) -> None:
    """Also behind the part that is looked at for all rows at once."""
    wire = _wire(b"a" * 600, b"a" * before + b"\xff" + b"a" * 99, b"a" * 600)
    assert wire.not_utf8(wire.at, wire.end - wire.at) == [1]


@quick
@given(
    st.lists(
        st.integers(-(2**70), 2**70) | st.integers(-(2**53) - 3, 2**53 + 3) | st.just(-(2**63)),
        min_size=1,
    ),
    st.sampled_from([0, 1, 2, 9, 22, 23, 40]),
)
def test_a_decimal_is_the_nearest_double(numbers: list[int], scale: int) -> None:
    """As Python's own decimals have it, in the shortest form and in a longer one."""
    texts = [
        n.to_bytes(n.bit_length() // 8 + 1 + i % 3, "big", signed=True)
        for i, n in enumerate(numbers)
    ]
    wire = _wire(*texts)
    found = decimals(wire, wire.at, wire.end - wire.at, scale)
    assert found.tolist() == [float(Decimal(n).scaleb(-scale)) for n in numbers]


def test_a_decimal_of_no_bytes_is_zero_and_one_beyond_doubles_infinite() -> None:
    """Neither ends the batch."""
    huge = (10**400).to_bytes(200, "big", signed=True)
    least = (-(10**400)).to_bytes(200, "big", signed=True)
    wire = _wire(b"", huge, least)
    found = decimals(wire, wire.at, wire.end - wire.at, 2)
    assert found.tolist() == [0.0, math.inf, -math.inf]
