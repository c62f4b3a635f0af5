"""The plan of a verification run: duration, size, cluster and faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from stream_scorer.errors import ConfigError
from stream_scorer.verify.topics import any_prefix, check_prefix

GroupProtocol = Literal["classic", "consumer"]
OrderBy = Literal["source", "key"]

#: With fewer, a rebalance has nothing to move from one worker to another.
FEWEST_PARTITIONS = 2
SHORTEST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A verification run as requested; :meth:`check` validates it.

    Attributes:
        bootstrap_servers: the user's own cluster; ``None``: an embedded Kafka.
        properties: librdkafka properties for every client, for credentials. A value ``file:/path``
            is replaced by the file's content.
        brokers: 1 or 3, of the embedded Kafka; ``None``: 1.
        duration_seconds: how long events are written and workers injured.
        workers: how many are alive while none is injured.
        partitions: of the input topic at the start.
        faults: how many faults to inject; ``None``: as many as fit into the duration.
        events_per_second: the input's rate.
        seed: determines all random choices.
        group_protocols: run one after the other, each for its share of the duration.
        order_by: the values of ``output.partition``, run the same way.
        folder: keeps logs, histories and an embedded Kafka's data; ``None``: a temporary one.
        history: where the history is written as JSON lines; ``None``: in the folder.
        only: the names of the faults to inject; empty means all that the cluster allows.
        loads: the names of the loads to run; empty means all.
        topic_prefix: the prefix of the topics' and the group's names.
    """

    bootstrap_servers: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    brokers: int | None = None
    duration_seconds: float = 60.0
    workers: int = 3
    partitions: int = 6
    faults: int | None = None
    events_per_second: float = 300.0
    seed: int = 1
    group_protocols: tuple[GroupProtocol, ...] = ("classic",)
    order_by: tuple[OrderBy, ...] = ("source",)
    folder: Path | None = None
    history: Path | None = None
    only: tuple[str, ...] = ()
    loads: tuple[str, ...] = ()
    topic_prefix: str = field(default_factory=partial(any_prefix, "verify"))

    def check(self) -> None:
        """Validate the plan.

        Raises:
            ConfigError: an option is invalid, or contradicts another.
        """
        self._check_cluster()
        if self.partitions < FEWEST_PARTITIONS:
            raise ConfigError(
                f"--partitions must be at least {FEWEST_PARTITIONS}, not {self.partitions}: with "
                "fewer no partition ever moves from one worker to another, and verify tests "
                "exactly that."
            )
        if self.workers < 1:
            raise ConfigError(f"--workers must be at least 1, not {self.workers}.")
        if self.workers > self.partitions:
            raise ConfigError(
                f"--workers {self.workers} share only {self.partitions} partitions, so some would "
                f"never score an event. Set --partitions {self.workers} or more."
            )
        self._check_scale()
        self._check_places()

    def _check_cluster(self) -> None:
        if self.brokers not in (None, 1, 3):
            raise ConfigError(f"--brokers must be 1 or 3, not {self.brokers}.")
        if self.bootstrap_servers is not None and self.brokers is not None:
            raise ConfigError(
                "--brokers applies to the embedded Kafka only; omit it or --bootstrap-servers."
            )
        if self.bootstrap_servers is not None and not self.bootstrap_servers.strip(", "):
            raise ConfigError("--bootstrap-servers must name a broker, such as kafka-1:9092.")
        if self.bootstrap_servers is None and self.properties:
            raise ConfigError(
                f"-X {next(iter(self.properties))}: properties apply to your own cluster only; "
                "name it with --bootstrap-servers."
            )

    def _check_scale(self) -> None:
        if self.duration_seconds < SHORTEST_SECONDS:
            raise ConfigError(
                f"--duration must be at least {SHORTEST_SECONDS:g}s, not "
                f"{self.duration_seconds:g}s; a minute covers a few faults, a day all of them "
                "often."
            )
        if not self.events_per_second > 0:
            raise ConfigError(f"--rate must be more than 0, not {self.events_per_second:g}.")
        if self.faults is not None and self.faults < 0:
            raise ConfigError(f"--faults must be at least 0, not {self.faults}.")

    def _check_places(self) -> None:
        check_prefix(self.topic_prefix)
        if self.folder is not None and not _is_free(self.folder):
            raise ConfigError(
                f"--folder {self.folder} must be new or empty, so that another run's files are not "
                "mistaken for this one's."
            )
        if self.history is not None:
            if self.history.exists():
                raise ConfigError(f"--history {self.history} already exists; name another file.")
            if not self.history.absolute().parent.is_dir():
                raise ConfigError(f"--history {self.history}: its folder does not exist.")


def _is_free(folder: Path) -> bool:
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
