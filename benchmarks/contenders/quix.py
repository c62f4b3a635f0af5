"""Quix Streams 3, the library for such loops in Python: exactly once, a record at a time.

The user's function gets one value and returns one, so it decodes with fastavro and calls ONNX
Runtime for one row. There is no operator that hands a function several records: ``collect()`` of a
count window gathers them by key and through a RocksDB store, and a ``BatchingSink`` writes outside
of the transaction.

Keys, timestamps and headers are kept. Partitions are not: ``to_topic`` takes none, and the
producer places an event by the murmur2 hash of its key, as a Java client does. Where the input was
placed so, too, over as many partitions, an event stays where it is; the benchmark's was not.
"""

from __future__ import annotations

import sys

from benchmarks import workloads
from benchmarks.contenders import made_once
from benchmarks.contenders.batched_loop import score_of
from benchmarks.contenders.contender import Contender, Job

_FOLDER = made_once.ROOT / "build" / "quix"
_PYTHON = _FOLDER / "venv" / "bin" / "python"
_REQUIREMENTS = made_once.ROOT / "benchmarks" / "contenders" / "quix-requirements.txt"


def contender() -> Contender:
    """Return Quix Streams, installed on first use.

    Raises:
        Absent: it can't be installed.
    """
    install = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet", "-r")
    commands = (
        (sys.executable, "-m", "venv", "--clear", _FOLDER / "venv"),
        (_PYTHON, *install, _REQUIREMENTS),
    )
    made_once.make_once(_FOLDER, [_REQUIREMENTS], commands)
    return Contender("Quix Streams", _command, score_of, keeps_partition=False)


def _command(job: Job) -> tuple[str, ...]:
    features = workloads.features_of(workloads.event_schema(job.folder))
    options = (*job.options(), "--features", ",".join(features))
    return (str(_PYTHON), "-m", "benchmarks.contenders.quix_loop", *options)
