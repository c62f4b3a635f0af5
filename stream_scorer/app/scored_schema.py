"""``schema output``: the schema of the scored event, without Kafka."""

from __future__ import annotations

from stream_scorer.avro.schema import Schema
from stream_scorer.config.choices import Provider
from stream_scorer.config.settings import Settings
from stream_scorer.model.providers import CPU
from stream_scorer.pipeline.pipeline import open_pipeline
from stream_scorer.pipeline.sources import only, read_reader


def scored_schema(settings: Settings) -> Schema:
    """Return the schema of the events that these settings make.

    The model is run on the CPU, whatever its providers: the schema is the same, and the machine
    that asks for it may have no device.

    Raises:
        ConfigError: a file can't be read, or two fields have one name.
        ContractError: model and schema don't fit.
        Unreachable: the reader's schema is the registry's, and it does not answer.
    """
    model = settings.model.model_copy(update={"providers": (Provider(CPU),)})
    on_cpu = settings.model_copy(update={"model": model})
    return open_pipeline(on_cpu, only(read_reader(settings))).contract.scored
