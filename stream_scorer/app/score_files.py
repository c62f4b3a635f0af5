"""``score``: the same scorer over Avro object container files, without a broker."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stream_scorer.app.signals import Signals
from stream_scorer.avro.container import Container, ContainerWriter, open_container
from stream_scorer.avro.encoder import Constant, Encoder, compile_encoder
from stream_scorer.avro.schema import parse
from stream_scorer.columns import Column, Numbers, Payloads, Texts
from stream_scorer.config.settings import Settings
from stream_scorer.errors import Terminated, TooManyDeadLetters
from stream_scorer.files import NewFiles
from stream_scorer.pipeline.pipeline import make_scorer, open_pipeline
from stream_scorer.pipeline.sources import only, read_schema
from stream_scorer.records import Batch, DeadLetter, TopicPartition
from stream_scorer.scoring.scorer import Scorer

#: A dead letter of a file: where it stood, why, and its Avro bytes (of the input's schema).
DEAD_LETTER_SCHEMA = {
    "type": "record",
    "name": "DeadLetter",
    "namespace": "stream_scorer",
    "fields": [
        {"name": "record", "type": "long", "doc": "Its number in the input file, from 0."},
        {"name": "reason", "type": "string"},
        {"name": "stage", "type": "string"},
        {"name": "message", "type": "string"},
        {"name": "value", "type": "bytes"},
    ],
}

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class FileScores:
    """The number of scored records and dead letters of a file."""

    scored: int
    dead_letters: int


def score_file(
    settings: Settings,
    source: Path,
    target: Path,
    dead_letters: Path | None,
    progress: Progress,
    *,
    signals: Signals,
    config: Path | None = None,
) -> FileScores:
    """Score every record of ``source`` into ``target``; what can't be goes to ``dead_letters``.

    The file's own schema is the writer's; ``progress`` hears bytes read and bytes in all. Both
    files appear together, when everything is in them. A signal that comes before ends it, also
    amid an inference. ``config`` is the file that the settings are from; no output replaces it.

    Raises:
        Terminated: a signal came; no file is left.
        ConfigError: a file can't be read or written, or two of them are one.
        ContractError: model and schema don't fit.
        TooManyDeadLetters: a record can't be scored and there is no file for it.
    """
    with ExitStack() as stack:
        container = stack.enter_context(open_container(source))
        configured = settings.schemas.reader
        reader = read_schema(configured) if configured is not None else None
        pipeline = open_pipeline(settings, only(container.schema, reader))
        scorer, contract = make_scorer(pipeline), pipeline.contract
        # From here on there are files to remove.
        signals.tell(contract.model.terminate)
        read = (source, settings.model.path, configured, config)
        files = stack.enter_context(NewFiles(*filter(None, read)))
        scores = stack.enter_context(ContainerWriter(files.open(target), contract.scored))
        letters = _DeadLetterFile(source, files, stack, dead_letters)
        scored = 0
        for batch, bytes_read in _batches(container, source, settings.batching.max_records):
            scored += _score_batch(scorer, batch, scores, letters)
            progress(bytes_read, container.size_bytes)
            if signals.asked:
                raise Terminated("A stop was asked for.")
        return FileScores(scored, letters.count)


def _score_batch(
    scorer: Scorer, batch: Batch, scores: ContainerWriter, letters: _DeadLetterFile
) -> int:
    result = scorer.score(batch)
    scores.append(value for value in result.scored.values if value is not None)
    letters.append(result.dead_letters)
    return len(result.scored)


class _DeadLetterFile:
    def __init__(self, source: Path, files: NewFiles, stack: ExitStack, path: Path | None) -> None:
        schema = parse(DEAD_LETTER_SCHEMA)
        self._source = source
        self._encoder: Encoder = compile_encoder(schema)
        self._writer = (
            stack.enter_context(ContainerWriter(files.open(path, "--dead-letters"), schema))
            if path
            else None
        )
        self.count = 0

    def append(self, letters: tuple[DeadLetter, ...]) -> None:
        if not letters:
            return
        if self._writer is None:
            first = letters[0]
            raise TooManyDeadLetters(
                f"{self._source}: record {first.offset} can't be scored ({first.problem.reason}: "
                f"{first.problem.message}). Give --dead-letters FILE.avro to put such records "
                "there and go on."
            )
        self.count += len(letters)
        columns: dict[str, Column | Constant] = {
            "record": Numbers(np.array([letter.offset for letter in letters], np.int64)),
            "reason": _texts([letter.problem.reason.value for letter in letters]),
            "stage": _texts([letter.problem.stage.value for letter in letters]),
            "message": _texts([letter.problem.message for letter in letters]),
            "value": _octets([letter.value or b"" for letter in letters]),
        }
        self._writer.append(self._encoder.encode(columns, len(letters)))


def _texts(texts: list[str]) -> Texts:
    return _octets([text.encode() for text in texts])


def _octets(values: list[bytes]) -> Texts:
    laid_out = Payloads.of(values)
    return Texts(laid_out.buffer, laid_out.starts, laid_out.ends - laid_out.starts)


def _batches(container: Container, source: Path, max_records: int) -> Iterator[tuple[Batch, int]]:
    """Yield batches of ``max_records`` records, whatever the file's blocks are like."""
    # A name that is not UTF-8 can't stand in a scored event.
    origin = TopicPartition(os.fsencode(source.name).decode("utf-8", "replace"), 0)
    waiting: list[bytes] = []
    first = bytes_read = 0
    for block in container.blocks:
        waiting += block.datums
        bytes_read = block.bytes_read
        while len(waiting) >= max_records:
            yield _batch(origin, first, waiting[:max_records]), bytes_read
            first, waiting = first + max_records, waiting[max_records:]
    if waiting:
        yield _batch(origin, first, waiting), bytes_read


def _batch(origin: TopicPartition, first: int, datums: list[bytes]) -> Batch:
    rows = len(datums)
    return Batch(
        values=datums,
        keys=[None] * rows,
        headers=[None] * rows,
        timestamps=np.full(rows, -1, np.int64),
        sources=(origin,),
        source_index=np.zeros(rows, np.int64),
        offsets=np.arange(first, first + rows, dtype=np.int64),
    )
