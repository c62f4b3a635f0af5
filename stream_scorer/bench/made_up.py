"""Events made up from a schema: any number, each as different as its types allow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_scorer.avro.encoder import compile_encoder
from stream_scorer.avro.schema import Schema, nullable
from stream_scorer.avro.types import (
    MAX_WRITTEN_OUT,
    Array,
    Enum,
    Fixed,
    Map,
    Primitive,
    Record,
    Type,
    Union,
    is_shared,
)
from stream_scorer.bench.draws import Draws, Rows
from stream_scorer.bench.needs import ANYTHING, Needs
from stream_scorer.bench.plain import plain
from stream_scorer.columns import Column, Lists, Objects
from stream_scorer.errors import ContractError

NULL_SHARE = 0.1
#: The length of arrays and maps that no tensor determines.
MOST_ITEMS = 4
#: A recursive schema ends below this many levels.
DEEPEST = 5
_NUMBERS = frozenset({"boolean", "int", "long", "float", "double"})
_TEXTS = frozenset({"string", "enum"})


class MadeUpEvents:
    """Makes up events of one record schema, column by column; a seed reproduces the same events.

    One nullable value in ten is null, unless the model would refuse that.

    Raises:
        ContractError: the schema is not a record.
    """

    def __init__(self, schema: Schema, needs: Mapping[str, Needs], seed: int = 1) -> None:
        if not isinstance(schema.root, Record):
            raise ContractError(
                f"Events can be made up from a record, not from {schema.root.kind}; use --input "
                "events.avro."
            )
        if is_shared(schema.root):
            raise ContractError(
                f"Events can't be made up from more than {MAX_WRITTEN_OUT} types, written out; use "
                "--input events.avro."
            )
        self.schema = schema
        self._root = schema.root
        self._needs = needs
        self._rng = np.random.default_rng(seed)
        self._draws = Draws(self._rng)
        self._encoder = compile_encoder(schema)

    def take(self, count: int) -> list[bytes]:
        """Return the next ``count`` events as Avro bytes, without framing."""
        columns: dict[str, Column] = {}
        self._fill(columns, self._root, "", count)
        return self._encoder.encode(columns, count)

    def _fill(self, columns: dict[str, Column], record: Record, before: str, count: int) -> None:
        for each in record.fields:
            path = f"{before}{each.name}"
            if isinstance(each.type, Record):
                self._fill(columns, each.type, f"{path}.", count)
            else:
                columns[path] = self._column(each.type, path, count)

    def _column(
        self, of: Type, path: str, count: int, depth: int = 0, needs: Needs | None = None
    ) -> Column:
        """Return a column of any type; the path determines the needs of it and of its fields."""
        needs = needs or self._needs.get(path, ANYTHING)
        value, may_be_null = nullable(of)
        present = None
        if may_be_null and not (needs.never_null or self._is_needed_below(path)):
            # In a recursive schema, null ends the recursion.
            present = self._rng.random(count) >= (NULL_SHARE if depth < DEEPEST else 1.0)
        rows = Rows(count, present)
        match value:
            case Record():
                return _spread(self._records(value, path, rows.there, depth), rows)
            case Map():
                return _spread(self._maps(value, rows.there, depth), rows)
            case Union():
                return self._union(value, path, needs, count, depth)
            case Array():
                return self._arrays(value, path, needs, rows, depth)
            case Enum():
                return self._draws.enum(value, rows)
            case Fixed():
                return self._draws.fixed(value, rows)
        return self._draws.primitive(value, needs, rows)

    def _is_needed_below(self, path: str) -> bool:
        return any(
            needs.never_null and below.startswith(f"{path}.")
            for below, needs in self._needs.items()
        )

    def _arrays(self, of: Array, path: str, needs: Needs, rows: Rows, depth: int) -> Lists:
        lengths = self._lengths(needs.lengths[0] if needs.lengths else None, rows.count, depth)
        total = int(lengths.sum())
        items = self._column(of.items, f"{path}[]", total, depth + 1, needs.of_items())
        return Lists(lengths, items, rows.present)

    def _lengths(self, length: int | None, count: int, depth: int) -> NDArray[np.int64]:
        if length is not None:
            return np.full(count, length, np.int64)
        most = MOST_ITEMS if depth < DEEPEST else 0
        return self._rng.integers(0, most + 1, count)

    def _records(self, of: Record, path: str, count: int, depth: int) -> list[Any]:
        if count == 0:  # the end of a recursive schema
            return []
        fields = {}
        for each in of.fields:
            column = self._column(each.type, f"{path}.{each.name}", count, depth + 1)
            fields[each.name] = plain(column, each.type)
        return [{name: values[row] for name, values in fields.items()} for row in range(count)]

    def _maps(self, of: Map, count: int, depth: int) -> list[Any]:
        lengths = self._lengths(None, count, depth)
        total = int(lengths.sum())
        values = plain(self._column(of.values, "", total, depth + 1), of.values) if total else []
        pairs = iter(zip(self._draws.keys(total), values, strict=True))
        return [dict(next(pairs) for _ in range(length)) for length in lengths.tolist()]

    def _union(self, of: Union, path: str, needs: Needs, count: int, depth: int) -> Objects:
        """Return values of all suitable branches, of only the simple ones at depth."""
        branches = [branch for branch in of.branches if _will_do(branch, needs)]
        if depth >= DEEPEST:
            branches = [each for each in branches if isinstance(each, Primitive)] or branches
        chosen = self._rng.integers(0, len(branches), count)
        values: list[Any] = [None] * count
        for number, branch in enumerate(branches):
            places = np.flatnonzero(chosen == number).tolist()
            if not places:
                continue
            column = self._column(branch, path, len(places), depth + 1, needs)
            for place, value in zip(places, plain(column, branch), strict=True):
                # fastavro writes an unnamed record as the first branch that has its fields
                values[place] = (branch.name, value) if isinstance(branch, Record) else value
        return Objects(values)


def _will_do(branch: Type, needs: Needs) -> bool:
    if branch.kind == "null":
        return not needs.never_null
    if needs.text is None:
        return True
    return branch.kind in (_TEXTS if needs.text else _NUMBERS)


def _spread(values: list[Any], rows: Rows) -> Objects:
    """Return the values with nulls in the missing rows."""
    if rows.present is None:
        return Objects(values)
    following = iter(values)
    return Objects([next(following) if there else None for there in rows.present.tolist()])
