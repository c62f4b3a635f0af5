"""The settings: one frozen class a concern, one docstring a key.

A field's alias is its key in the file where the two differ: the attribute carries the unit
(``max_wait_seconds``), the key does not (``max_wait: 5ms``). The docstrings are the reference:
``stream-scorer schema config`` and ``docs/configuration.md`` are made of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from stream_scorer.config.choices import (
    MOST_THREADS,
    Fields,
    MissingPolicy,
    PassThroughField,
    ProviderChoice,
    Threads,
)
from stream_scorer.config.properties import Properties, RegistryProperties, SessionEntries
from stream_scorer.config.redaction import redacted
from stream_scorer.config.text import FilePath, Text
from stream_scorer.config.units import Duration, Number, Port, Size, Whole

_STRICT = ConfigDict(
    frozen=True,
    extra="forbid",
    hide_input_in_errors=True,
    use_attribute_docstrings=True,
)

#: What a request to a broker has room for, and some for what else it names.
_LONGEST_NAME = 32_000
_FULL_NAME = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"

OffsetReset = Literal["earliest", "latest", "error"]


def _stem(known: dict[str, Any]) -> str:
    path = known.get("path")
    return path.stem if isinstance(path, Path) else "model"


class KafkaConfig(BaseModel):
    """Where events come from and scored events go to."""

    model_config = _STRICT

    bootstrap_servers: Text = Field(min_length=1)
    """Brokers to ask first: `host:port`, comma-separated."""
    group_id: Text = Field(min_length=1, max_length=_LONGEST_NAME)
    """The consumer group; all copies of a worker share the partitions through it."""
    transactional_id: Text | None = Field(default=None, min_length=1, max_length=_LONGEST_NAME)
    """Name of the transactional producer, unique among live processes: a template of `{group_id}`,
    `{hostname}` and `{random}`. null: `{group_id}-{hostname}-{random}`."""
    input_topics: tuple[Text, ...] = Field(min_length=1)
    """Topics to score: names, or patterns that begin with `^`."""
    output_topic: Text
    """Topic of the scored events. It must exist. When `output.partition` is `source`, input
    partitions that it has no partition for wait until it has."""
    dead_letter_topic: Text | None = None
    """Topic of the events that can't be scored, with the reason in their headers. Absent: the
    first such event stops the worker (exit 5) and nothing is lost."""
    delivery: Literal["exactly_once", "at_least_once"] = "exactly_once"
    """`exactly_once`: outputs and offsets are one transaction. `at_least_once`: no transactions; a
    crash can repeat events."""
    on_data_loss: Literal["stop", "continue"] = "stop"
    """When what is committed is no longer in the log: `stop` (exit 4, naming the range) or
    `continue`: from the start of a log that expired or of a topic that was made anew, from where a
    log was cut back, or from its end if that is not known."""
    common: Properties = {}
    """librdkafka properties of both clients: `security.protocol`, `sasl.*`, `ssl.*` and so on."""
    consumer: Properties = {}
    """librdkafka properties of the consumer. `auto.offset.reset` is `earliest` unless set; `error`
    refuses a partition without a committed offset."""
    producer: Properties = {}
    """librdkafka properties of the producer, `transaction.timeout.ms` for one."""

    @property
    def offset_reset(self) -> OffsetReset:
        """Return where a partition without a committed offset begins."""
        value: Any = self.consumer.get("auto.offset.reset", "earliest")
        chosen: OffsetReset = value
        return chosen


class RegistryConfig(BaseModel):
    """A Confluent-compatible schema registry."""

    model_config = _STRICT

    url: Text = Field(pattern=r"^https?://")
    """Address of the registry; several, comma-separated, are tried in order."""
    timeout_seconds: Duration = Field(default=2.0, alias="timeout", gt=0)
    """Longest wait for one answer."""
    subject: Text = Field(default="{output_topic}-value", min_length=1)
    """Subject of the scored events' schema; `{output_topic}` stands for the topic."""
    register_schema: bool = Field(default=False, alias="register")
    """Whether the scored events' schema may be registered; otherwise it is looked up and must be
    there."""
    properties: RegistryProperties = {}
    """Properties of the registry client: `basic.auth.user.info`, `ssl.ca.location` and so on."""
    context: Text | None = Field(default=None, pattern=r"^:?[^:/\s]+:?$")
    """The registry's context, such as `prod`; an id means another schema in another context.
    Absent: the one in `url` (`/contexts/.prod`), or the default one."""


class SchemasConfig(BaseModel):
    """How events carry their schema, and where schemas come from."""

    model_config = _STRICT

    framing: Literal["confluent", "single_object", "none"] = "confluent"
    """`confluent`: a schema id before the value or in the header `__value_schema_id`.
    `single_object`: the single-object encoding of the Avro specification. `none`: bare Avro."""
    registry: RegistryConfig | None = None
    """The registry that knows the schema ids; or use `directory`."""
    directory: FilePath | None = None
    """A folder of schema files whose `ids.yaml` maps an id to a path; instead of a registry."""
    reader: FilePath | None = None
    """The schema that the scorer reads (.avsc); every writer's schema is resolved to it. Absent:
    the registry's latest version of `{input topic}-value` at start, then frozen."""


class MissingConfig(BaseModel):
    """What null becomes on its way into the model."""

    model_config = _STRICT

    default: MissingPolicy = "nan"
    """`nan` (tensors of floats only), `reject` (the event is a dead letter), or a value."""
    fields: dict[str, MissingPolicy] = {}
    """The same for single fields, by their path."""


class ModelConfig(BaseModel):
    """The ONNX model, and how fields become its inputs."""

    model_config = _STRICT

    path: FilePath
    """The model's file (.onnx)."""
    name: Text = Field(default_factory=_stem, min_length=1)
    """Name of the model in scored events, metrics and headers. Absent: the file's name."""
    version: Text = ""
    """Version of the model in scored events, metrics and headers."""
    inputs: dict[str, Fields] | None = None
    """Input tensor to the fields that fill it, in order; nested fields by their dotted path. An
    array that fills a tensor of open width states its length: `image[784]`. Absent: fields and
    inputs are matched by name."""
    outputs: dict[str, Text] | None = None
    """Field of the scored event to the model output that fills it: `label`, `probabilities[1]` (a
    position) or `probabilities[class=approve]`. Absent: every output under its own name."""
    missing: MissingConfig = MissingConfig()
    """What null becomes."""
    non_finite: Literal["dead_letter", "pass"] = "dead_letter"
    """What a NaN or infinite score becomes; it is counted either way."""
    providers: tuple[ProviderChoice, ...] = Field(
        default=("CPUExecutionProvider",), min_length=1, validate_default=True
    )
    """Execution providers in order of preference, options as `{name: CUDAExecutionProvider,
    device_id: 0}`. One that can't load stops the start."""
    intra_op_threads: Threads = "auto"
    """Threads within an operator; `auto` is the container's CPU quota."""
    inter_op_threads: Whole = Field(default=1, gt=0, le=MOST_THREADS)
    """Threads across operators."""
    enable_cpu_mem_arena: bool = True
    """Whether ONNX Runtime keeps the memory of a call for the next one. Without it a small machine
    holds less, and each call allocates anew."""
    session: SessionEntries = {}
    """Session config entries of ONNX Runtime, such as `session.set_denormal_as_zero`."""


class BatchingConfig(BaseModel):
    """How many events go into one inference call, and into one transaction."""

    model_config = _STRICT

    max_records: Whole = Field(default=1024, gt=0)
    """Most events in one inference call."""
    max_wait_seconds: Duration = Field(default=0.0, alias="max_wait")
    """Longest wait for a batch to fill once its first event is here."""
    commit_interval_seconds: Duration = Field(default=0.1, alias="commit_interval")
    """Longest time that scored events wait to be committed; they go earlier when the input runs
    dry."""
    min_commit_interval_seconds: Duration = Field(default=0.01, alias="min_commit_interval")
    """Shortest time from one commit's beginning to the next one's; a lone event commits at once."""
    transaction_max_records: Whole = Field(default=50_000, gt=0)
    """Most events in one transaction."""
    transaction_max_bytes: Size = Field(default=32 * 2**20, gt=0)
    """Most bytes, values in and out, in one transaction."""


class OutputConfig(BaseModel):
    """What a scored event holds and where it goes."""

    model_config = _STRICT

    pass_through: tuple[PassThroughField, ...] = ()
    """Input fields to copy to the scored event: a path, or `new_name: path`. `device.id` becomes
    `device_id`. A copy is the event's own bytes. If the event's schema is not the reader's, it is
    what schema resolution makes of them."""
    provenance: bool = True
    """Whether the scored event says its `model`, its `source` and `scored_at`."""
    record: Text | None = Field(default=None, pattern=_FULL_NAME)
    """Full name of the scored record. null: `stream_scorer.Scored_<model name>`, or that without a
    namespace if a copied type has none and is used twice."""
    partition: Literal["source", "key"] = "source"
    """`source`: the input's partition number. `key`: murmur2 of the key, as Java clients do."""
    tombstones: Literal["dead_letter", "forward"] = "dead_letter"
    """What a null value becomes: a dead letter, or a null value under the same key."""
    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = "lz4"
    """Compression of what is produced."""


class BudgetConfig(BaseModel):
    """How many dead letters are too many."""

    model_config = _STRICT

    ratio: Number = Field(default=0.05, gt=0, le=1)
    """Largest share of dead letters among the events of the window."""
    window_seconds: Duration = Field(default=60.0, alias="window", gt=0)
    """Time over which the share is taken."""
    minimum: Whole = Field(default=100, ge=0)
    """Fewest dead letters in the window before the budget can be spent."""


class DeadLettersConfig(BaseModel):
    """When dead letters stop the worker."""

    model_config = _STRICT

    budget: BudgetConfig | None = BudgetConfig()
    """Checked before each transaction: one that would cross it is not begun, and the worker stops
    (exit 5). null: no budget."""


class ServerConfig(BaseModel):
    """The HTTP server for metrics, health and the live page."""

    model_config = _STRICT

    host: Text = "0.0.0.0"  # noqa: S104 - a probe and a scraper come from outside the container
    """Address to listen on."""
    port: Port | None = 9400
    """Port to listen on; 0: any free one, which is logged; null: no server."""
    page: bool = True
    """Whether the live page is served at `/`."""
    show_values: bool = False
    """Whether the live page may show values of events."""


class LoggingConfig(BaseModel):
    """What is logged to stderr, and how."""

    model_config = _STRICT

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe level to log."""
    format: Literal["auto", "json", "console"] = "auto"
    """`auto`: JSON unless stderr is a terminal."""
    libraries: Literal["debug", "info", "warning", "error"] = "warning"
    """Least severe level of the lines of libraries, such as the registry's HTTP client; `level`
    holds for them too. librdkafka's follow `level` alone once `debug` or `log_level` is set."""


class Settings(BaseModel):
    """Everything that a worker is told."""

    model_config = _STRICT

    kafka: KafkaConfig | None = None
    """Where events come from and go to; `score`, `init`, `inspect` and `schema` need none."""
    schemas: SchemasConfig = SchemasConfig()
    """How events carry their schema, and where schemas come from."""
    model: ModelConfig
    """The ONNX model, and how fields become its inputs."""
    batching: BatchingConfig = BatchingConfig()
    """How many events go into one inference call, and into one transaction."""
    output: OutputConfig = OutputConfig()
    """What a scored event holds and where it goes."""
    dead_letters: DeadLettersConfig = DeadLettersConfig()
    """When dead letters stop the worker."""
    server: ServerConfig = ServerConfig()
    """The HTTP server for metrics, health and the live page."""
    logging: LoggingConfig = LoggingConfig()
    """What is logged to stderr, and how."""

    def redacted(self) -> dict[str, Any]:
        """Return the settings as they could stand in the file, with every secret hidden."""
        hidden: dict[str, Any] = redacted(self.model_dump(by_alias=True))
        return hidden
