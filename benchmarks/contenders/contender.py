"""What a contender is: a name, a command, and how its scores are read back."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Job:
    """What a contender is to do until SIGTERM: score one topic to another, exactly once.

    ``folder`` holds ``model.onnx`` (input ``features``, output ``score``) and
    ``schemas/event.avsc``, whose id is 1 in the Confluent framing. The output topic has as many
    partitions as the input. A contender commits ``commit_seconds`` after the first event of a
    transaction at the latest, and begins at the earliest offset.
    """

    bootstrap_servers: str
    group: str
    input_topic: str
    output_topic: str
    folder: Path
    commit_seconds: float = 0.1

    def options(self) -> tuple[str, ...]:
        """Return the job as command line options, the same for every script."""
        values = {
            "bootstrap-servers": self.bootstrap_servers,
            "group": self.group,
            "input-topic": self.input_topic,
            "output-topic": self.output_topic,
            "folder": str(self.folder),
            "commit-seconds": str(self.commit_seconds),
        }
        return tuple(word for name, value in values.items() for word in (f"--{name}", value))

    @classmethod
    def of(cls, options: argparse.Namespace) -> Job:
        """Return the job that these options say, parsed by a parser of :func:`job_parser`."""
        return cls(
            options.bootstrap_servers,
            options.group,
            options.input_topic,
            options.output_topic,
            options.folder,
            options.commit_seconds,
        )


def job_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of what :meth:`Job.options` writes; a script may add options of its own."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    for name in ("bootstrap-servers", "group", "input-topic", "output-topic"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--commit-seconds", type=float, default=0.1)
    return parser


@dataclass(frozen=True, slots=True)
class Contender:
    """A scorer that can be started, again and again.

    Attributes:
        name: what the tables call it.
        command: prepares a job (files in its folder, a config) and returns the command line.
        score_of: reads the score of one output value, given the job; ``None`` if it does not score.
        keeps_partition: an event's output has its partition number. Else it may be anywhere.
    """

    name: str
    command: Callable[[Job], tuple[str, ...]]
    score_of: Callable[[Job, bytes], float] | None = None
    keeps_partition: bool = True
