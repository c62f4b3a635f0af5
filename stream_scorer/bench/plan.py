"""What is asked of a measurement: how much, how fast, of which scorer, where."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from stream_scorer.errors import ConfigError
from stream_scorer.verify.topics import any_prefix, check_prefix

#: Fewer are committed before anybody could look.
FEWEST_EVENTS = 100
SHORTEST_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A measurement as it is asked for; :meth:`check` says whether it makes sense.

    Attributes:
        config: the scorer's configuration file.
        overrides: the words of ``--set``.
        source: an Avro file with events; ``None``: they are made up.
        events: how many make the backlog; ``None``: about ``seconds`` of work.
        seconds: how long the backlog is to take, and each rate of the latency is held.
        rates: events a second to measure the latency at; empty: two that suit the throughput.
        own_cluster: on the brokers of the configuration, not on an embedded Kafka.
        partitions: of each topic.
        topic_prefix: what the names of topics and group begin with.
        json: where the numbers are written for machines.
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
        """Say what makes no sense.

        Raises:
            ConfigError: something does not.
        """
        if self.events is not None and self.events < FEWEST_EVENTS:
            raise ConfigError(
                f"--events must be at least {FEWEST_EVENTS:,}, not {self.events:,}: fewer are "
                "scored before their rate can be seen."
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
