"""A batch in, a scored batch out: every event leaves one scored event or one dead letter.

Pure: no Kafka, no clock but those handed in. The only thing from outside is a writer schema that
is met for the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from stream_scorer.avro.encoder import Constant, Content, Encoder
from stream_scorer.avro.framing import Framing, Group, SchemaKey, strip
from stream_scorer.avro.plan import Plan, compile_plan
from stream_scorer.avro.schema import Schema
from stream_scorer.columns import Column, Encoded, Numbers, Texts
from stream_scorer.errors import ContractError, SchemaGone, Unanswered
from stream_scorer.model.features import FeatureMap
from stream_scorer.model.isolate import run_in_calls
from stream_scorer.model.outputs import OutputMap
from stream_scorer.model.session import Model
from stream_scorer.model.tensors import take
from stream_scorer.profile import Profile
from stream_scorer.records import (
    Batch,
    Problem,
    Problems,
    Reason,
    ScoredBatch,
    Stage,
    TopicLimits,
    TopicPartition,
)
from stream_scorer.schemas import SchemaSource
from stream_scorer.scoring.assembly import assemble
from stream_scorer.scoring.holding import (
    Lacking,
    held_at,
    held_beyond,
    lacks_nothing,
    score_before,
)
from stream_scorer.scoring.profiling import Profiler
from stream_scorer.scoring.rejections import Rejections
from stream_scorer.scoring.scored_event import PassThrough
from stream_scorer.scoring.stopwatch import Stopwatch

Rows = NDArray[np.intp]
Taken = TypeVar("Taken", Column, Encoded)


@dataclass(frozen=True, slots=True)
class ReadSide:
    """The read side of a scorer: from bytes to columns."""

    framing: Framing
    schemas: SchemaSource
    reader: Schema


@dataclass(frozen=True, slots=True)
class WriteSide:
    """The write side of a scorer: from scores to the bytes of scored events.

    ``limits`` are what the output topic takes, as it is known now; ``lacking`` says whether it has
    so many partitions.
    """

    encoder: Encoder
    prefix: bytes
    copied: tuple[PassThrough, ...]
    provenance: bool
    partition: Literal["source", "key"] = "source"
    limits: Callable[[], TopicLimits] = TopicLimits
    lacking: Lacking = lacks_nothing

    @property
    def by_key(self) -> bool:
        """Whether the output partition follows the event's key instead of its source partition."""
        return self.partition == "key"


@dataclass(frozen=True, slots=True)
class Policies:
    """The treatment of non-finite scores and tombstones."""

    non_finite: Literal["dead_letter", "pass"] = "dead_letter"
    tombstones: Literal["dead_letter", "forward"] = "dead_letter"


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows of the batch that one writer wrote, and how they are read."""

    rows: Rows
    group: Group
    plan: Plan | Problem


@dataclass(frozen=True, slots=True)
class _Scored:
    """The encoded events of some rows of the batch, and what it looked like where they are from."""

    rows: Rows
    values: list[bytes]
    profile: Profile = field(default_factory=Profile)


class Scorer:
    """Scores batches with one model, no more than ``call_rows`` rows in one call of it.

    ``clock`` counts seconds for the stages; ``now_micros`` is the wall clock for ``scored_at``.
    """

    def __init__(
        self,
        *,
        read: ReadSide,
        features: FeatureMap,
        model: Model,
        outputs: OutputMap,
        write: WriteSide,
        policies: Policies,
        call_rows: int,
        clock: Callable[[], float],
        now_micros: Callable[[], int],
    ) -> None:
        self._read = read
        self._features = features
        self._model = model
        self._outputs = outputs
        self._write = write
        self._policies = policies
        self._call_rows = call_rows
        self._clock = clock
        self._now_micros = now_micros
        self._profiler = Profiler.of(features, outputs)
        self._copies = tuple(field.path for field in write.copied)
        self._plans: dict[SchemaKey, Plan | Problem] = {}
        self._rejections = Rejections()
        self._identity = Constant(
            {"name": model.name, "version": model.version, "sha256": model.sha256}
        )

    def score(self, batch: Batch) -> ScoredBatch:
        """Give every event of the batch its trace, in order.

        An event whose schema can't be had at the moment, or whose partition of the output is not
        there yet, is held: it leaves no trace, and neither does any event behind it in its
        partition.

        Raises:
            Broken: the model fails on known-good input.
        """
        if beyond := held_beyond(batch, self._write.lacking, by_key=self._write.by_key):
            return score_before(beyond, batch, self.score)
        watch = Stopwatch(self._clock)
        # Neither a tombstone nor an empty value among them: the usual case, seen at a glance.
        complete = all(batch.values)
        problems = self._refused(batch, complete=complete)
        live = _live(batch, problems, complete=complete)
        parts, waiting = self._parts(batch, live, problems, watch)
        if waiting:
            return score_before(held_at(batch, waiting), batch, self.score)
        scored = [self._score_part(batch, part, problems, watch) for part in parts]
        with watch.stage(Stage.ENCODE):
            result = assemble(
                batch,
                [(part.rows, part.values) for part in scored],
                problems,
                by_key=self._write.by_key,
                limits=self._write.limits(),
                now_ms=self._now_micros() // 1000,
                seconds=watch.seconds,
                profile=Profile.of_all(part.profile for part in scored),
            )
        return self._rejections.marked(result, batch)

    def reject(self, source: TopicPartition, offset: int, why: str, *, is_letter: bool) -> None:
        """Make a dead letter of this event when it comes again, or one with less in it.

        Raises:
            TooManyDeadLetters: the brokers refuse its dead letter whatever is in it.
        """
        self._rejections.add(source, offset, why, is_letter=is_letter)

    def forget(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Forget the rejected events before these offsets: their dead letters are committed."""
        self._rejections.forget(offsets)

    # ------------------------------------------------------------------ rows that are not scored

    def _refused(self, batch: Batch, *, complete: bool) -> Problems:
        problems: Problems = {}
        if self._policies.tombstones == "dead_letter" and not complete:
            for row, value in enumerate(batch.values):
                if value is None:
                    problems[row] = _TOMBSTONE
        return problems | batch.problems | self._rejections.problems(batch)

    # ------------------------------------------------------------------ rows that are

    def _parts(
        self, batch: Batch, live: Sequence[int], problems: Problems, watch: Stopwatch
    ) -> tuple[list[_Part], dict[int, tuple[str, float]]]:
        """Return the live rows by writer, and which can't be read now: why, for how long."""
        with watch.stage(Stage.DECODE):
            everything = len(live) == len(batch)
            values: Any = batch.values if everything else [batch.values[row] for row in live]
            headers = batch.headers if everything else [batch.headers[row] for row in live]
            stripped = strip(values, headers, self._read.framing)
            for row, why in stripped.problems.items():
                problems[live[row]] = Problem(Reason.NO_SCHEMA, Stage.DECODE, why)
        numbers = np.arange(len(batch)) if everything else np.asarray(live, np.intp)
        parts: list[_Part] = []
        waiting: dict[int, tuple[str, float]] = {}
        for group in stripped.groups:
            rows = numbers[group.rows]
            try:
                parts.append(_Part(rows, group, self._plan(group.key)))
            except Unanswered as error:
                waiting |= dict.fromkeys(rows.tolist(), (str(error), error.seconds))
        return parts, waiting

    def _score_part(
        self, batch: Batch, part: _Part, problems: Problems, watch: Stopwatch
    ) -> _Scored:
        rows, plan = part.rows, part.plan
        if isinstance(plan, Problem):
            problems.update(dict.fromkeys(rows.tolist(), plan))
            return _Scored(rows[:0], [])
        with watch.stage(Stage.DECODE):
            decoded = plan.decode(part.group.payloads)
            found = {
                row: Problem(Reason.UNDECODABLE, Stage.DECODE, why)
                for row, why in decoded.malformed.items()
            }
            tensors = self._features.tensors(decoded.columns, len(rows))
            found = {**tensors.problems, **found}
            good = _without(np.arange(len(rows)), found)
            arrays = tensors.arrays if len(good) == len(rows) else take(tensors.arrays, good)
        with watch.stage(Stage.INFER):
            inference = run_in_calls(
                self._model, arrays, len(good), self._outputs.wanted, self._call_rows
            )
            found |= {int(good[row]): problem for row, problem in inference.problems.items()}
            good = good[inference.good_rows]
        with watch.stage(Stage.ENCODE):
            unfit = self._unfit(inference.arrays)
            found |= {int(good[row]): problem for row, problem in unfit.items()}
            columns = self._outputs.columns(inference.arrays, len(good))
            profile = self._profiler.profile(decoded.columns, decoded.malformed, columns)
            kept = _without(np.arange(len(good)), unfit)
            columns = _taken(columns, kept, len(good))
            good = good[kept]
            copied = _taken(self._copied(decoded.copied), good, len(rows))
            problems.update({int(rows[row]): problem for row, problem in found.items()})
            values = self._encode(batch, rows[good], columns, copied)
            return _Scored(rows[good], values, profile)

    def _plan(self, key: SchemaKey) -> Plan | Problem:
        plan = self._plans.get(key)
        if plan is not None:
            return plan
        try:
            writer = self._read.schemas.find(key)
            if writer is None:
                # Not kept: it may be registered later, and the source's cache knows how long.
                return Problem(Reason.NO_SCHEMA, Stage.DECODE, f"{key} is not known")
            plan = compile_plan(writer, self._read.reader, self._features.wanted, self._copies)
        except SchemaGone as error:
            return Problem(Reason.NO_SCHEMA, Stage.DECODE, str(error))  # not kept either
        except ContractError as error:
            plan = Problem(Reason.UNDECODABLE, Stage.DECODE, f"{key}: {error}")
        self._plans[key] = plan
        return plan

    def _unfit(self, outputs: Mapping[str, NDArray[Any]]) -> Problems:
        """Return the rows whose scores can't be written, or must not be."""
        too_large = self._outputs.not_representable(outputs)
        problems = dict.fromkeys(np.flatnonzero(too_large).tolist(), _SCORE_TOO_LARGE)
        if self._policies.non_finite == "dead_letter":
            non_finite = self._outputs.non_finite(outputs)
            problems |= dict.fromkeys(np.flatnonzero(non_finite).tolist(), _NON_FINITE)
        return problems

    def _copied(self, columns: Mapping[str, Encoded]) -> dict[str, Encoded]:
        return {field.name: columns[field.path] for field in self._write.copied}

    def _encode(
        self, batch: Batch, rows: Rows, columns: dict[str, Column], copied: dict[str, Encoded]
    ) -> list[bytes]:
        written: dict[str, Content] = {**copied, **columns}
        if self._write.provenance:
            written |= self._provenance(batch, rows)
        return self._write.encoder.encode(written, len(rows), self._write.prefix)

    def _provenance(self, batch: Batch, rows: Rows) -> dict[str, Column | Constant]:
        index = batch.source_index[rows]
        partitions = np.array([source.partition for source in batch.sources], np.int32)
        return {
            "model": self._identity,
            "source.topic": _topics(batch.sources, index),
            "source.partition": Numbers(partitions[index]),
            "source.offset": Numbers(batch.offsets[rows]),
            "scored_at": Constant(self._now_micros()),
        }


_TOMBSTONE = Problem(Reason.TOMBSTONE, Stage.DECODE, "the value is null")
_SCORE_TOO_LARGE = Problem(
    Reason.NOT_REPRESENTABLE, Stage.ENCODE, "the score is beyond the range of an Avro long"
)
_NON_FINITE = Problem(Reason.NON_FINITE_SCORE, Stage.INFER, "the score is NaN or infinite")


def _live(batch: Batch, problems: Problems, *, complete: bool) -> Sequence[int]:
    """Return the rows to score: neither tombstones nor refused."""
    if not problems and complete:
        return range(len(batch))
    return [
        row for row, value in enumerate(batch.values) if value is not None and row not in problems
    ]


def _without(rows: Rows, problems: Problems) -> Rows:
    return np.delete(rows, list(problems)) if problems else rows


def _taken(columns: dict[str, Taken], kept: Rows, rows: int) -> dict[str, Taken]:
    if len(kept) == rows:
        return columns
    return {name: column.take(kept) for name, column in columns.items()}


def _topics(sources: Sequence[TopicPartition], index: NDArray[np.int64]) -> Texts | Constant:
    topics = [source.topic for source in sources]
    if len(set(topics)) == 1:
        return Constant(topics[0])
    encoded = [topic.encode() for topic in topics]
    lengths = np.array([len(each) for each in encoded], np.int64)
    starts = np.cumsum(lengths) - lengths
    return Texts(b"".join(encoded), starts[index], lengths[index])
