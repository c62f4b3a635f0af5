"""A story on an existing Kafka and registry, both named in a scorer's config."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from stream_scorer.config.loading import load
from stream_scorer.config.settings import KafkaConfig, RegistryConfig, Settings
from stream_scorer.demo.stories import CARD_FRAUD, STORIES, Story
from stream_scorer.errors import ConfigError
from stream_scorer.pipeline.sources import open_registry
from stream_scorer.schemas import RegistrySchemas

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A story, with the topics and the registry from the scorer's config."""

    story: Story
    settings: Settings
    kafka: KafkaConfig
    registry: RegistryConfig

    @property
    def input_topic(self) -> str:
        """The topic of the story's events."""
        return self.kafka.input_topics[0]

    @property
    def input_subject(self) -> str:
        """The subject of the events' writer schemas."""
        return f"{self.input_topic}-value"

    def client_properties(self) -> dict[str, Any]:
        """The properties that any Kafka client needs to connect."""
        servers = {"bootstrap.servers": self.kafka.bootstrap_servers}
        return {**self.kafka.common, **servers}

    def open_registry(self) -> RegistrySchemas:
        """Open the registry; close it, or use it in a ``with`` statement."""
        return open_registry(self.settings, self.registry)


def find_elsewhere(story: Story, settings: Settings) -> Elsewhere:
    """Return the story with the topics and the registry from the config.

    Raises:
        ConfigError: the config has no registry, or only a pattern for an input topic.
    """
    kafka, registry = settings.kafka, settings.schemas.registry
    if kafka is None or registry is None:
        raise ConfigError(
            "The config must have `kafka` and `schemas.registry`: the story's events name their "
            "schemas by a registry's ids."
        )
    if kafka.input_topics[0].startswith("^"):
        raise ConfigError(
            f"kafka.input_topics: events can't be sent to the pattern {kafka.input_topics[0]}; "
            "list a topic name first."
        )
    return Elsewhere(story, settings, kafka, registry)


def arguments(module: str, description: str) -> argparse.ArgumentParser:
    """Return a parser with the options that these programs share; more can be added."""
    parser = argparse.ArgumentParser(f"python -m {module}", description=description)
    parser.add_argument(
        "-c", "--config", type=Path, required=True, metavar="FILE", help="the scorer's config"
    )
    parser.add_argument("--story", choices=STORIES, default=CARD_FRAUD.name, help="what to score")
    return parser


def place_of(given: argparse.Namespace) -> Elsewhere:
    """Return the story with its topics and registry, from the options of :func:`arguments`.

    Raises:
        ConfigError: the config is wrong, or lacks what the story needs.
    """
    settings = load(given.config, (), os.environ, need_kafka=True)
    return find_elsewhere(STORIES[given.story], settings)


def say_on_stderr() -> Say:
    """Return a function that prints a line to stderr as it is."""
    return Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print
