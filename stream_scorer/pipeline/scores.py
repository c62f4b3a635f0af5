"""The Python result of scoring: scores as NumPy columns, and problems by row."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fastavro
import numpy as np
from numpy.typing import NDArray

from stream_scorer.avro.plan import compile_plan
from stream_scorer.avro.schema import Schema
from stream_scorer.columns import Column, Lists, Numbers, Payloads, Texts
from stream_scorer.errors import ContractError, Unanswered, reason
from stream_scorer.model.outputs import OutputField
from stream_scorer.records import (
    Batch,
    Problem,
    Problems,
    Reason,
    ScoredBatch,
    Stage,
    TopicPartition,
)

#: Events that are handed over in Python come from no topic; their number is their offset.
NOWHERE = TopicPartition("", 0)


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of some events, and the events that have none.

    Attributes:
        rows: the numbers of the events that were scored, ascending.
        columns: by output field one row for each of ``rows``: bool, int64, float32 or float64, with
            the axes of the model's output after the first; texts are an object array of ``str``.
        values: for each of ``rows`` the scored event as Avro of the pipeline's ``output_schema``,
            without framing. Provenance names no topic, and the event's number as its offset.
        problems: what is wrong with each of the other events, by its number. A tombstone that
            ``output.tombstones: forward`` lets through is in neither.
    """

    rows: NDArray[np.intp]
    columns: Mapping[str, NDArray[Any]]
    values: tuple[bytes, ...]
    problems: Mapping[int, Problem]

    def __len__(self) -> int:
        """Return how many events were scored."""
        return len(self.rows)


class ScoresReader:
    """Reads scores out of the scored events, so that they are what a reader of the topic gets."""

    def __init__(self, scored: Schema, outputs: Sequence[OutputField]) -> None:
        self._names = tuple(each.name for each in outputs)
        self._plan = compile_plan(scored, scored, self._names)

    def read(
        self,
        score: Callable[[Batch], ScoredBatch],
        values: Sequence[bytes | None],
        problems: Problems,
    ) -> Scores:
        """Score the values but those with a problem, and read what comes of them.

        Raises:
            Unanswered: some can't be read now.
        """
        batch = _batch(values, problems)
        result = score(batch)
        for held in result.held.values():
            raise Unanswered(held.why, held.seconds)
        written = [
            (row, value)
            for row, value in zip(result.rows.tolist(), result.scored.values, strict=False)
            if value is not None
        ]
        payloads = Payloads.of([value for _, value in written])
        columns = self._plan.decode(payloads).columns
        return Scores(
            np.array([row for row, _ in written], np.intp),
            {name: _array(columns[name], len(written)) for name in self._names},
            tuple(value for _, value in written),
            {each.offset: each.problem for each in result.dead_letters},
        )


def encoded(
    records: Iterable[Mapping[str, Any]], schema: Schema
) -> tuple[list[bytes | None], Problems]:
    """Return records as Avro, and what is wrong with those that the schema can't have.

    Raises:
        ContractError: fastavro does not take the schema.
    """
    try:
        parsed = fastavro.parse_schema(schema.json)
    except Exception as error:  # fastavro's errors of a schema share no narrower type
        raise ContractError(
            f"schemas.reader: fastavro can't write records of this schema ({reason(error)}). Score "
            "the events' bytes."
        ) from error
    values: list[bytes | None] = []
    problems: Problems = {}
    for row, record in enumerate(records):
        written = io.BytesIO()
        try:
            fastavro.schemaless_writer(written, parsed, record, strict_allow_default=True)
        except Exception as error:  # noqa: BLE001 - whatever a value does to fastavro
            message = f"the record can't be written in the reader's schema: {reason(error)}"
            problems[row] = Problem(Reason.UNDECODABLE, Stage.DECODE, message)
        values.append(written.getvalue())
    return values, problems


def _batch(values: Sequence[bytes | None], problems: Problems) -> Batch:
    rows = len(values)
    return Batch(
        values=list(values),
        keys=[None] * rows,
        headers=[None] * rows,
        timestamps=np.full(rows, -1, np.int64),
        sources=(NOWHERE,),
        source_index=np.zeros(rows, np.int64),
        offsets=np.arange(rows, dtype=np.int64),
        problems=problems,
    )


def _array(column: Column, rows: int) -> NDArray[Any]:
    """Return a model output as it was before it became a column."""
    match column:
        case Numbers(values):
            return values
        case Texts():
            texts = np.empty(rows, object)
            texts[:] = [each.decode() for each in column.to_bytes()]
            return texts
        case Lists(lengths, items):
            width = int(lengths[0]) if rows else 0
            inner = _array(items, rows * width)
            return inner.reshape(rows, width, *inner.shape[1:])
        case _:
            raise AssertionError("an output of a model is a number, a text, or lists of them")
