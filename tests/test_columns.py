"""Columns: what taking rows and laying columns together must keep."""

from __future__ import annotations

import numpy as np
import pytest

from stream_scorer.columns import (
    Column,
    Enums,
    Lists,
    Numbers,
    Objects,
    Payloads,
    Texts,
    concatenated,
)


def _numbers(*values: float, present: list[bool] | None = None) -> Numbers:
    return Numbers(np.array(values), None if present is None else np.array(present))


def _texts(*values: bytes) -> Texts:
    lengths = np.array([len(value) for value in values], np.int64)
    return Texts(b"".join(values), np.cumsum(lengths) - lengths, lengths)


def _lists(*lengths: int) -> Lists:
    return Lists(np.array(lengths, np.int64), _numbers(*range(sum(lengths))))


def _items(lists: Lists) -> list[list[float]]:
    assert isinstance(lists.items, Numbers)
    ends = np.cumsum(lists.lengths)
    return [
        lists.items.values[end - length : end].tolist()
        for end, length in zip(ends, lists.lengths, strict=True)
    ]


@pytest.mark.parametrize("lengths", [(2, 2, 2), (1, 0, 3), (0, 0, 0)])
def test_taking_rows_of_lists_takes_their_items(lengths: tuple[int, ...]) -> None:
    """Even or ragged, in any order, a row more than once."""
    lists = _lists(*lengths)
    whole = _items(lists)
    taken = lists.take(np.array([2, 0, 0]))
    assert _items(taken) == [whole[2], whole[0], whole[0]]
    assert _items(lists.take(np.array([], np.intp))) == []


def test_numbers_with_and_without_nulls_are_laid_together() -> None:
    """Where one part has nulls, the whole says for each row."""
    plain = concatenated([_numbers(1), _numbers(2)])
    assert plain.present is None
    mixed = concatenated([_numbers(1), _numbers(0, 2, present=[False, True])])
    assert mixed.present is not None
    assert mixed.present.tolist() == [True, False, True]


def test_texts_are_laid_together_and_share_a_buffer_that_they_shared() -> None:
    """A buffer is copied only if there are two."""
    texts = _texts(b"ab", b"", b"cde")
    parts = [texts.take(np.array([2])), texts.take(np.array([1, 0]))]
    shared = concatenated(parts)
    assert isinstance(shared, Texts)
    assert shared.buffer is texts.buffer
    assert shared.to_bytes() == [b"cde", b"", b"ab"]
    joined = concatenated([*parts, _texts(b"x"), _texts()])
    assert isinstance(joined, Texts)
    assert joined.to_bytes() == [b"cde", b"", b"ab", b"x"]


def test_lists_enums_and_objects_are_laid_together() -> None:
    """Items follow their rows."""
    lists = concatenated([_lists(1, 2), _lists(0, 1)])
    assert isinstance(lists, Lists)
    assert _items(lists) == [[0], [1, 2], [], [0]]
    enums = concatenated([Enums(np.array([i], np.int32), ("a", "b")) for i in (1, 0)])
    assert isinstance(enums, Enums)
    assert enums.indices.tolist() == [1, 0]
    objects = concatenated([Objects([None]), Objects([{"a": 1}])])
    assert isinstance(objects, Objects)
    assert objects.values == [None, {"a": 1}]


def test_columns_of_two_kinds_are_not_laid_together() -> None:
    """They can't be of one field."""
    parts: list[Column] = [_numbers(1), _texts(b"a")]
    with pytest.raises(TypeError, match="differ in kind"):
        concatenated(parts)


def test_payloads_lie_one_after_the_other() -> None:
    """In one buffer, empty ones too."""
    payloads = Payloads.of([b"ab", b"", b"c"])
    assert payloads.buffer == b"abc"
    assert payloads.starts.tolist() == [0, 2, 2]
    assert payloads.ends.tolist() == [2, 2, 3]
    assert len(payloads) == 3
