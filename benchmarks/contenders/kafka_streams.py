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

_FOLDER = made_once.ROOT / "build" / "kafka_streams"
_PROJECT = made_once.ROOT / "benchmarks" / "contenders" / "kafka_streams"


def contender() -> Contender:
    """Return Kafka Streams, built on first use.

    Raises:
        Absent: there is no Java or Maven to build it with, or the build fails.
    """
    missing = [tool for tool in ("java", "javac", "mvn") if shutil.which(tool) is None]
    if missing:
        raise Absent(f"there is no {' and no '.join(missing)} on the path.")
    pom = _PROJECT / "pom.xml"
    sources = [pom, *(_PROJECT / "src").rglob("*.*")]
    made_once.make_once(_FOLDER, sources, [("mvn", "-q", "-B", "-f", pom, "clean", "package")])
    return Contender("Kafka Streams", _command, score_of)


def _command(job: Job) -> tuple[str, ...]:
    features = workloads.features_of(workloads.event_schema(job.folder))
    # ONNX Runtime unpacks its library there, 50 MB, and leaves it when it is killed.
    temporary = f"-Djava.io.tmpdir={job.folder}"
    options = (*job.options(), "--features", ",".join(features))
    return ("java", temporary, "-jar", str(_FOLDER / "scorer.jar"), *options)
