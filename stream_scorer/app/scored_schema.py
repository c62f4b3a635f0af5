"""``schema output``: the schema of the scored event, without Kafka."""

from __future__ import annotations

from stream_scorer.app.contract import make_contract, open_model
from stream_scorer.app.schema_sources import read_reader
from stream_scorer.avro.schema import Schema
from stream_scorer.config.choices import Provider
from stream_scorer.config.settings import Settings
from stream_scorer.model.providers import CPU


def scored_schema(settings: Settings) -> Schema:
    """Return the schema of the events that these settings make.

    The model is run on the CPU, whatever its providers: the schema is the same, and the machine
    that asks for it may have no device.

    Raises:
        ConfigError: a file can't be read, or two fields have one name.
        ContractError: model and schema don't fit.
        Unreachable: the reader's schema is the registry's, and it does not answer.
    """
    reader = read_reader(settings)
    on_cpu = settings.model.model_copy(update={"providers": (Provider(CPU),)})
    return make_contract(settings, open_model(on_cpu), reader).scored
