"""The columnar plan and its row-by-row twin agree, bit for bit, on any schemas and any bytes.

``AVRO_EXAMPLES`` asks for so many random examples instead of a few, which are the same whenever the
same tests are collected.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, event, given, reject, settings
from hypothesis import strategies as st

from stream_scorer.avro.plan import Plan, compile_plan
from stream_scorer.avro.rows import RowDecoder
from stream_scorer.avro.schema import Schema, leaf_paths, parse
from stream_scorer.avro.wire import Wire
from stream_scorer.columns import Column, Enums, Lists, Numbers, Objects, Payloads, Texts
from stream_scorer.errors import ConfigError, ContractError
from tests.avro.strategies import Writer, broken, readers, writers

_ASKED = os.environ.get("AVRO_EXAMPLES")
_ROWS = 40


def examples(usual: int) -> settings:
    """Return how many examples are tried, and that they are always the same."""
    return settings(
        max_examples=int(_ASKED or usual),
        derandomize=_ASKED is None,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


def bits(column: Column) -> list[Any]:
    """Return the values of a column so that they are equal only if every bit is."""
    match column:
        case Numbers():
            values: list[Any] = [(str(v.dtype), v.tobytes()) for v in column.values]
        case Texts():
            values = list(column.to_bytes())
        case Enums():
            values = [column.symbols[index] for index in column.indices]
        case Lists():
            items = bits(column.items)
            ends = np.cumsum(column.lengths)
            values = [
                items[end - length : end] for end, length in zip(ends, column.lengths, strict=True)
            ]
        case Objects():
            return [repr(value) for value in column.values]
    present = np.ones(len(column), bool) if column.present is None else column.present
    return [value if there else None for value, there in zip(values, present, strict=True)]


def _plan(
    draw: Callable[[st.SearchStrategy[Any]], Any], writer: Schema, reader: Schema
) -> tuple[Plan, RowDecoder]:
    paths = {
        path: of
        for path, of in leaf_paths(reader).items()
        if of.kind not in {"map", "union", "record"} or draw(st.integers(0, 19)) == 0
    }
    wanted = [path for path in paths if draw(st.integers(0, 3))]
    try:
        return compile_plan(writer, reader, wanted), RowDecoder(writer, reader, wanted)
    except ContractError:
        reject()


@examples(250)
@given(st.data(), st.integers(0, 2**32), st.sampled_from([0.0, 0.0, 0.1, 0.9]))
def test_the_plan_and_its_twin_agree_on_every_row(
    data: st.DataObject, seed: int, share_broken: float
) -> None:
    """On which rows are malformed and why, on every bit of the others, and no row is left over."""
    written = data.draw(writers())
    writer = parse(written)
    try:
        reader = parse(data.draw(readers(written)))
    except ConfigError:  # a field that was dropped held a definition
        reject()
    plan, twin = _plan(data.draw, writer, reader)
    event("row by row" if plan.fallback else "columnar")

    rng = random.Random(seed)  # noqa: S311 - events, not secrets
    source = Writer(rng)
    events, plain = [], []
    for _ in range(_ROWS):
        content = source.event(writer.root)
        sound = rng.random() >= share_broken
        events.append(content if sound else broken(rng, content))
        plain.append(sound and not source.odd)
    payloads = Payloads.of(events)

    by_column, by_row = plan.decode(payloads), twin.decode(payloads)
    assert by_column.malformed == by_row.malformed
    sound_rows = np.array([row for row in range(_ROWS) if row not in by_row.malformed], np.intp)
    for path, column in by_row.columns.items():
        other = by_column.columns[path]
        assert len(other) == _ROWS
        assert bits(other.take(sound_rows)) == bits(column.take(sound_rows)), path
    _assert_no_row_is_left_over(plan, payloads, [plain[row] for row in sound_rows], sound_rows)


def _assert_no_row_is_left_over(
    plan: Plan, payloads: Payloads, plain: list[bool], rows: np.ndarray[Any, Any]
) -> None:
    """Assert that steps read each plain, sound row themselves: the twin is not asked for it."""
    if plan._step is None:
        return
    wire = Wire.of(payloads)
    plan._step(wire, {})
    assert (wire.at[rows] == wire.end[rows])[np.array(plain, bool)].all()
