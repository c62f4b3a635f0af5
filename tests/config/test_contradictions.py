"""Settings that are fine one by one and wrong together."""

from __future__ import annotations

import pytest

from stream_scorer.config import reserved
from stream_scorer.errors import ConfigError
from tests.config.conftest import SMALL, Loader


def complaint(loaded: Loader, *overrides: str, text: str = SMALL) -> str:
    """What the small configuration, with these changes, is refused for."""
    with pytest.raises(ConfigError) as error:
        loaded(text, overrides=overrides)
    return str(error.value)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("kafka.output_topic=transactions", "kafka.output_topic is an input topic too"),
        ("kafka.dead_letter_topic=transactions", "kafka.dead_letter_topic is an input topic too"),
        ("kafka.dead_letter_topic=transactions.scored", "is the output topic"),
        ("kafka.input_topics=[^trans.*]", "matches kafka.output_topic (transactions.scored)"),
        ("kafka.input_topics=['^(unclosed']", "is not a valid pattern"),
        ("kafka.input_topics=['^[[:alpha:]]+$']", "uses a POSIX class"),
        ("kafka.input_topics=[a, b, a]", "kafka.input_topics.2 names a a second time"),
        ("kafka.input_topics=['a b']", "is not a valid topic name"),
        ("kafka.output_topic=scored/events", "is not a valid topic name"),
    ],
)
def test_topics_must_not_feed_each_other(loaded: Loader, override: str, sentence: str) -> None:
    """Otherwise events are scored without end, or scores mixed with dead letters."""
    assert sentence in complaint(loaded, override)


def test_a_pattern_that_leaves_the_output_alone_is_fine(loaded: Loader) -> None:
    """A dollar sign at its end is enough."""
    settings = loaded(overrides=["kafka.input_topics=[^transactions$, ^clicks.*]"])
    assert settings.kafka is not None
    assert settings.kafka.input_topics == ("^transactions$", "^clicks.*")


@pytest.mark.parametrize("section", ["common", "consumer", "producer"])
def test_every_property_of_the_guarantee_is_refused_by_name(loaded: Loader, section: str) -> None:
    """With the reason."""
    for name, reason in reserved.reasons(section).items():
        sentence = complaint(loaded, f"kafka.{section}={{{name}: x}}")
        assert f"kafka.{section}.{name} can't be set: it {reason}" in sentence


@pytest.mark.parametrize(
    ("section", "name"),
    [
        ("consumer", "isolation.level"),
        ("consumer", "enable.auto.commit"),
        ("consumer", "enable.auto.offset.store"),
        ("consumer", "group.id"),
        ("producer", "transactional.id"),
        ("producer", "enable.idempotence"),
        ("producer", "acks"),
        ("producer", "max.in.flight.requests.per.connection"),
        ("producer", "message.timeout.ms"),
        ("common", "socket.timeout.ms"),
        ("common", "bootstrap.servers"),
    ],
)
def test_what_exactly_once_rests_on_is_among_them(section: str, name: str) -> None:
    """The list above is the code's own; these must be in it."""
    assert name in reserved.reasons(section)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("kafka.consumer.linger.ms=5", "is a property for kafka.producer; put it there"),
        ("kafka.common.session.timeout.ms=9", "is a property for kafka.consumer; put it there"),
        (
            "kafka.common.sasl.pasword=x",
            "not a property of librdkafka; did you mean sasl.password?",
        ),
        ("schemas.registry.properties.basic.auth.user=x", "did you mean basic.auth.user.info?"),
        ("schemas.registry.properties.timeout=5", "it is set by schemas.registry.timeout"),
        ("model.session.session.intra_op_num_threads=2", "it is set by model.intra_op_threads"),
        ("kafka.consumer.auto.offset.reset=begin", "must be earliest, latest or error, not begin"),
        ("kafka.producer.transaction.timeout.ms=15s", "number of milliseconds, without a unit"),
        ("kafka.producer.transaction.timeout.ms=10", "must be milliseconds, at least 1000"),
        (
            "kafka.consumer.max.poll.interval.ms=5m",
            "number of milliseconds, without a unit, not '5m'",
        ),
    ],
)
def test_a_client_property_must_be_known_and_in_its_place(
    loaded: Loader, override: str, sentence: str
) -> None:
    """By itself librdkafka only warns of one in the wrong place."""
    assert sentence in complaint(loaded, override)


def test_properties_that_a_user_needs_are_taken(loaded: Loader) -> None:
    """Security, group protocol and timeouts are his."""
    settings = loaded(
        overrides=[
            "kafka.common={security.protocol: SASL_SSL, sasl.mechanism: PLAIN, debug: all}",
            "kafka.consumer={session.timeout.ms: 10000, auto.offset.reset: latest}",
            "kafka.producer={transaction.timeout.ms: 10000, linger.ms: 1}",
            "model.session={session.brand.new.entry: 1}",
        ]
    )
    assert settings.kafka is not None
    assert settings.kafka.offset_reset == "latest"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("session.timeout.ms", "10000"),
        ("heartbeat.interval.ms", "10000"),
        ("partition.assignment.strategy", "cooperative-sticky"),
    ],
)
def test_the_new_group_protocol_takes_no_settings_of_the_old(
    loaded: Loader, name: str, value: str
) -> None:
    """Its brokers decide them (KIP-848)."""
    overrides = ["kafka.consumer.group.protocol=consumer", f"kafka.consumer.{name}={value}"]
    assert f"{name} is for group.protocol classic" in complaint(loaded, *overrides)
    loaded(overrides=overrides[1:])


@pytest.mark.parametrize("strategy", ["range", "roundrobin", "range,cooperative-sticky"])
def test_an_eager_assignment_strategy_is_refused(loaded: Loader, strategy: str) -> None:
    """The client places no single partition anew under one."""
    complained = complaint(loaded, f"kafka.consumer.partition.assignment.strategy={strategy}")
    assert f"must be cooperative-sticky, not {strategy}" in complained


def test_the_old_group_protocol_takes_no_settings_of_the_new(loaded: Loader) -> None:
    """The assignor on the brokers' side is one."""
    overrides = ["kafka.consumer.group.remote.assignor=uniform"]
    assert "group.protocol consumer only" in complaint(loaded, *overrides)
    loaded(overrides=[*overrides, "kafka.consumer.group.protocol=consumer"])


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["schemas.directory=schemas"], "schemas.directory and schemas.registry are two sources"),
        (["schemas={}"], "schemas needs registry or directory"),
        (["schemas={directory: d}"], "schemas.reader is required with schemas.directory"),
        (["schemas={framing: none}"], "schemas.reader is required with framing none"),
        (["schemas.framing=none"], "schemas.reader is required with framing none"),
        (["schemas={framing: single_object}"], "schemas.reader is required without a registry"),
        (["schemas.registry.subject='{topic}-value'"], "has {topic}; there is only {output_topic}"),
        (["schemas.registry.subject='{output_topic'"], "is not a valid template"),
    ],
)
def test_schemas_come_from_one_place(loaded: Loader, overrides: list[str], sentence: str) -> None:
    """And the reader's schema from somewhere."""
    assert sentence in complaint(loaded, *overrides)


@pytest.mark.parametrize(
    "schemas",
    [
        "{directory: d, reader: r.avsc}",
        "{framing: none, reader: r.avsc}",
        "{framing: single_object, reader: r.avsc}",
        "{framing: single_object, directory: d, reader: r.avsc}",
    ],
)
def test_a_registry_is_not_required(loaded: Loader, schemas: str) -> None:
    """Files will do."""
    assert loaded(overrides=[f"schemas={schemas}"]).schemas.registry is None


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["batching.min_commit_interval=1s"], "is longer than batching.commit_interval"),
        (["batching.transaction_max_records=10"], "batching.max_records is more than"),
        (["batching.commit_interval=3m"], "more than half of max.poll.interval.ms (300000)"),
        (
            ["batching.max_wait=4s", "kafka.consumer.max.poll.interval.ms=8000"],
            "more than half of max.poll.interval.ms (8000)",
        ),
        (["model.providers=[A, B, A]"], "model.providers names A 2 times"),
        (["model.inputs={features: []}"], "model.inputs.features has no fields"),
        (["model.outputs={a-b: label}"], "model.outputs.a-b is not a valid Avro name"),
        (["model.outputs={source: label}"], "is a field of the provenance"),
        (["output.pass_through=[a.b, {a_b: c}]"], "has two fields named a_b"),
        (["output.pass_through=[model]"], "rename it, as in `input_model: model`"),
        (["output.pass_through=[s]", "model.outputs={s: label}"], "has a field s"),
        (["output.pass_through=[{a-b: c}]"], "'a-b', which is not a valid Avro name"),
        (["kafka.transactional_id='{pod}'"], "has {pod}; there are {group_id}, {hostname}"),
        (["kafka.transactional_id='{group_id'"], "is not a valid template"),
    ],
)
def test_what_contradicts_itself_is_refused(
    loaded: Loader, overrides: list[str], sentence: str
) -> None:
    """Before anything starts."""
    assert sentence in complaint(loaded, *overrides)


def test_names_are_free_again_without_provenance(loaded: Loader) -> None:
    """Then nothing else is called ``model``."""
    settings = loaded(overrides=["output={pass_through: [model, source], provenance: false}"])
    assert [field.path for field in settings.output.pass_through] == ["model", "source"]


def test_only_commands_that_read_from_kafka_need_it(loaded: Loader) -> None:
    """``score`` brings its own schema and topic."""
    text = "model: {path: fraud.onnx}\n"
    assert "kafka is required: where do events come from" in complaint(loaded, text=text)
    assert loaded(text, need_kafka=False).kafka is None


def test_all_contradictions_are_told_at_once(loaded: Loader) -> None:
    """Who mends one wants to know of the others."""
    text = complaint(loaded, "batching.min_commit_interval=1s", "kafka.output_topic=transactions")
    assert text.startswith("2 settings are wrong:\n- ")
    assert "kafka.output_topic" in text
    assert "batching.min_commit_interval" in text


@pytest.mark.parametrize(
    "registry",
    [
        "{url: 'http://r:8081/contexts/.dev', context: prod}",
        "{url: 'http://r:8081/contexts/.dev/', context: '.'}",
        "{url: 'http://r:8081/contexts/.', context: dev}",
        "{url: 'http://r/apis/ccompat/v7/contexts/%3A.dev%3A', context: ':.prod:'}",
        "{url: 'http://a/contexts/.dev, http://b/contexts/.prod'}",
    ],
)
def test_the_contexts_of_a_registry_must_be_one(loaded: Loader, registry: str) -> None:
    """Which one is meant can't be guessed, and the settings alone show it."""
    sentence = complaint(loaded, f"schemas.registry={registry}")
    assert "schemas.registry names more than one context, ." in sentence
    assert sentence.endswith("correct `context`, or the /contexts/ in `url`.")


@pytest.mark.parametrize(
    "registry",
    [
        "{url: 'http://r/contexts/.prod', context: prod}",
        "{url: 'http://a/contexts/prod/, http://b/contexts/:.prod:, http://c', context: .prod}",
        "{url: 'http://contexts/apis/ccompat/v7', context: prod}",
        "{url: 'https://gateway/contexts/registry/v1', context: prod}",
        "{url: 'http://r/contexts/.', context: '.'}",
    ],
)
def test_one_context_may_be_named_in_several_ways(loaded: Loader, registry: str) -> None:
    """A host or a folder of that name is no context."""
    loaded(overrides=[f"schemas.registry={registry}"])
