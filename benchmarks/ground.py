"""What a measurement stands on: a broker, a prepared folder, topics that are a job's own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import workloads
from benchmarks.backlog import PARTITIONS
from benchmarks.contenders import ours
from benchmarks.contenders.contender import Contender, Job
from stream_scorer.local.kafka import EmbeddedKafka


@dataclass(frozen=True, slots=True)
class Ground:
    """A running broker and a folder with a model and schemas."""

    kafka: EmbeddedKafka
    folder: Path

    def job(self, group: str, input_topic: str, partitions: int = PARTITIONS) -> Job:
        """Return a job for a group that nobody had before, its output topics made."""
        output_topic = f"{group}.scored"
        job = Job(self.kafka.bootstrap_servers, group, input_topic, output_topic, self.folder)
        self.kafka.create_topic(output_topic, partitions)
        self.kafka.create_topic(ours.dead_letter_topic(job), 1)
        return job

    def log(self, job: Job) -> Path:
        """Return where what a job's contender says goes."""
        return self.folder / f"{job.group}.log"


@contextmanager
def ground(
    workload: str = "mlp-30", client_ports: Mapping[int, int] | None = None
) -> Iterator[Ground]:
    """Prepare a folder and start a broker; ``client_ports`` are those of a proxy, if there is one.

    When a measurement fails the folder stays, with the logs that its error names.
    """
    (chosen,) = workloads.named([workload])
    folder = Path(tempfile.mkdtemp(prefix="benchmark-"))
    workloads.prepare(chosen, folder)
    with EmbeddedKafka(client_ports=client_ports) as kafka:
        yield Ground(kafka, folder)
    shutil.rmtree(folder)


def with_settings(contender: Contender, name: str, settings: Mapping[str, object]) -> Contender:
    """Return ``stream-scorer`` with settings that win over those of its file."""
    words = [word for path, value in settings.items() for word in ("--set", f"{path}={value}")]
    return replace(contender, name=name, command=lambda job: (*contender.command(job), *words))
