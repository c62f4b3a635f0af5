"""Kafka Streams 4.4 with ONNX Runtime for Java: what a team on the JVM would build.

The project in [kafka_streams/](kafka_streams) is built by Maven on first use. It has one stream
thread, as is the default; Avro's own generic reader; one inference call a record, since Streams
hands out nothing else; exactly once v2. Keys, timestamps, headers and partitions are kept.

The JVM has its default settings, so its heap may grow to a quarter of the machine's memory.
"""

from __future__ import annotations

import shutil

from benchmarks import workloads
from benchmarks.contenders import made_once
from benchmarks.contenders.batched_loop import score_of
from benchmarks.contenders.contender import Contender, Job
from benchmarks.contenders.made_once import Absent

_NAME = "Kafka Streams"
_FOLDER = made_once.ROOT / "build" / "kafka_streams"
_PROJECT = made_once.ROOT / "benchmarks" / "contenders" / "kafka_streams"


def contender() -> Contender | None:
    """Return Kafka Streams, built if need be; ``None``, and say why, if it can't be had."""
    try:
        _build()
    except Absent as reason:
        made_once.tell_absent(_NAME, reason)
        return None
    return Contender(_NAME, _command, score_of)


def _build() -> None:
    missing = [tool for tool in ("java", "javac", "mvn") if shutil.which(tool) is None]
    if missing:
        raise Absent(f"there is no {' and no '.join(missing)} on the path.")
    pom = _PROJECT / "pom.xml"
    sources = [pom, *_PROJECT.rglob("*.java")]
    made_once.make_once(_FOLDER, sources, [("mvn", "-q", "-B", "-f", pom, "clean", "package")])


def _command(job: Job) -> tuple[str, ...]:
    features = workloads.features_of(workloads.event_schema(job.folder))
    options = (*job.options(), "--features", ",".join(features))
    return ("java", "-jar", str(_FOLDER / "scorer.jar"), *options)
