"""The plan of a benchmark: the scorer, the amount and rate of events, and the cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from stream_scorer.errors import ConfigError
from stream_scorer.verify.topics import any_prefix, check_prefix

#: Fewer are committed before anyone can observe them.
FEWEST_EVENTS = 100
SHORTEST_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A benchmark as requested; :meth:`check` validates it.

    Attributes:
        config: the scorer's configuration file.
        overrides: the values of ``--set``.
        source: an Avro file with events; ``None``: they are made up.
        events: the size of the backlog; ``None``: about ``seconds`` of work.
        seconds: how long the backlog should take, and how long each latency rate is held.
        rates: events per second at which to measure latency; empty: two based on the throughput.
        own_cluster: use the brokers of the configuration, not an embedded Kafka.
        partitions: of each topic.
        topic_prefix: the prefix of the topics' and the group's names.
        json: the file for the numbers in machine-readable form.
    """

    config: Path | None
    overrides: tuple[str, ...] = ()
    source: Path | None = None
    events: int | None = None
    seconds: float = 10.0
    rates: tuple[float, ...] = ()
    own_cluster: bool = False
    partitions: int = 4
    topic_prefix: str = field(default_factory=partial(any_prefix, "bench"))
    json: Path | None = None

    def check(self) -> None:
        """Validate the plan.

        Raises:
            ConfigError: an option is invalid.
        """
        if self.events is not None and self.events < FEWEST_EVENTS:
            raise ConfigError(
                f"--events must be at least {FEWEST_EVENTS:,}, not {self.events:,}: fewer are "
                "scored before their rate can be measured."
            )
        if not self.seconds >= SHORTEST_SECONDS:
            raise ConfigError(
                f"--seconds must be at least {SHORTEST_SECONDS:g}, not {self.seconds:g}."
            )
        for rate in self.rates:
            if not rate > 0:
                raise ConfigError(f"--rate must be more than 0, not {rate:g}.")
        if self.partitions < 1:
            raise ConfigError(f"--partitions must be at least 1, not {self.partitions}.")
        check_prefix(self.topic_prefix)
