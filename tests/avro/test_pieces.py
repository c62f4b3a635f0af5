"""Pieces: what is joined column by column equals what is joined row by row."""

from __future__ import annotations

import io

import fastavro
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_scorer.avro.pieces import (
    Even,
    Piece,
    Uneven,
    either,
    fixed_width,
    join,
    same,
    slices,
    varints,
)

LONGS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-70, 70),
    st.sampled_from([2**7 * k + d for k in (1, 64, 8192, 2**20, 2**55) for d in (-1, 0, 1)]),
)


def piece_of(contents: list[bytes]) -> Piece:
    """Return a piece of the given rows, with bytes of nobody between them in the buffer."""
    buffer, starts = bytearray(b"?"), []
    for content in contents:
        starts.append(len(buffer))
        buffer += content + b"?"
    lengths = np.array([len(content) for content in contents], np.int64)
    return slices(bytes(buffer), np.array(starts, np.int64), lengths)


def varint(value: int) -> bytes:
    """Return the varint that fastavro writes."""
    written = io.BytesIO()
    fastavro.schemaless_writer(written, {"type": "long"}, value)
    return written.getvalue()


@settings(deadline=None)
@given(st.lists(LONGS, max_size=20))
def test_varints_are_those_of_fastavro(values: list[int]) -> None:
    """Whatever mix of lengths a column has."""
    packed = join([varints(np.array(values, np.int64))], len(values))
    assert packed.to_bytes() == [varint(value) for value in values]


@pytest.mark.parametrize("places", range(1, 11))
def test_varints_change_length_where_they_must(places: int) -> None:
    """Both sides of every length's limit, alone and together."""
    limit = 2 ** (7 * places - 1)
    values = [v for v in (limit - 1, limit, -limit, -limit - 1) if -(2**63) <= v < 2**63]
    together = join([varints(np.array(values, np.int64))], len(values)).to_bytes()
    alone = [join([varints(np.array([v], np.int64))], 1).to_bytes()[0] for v in values]
    assert together == alone == [varint(value) for value in values]


def test_a_varint_column_of_one_value_is_written_once() -> None:
    """A partition number costs nothing per row."""
    piece = varints(np.full(1000, 300, np.int64))
    assert isinstance(piece, Even)
    assert piece.cells.shape == (1, 2)


def test_slices_of_one_length_are_even() -> None:
    """Ids of one length join the fixed-width neighbours."""
    assert isinstance(piece_of([b"abc", b"def"]), Even)
    assert isinstance(piece_of([b"abc", b"de"]), Uneven)


@settings(deadline=None)
@given(st.data(), st.integers(0, 12), st.integers(0, 6))
def test_joined_pieces_are_the_rows_side_by_side(data: st.DataObject, rows: int, n: int) -> None:
    """Any mix of equal, fixed-width and ragged pieces, empty ones included."""
    expected = [b""] * rows
    pieces: list[Piece] = []
    for _ in range(n):
        if data.draw(st.booleans()):
            content = data.draw(st.binary(max_size=5))
            contents = [content] * rows
            pieces.append(same(content))
        else:
            sizes = data.draw(st.sampled_from([(3, 3), (0, 3), (0, 40)]))
            cell = st.binary(min_size=sizes[0], max_size=sizes[1])
            contents = data.draw(st.lists(cell, min_size=rows, max_size=rows))
            pieces.append(piece_of(contents))
        expected = [row + content for row, content in zip(expected, contents, strict=True)]
    assert join(pieces, rows).to_bytes() == expected


def test_long_and_short_rows_do_not_disturb_each_other() -> None:
    """Every bit of a length is copied once."""
    contents = [bytes([n % 251]) * n for n in (0, 1, 2, 3, 127, 128, 255, 1024, 65_537, 5)]
    tail = [bytes([n]) for n in range(10)]
    joined = join([piece_of(contents), same(b"|"), piece_of(tail)], 10).to_bytes()
    assert joined == [a + b"|" + b for a, b in zip(contents, tail, strict=True)]


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.binary(max_size=9)), max_size=12))
def test_absent_rows_get_the_other_bytes(contents: list[bytes | None]) -> None:
    """How a null stands between values."""
    some = [content for content in contents if content is not None]
    present = np.array([content is not None for content in contents], np.bool_)
    piece = either(present, join([piece_of(some)], len(some)), b"\x00")
    expected = [b"\x00" if content is None else content for content in contents]
    assert join([piece], len(contents)).to_bytes() == expected


def test_numbers_keep_the_byte_order_they_have() -> None:
    """The caller chose the dtype; also for a view that is not contiguous."""
    values = np.arange(6, dtype="<f4")[::2]
    assert join([fixed_width(values)], 3).to_bytes() == [v.tobytes() for v in values]
