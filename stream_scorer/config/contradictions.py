"""Settings that are fine one by one and wrong together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from itertools import chain
from urllib.parse import SplitResult, urlsplit

from stream_scorer.config import transactional_id
from stream_scorer.config.client_properties import mistakes_in_properties
from stream_scorer.config.document import Path
from stream_scorer.config.mistakes import Mistake
from stream_scorer.config.settings import KafkaConfig, RegistryConfig, Settings
from stream_scorer.contexts import configured_context

_TOPIC = re.compile(r"^[A-Za-z0-9._-]{1,249}$")
_AVRO_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_PROVENANCE = ("model", "source", "scored_at")


def contradictions(settings: Settings, *, need_kafka: bool) -> Iterator[Mistake]:
    """Yield what can't be meant.

    Args:
        settings: settings that are valid one by one.
        need_kafka: whether the command reads from Kafka; then ``kafka`` is required, and schema
            ids need a place to be looked up.
    """
    found = chain(
        _topics(settings.kafka) if settings.kafka else (),
        _transactional_id(settings.kafka) if settings.kafka else (),
        mistakes_in_properties(settings),
        _schemas(settings, need_kafka=need_kafka),
        _model(settings),
        _batching(settings),
        _output(settings),
    )
    if need_kafka and settings.kafka is None:
        yield Mistake(("kafka",), "is required: where do events come from and go to?")
    yield from found


def _topics(kafka: KafkaConfig) -> Iterator[Mistake]:
    names = {"output_topic": kafka.output_topic}
    if kafka.dead_letter_topic is not None:
        names["dead_letter_topic"] = kafka.dead_letter_topic
        if kafka.dead_letter_topic == kafka.output_topic:
            yield Mistake(
                ("kafka", "dead_letter_topic"),
                "is the output topic; readers of scores must not meet dead letters there",
            )
    for key, topic in names.items():
        if not _TOPIC.match(topic):
            yield Mistake(("kafka", key), f"is not a valid topic name: {topic!r}")
    for position, topic in enumerate(kafka.input_topics):
        path = ("kafka", "input_topics", str(position))
        if kafka.input_topics.index(topic) != position:
            yield Mistake(path, f"names {topic} a second time")
        elif topic.startswith("^"):
            yield from _pattern(path, topic, names)
        elif not _TOPIC.match(topic):
            yield Mistake(path, f"is not a valid topic name: {topic!r}")
        else:
            for key in (key for key, name in names.items() if name == topic):
                yield Mistake(
                    ("kafka", key),
                    f"is an input topic too ({topic}); its events would be scored without end",
                )


def _pattern(path: tuple[str, ...], pattern: str, names: dict[str, str]) -> Iterator[Mistake]:
    if "[:" in pattern:
        # Python's expressions have no such classes, so a loop could not be ruled out.
        yield Mistake(path, "uses a POSIX class; write the characters out, as in [a-z0-9]")
        return
    try:
        matches = [key for key, name in names.items() if re.match(pattern, name)]
    except re.error as error:
        yield Mistake(path, f"is not a valid pattern: {error}")
        return
    for key in matches:
        yield Mistake(
            path,
            f"matches kafka.{key} ({names[key]}), whose events would be scored without end; make "
            "the pattern narrower, with a $ at its end perhaps",
        )


def _transactional_id(kafka: KafkaConfig) -> Iterator[Mistake]:
    path = ("kafka", "transactional_id")
    if kafka.transactional_id is None:
        return
    try:
        unknown = transactional_id.unknown_placeholders(kafka.transactional_id)
    except ValueError as error:
        yield Mistake(path, f"is not a valid template: {error}")
        return
    for name in unknown:
        yield Mistake(path, f"has {{{name}}}; there are {{group_id}}, {{hostname}} and {{random}}")


def _schemas(settings: Settings, *, need_kafka: bool) -> Iterator[Mistake]:
    schemas = settings.schemas
    if schemas.registry and schemas.directory:
        yield Mistake(
            ("schemas", "directory"), "and schemas.registry are two sources of ids; keep one"
        )
    if schemas.registry:
        yield from _registry(schemas.registry)
    if not need_kafka:
        return
    if schemas.framing == "confluent" and not (schemas.registry or schemas.directory):
        yield Mistake(
            ("schemas",),
            "needs registry or directory: with framing confluent an event names its schema by id",
        )
    if schemas.reader is None and schemas.directory:
        yield Mistake(("schemas", "reader"), "is required with schemas.directory")
    elif schemas.reader is None and schemas.framing == "none":
        yield Mistake(
            ("schemas", "reader"), "is required with framing none: such events name no schema"
        )
    elif schemas.reader is None and not schemas.registry:
        yield Mistake(("schemas", "reader"), "is required without a registry")


def _addresses(path: Path, example: str, urls: str, schemes: Collection[str]) -> Iterator[Mistake]:
    for number, each in enumerate(urls.split(","), 1):
        try:
            parts = urlsplit(each.strip())
            fits = parts.scheme in schemes and parts.hostname and parts.port != 0
        except ValueError:
            parts, fits = SplitResult("", "", "", "", ""), False
        # The address may hold a password, so it is not repeated.
        which = f"address {number}" if "," in urls else "the address"
        if not fits:
            yield Mistake(path, f"must be an address such as {example}; {which} is not")
        elif "@" in f"{parts.path}{parts.query}{parts.fragment}":
            yield Mistake(
                path,
                f"has an @ behind the host in {which}; in a user name or a password, write / as "
                "%2F, ? as %3F, # as %23 and @ as %40",
            )


def _registry(registry: RegistryConfig) -> Iterator[Mistake]:
    path, web = ("schemas", "registry"), ("http", "https")
    yield from _addresses((*path, "url"), "http://registry:8081", registry.url, web)
    proxy = registry.properties.get("proxy")
    if proxy is not None:
        where, schemes = (*path, "properties", "proxy"), (*web, "socks5", "socks5h")
        yield from _addresses(where, "http://proxy:3128", str(proxy), schemes)
    yield from _contexts(registry)
    if registry.subject:
        yield from _subject(registry.subject)


def _contexts(registry: RegistryConfig) -> Iterator[Mistake]:
    try:
        configured_context(registry.context, registry.url)
    except ValueError as error:
        yield Mistake(("schemas", "registry"), str(error))


def _subject(subject: str) -> Iterator[Mistake]:
    path = ("schemas", "registry", "subject")
    try:
        unknown = transactional_id.unknown_placeholders(subject, ("output_topic",))
    except ValueError as error:
        yield Mistake(path, f"is not a valid template: {error}")
        return
    for name in unknown:
        yield Mistake(path, f"has {{{name}}}; there is only {{output_topic}}")


def _model(settings: Settings) -> Iterator[Mistake]:
    model = settings.model
    for name, count in Counter(provider.name for provider in model.providers).items():
        if count > 1:
            yield Mistake(("model", "providers"), f"names {name} {count} times")
    for tensor, fields in (model.inputs or {}).items():
        if not fields:
            yield Mistake(("model", "inputs", tensor), "has no fields; name at least one")
    for name in model.outputs or {}:
        if not _AVRO_NAME.match(name):
            yield Mistake(
                ("model", "outputs", name), "is not a valid Avro name: use letters, digits and _"
            )


def _batching(settings: Settings) -> Iterator[Mistake]:
    batching = settings.batching
    if batching.min_commit_interval_seconds > batching.commit_interval_seconds:
        yield Mistake(
            ("batching", "min_commit_interval"),
            "is longer than batching.commit_interval, the longest time to the next commit",
        )
    if batching.max_records > batching.transaction_max_records:
        yield Mistake(
            ("batching", "max_records"),
            "is more than batching.transaction_max_records; a batch must fit in a transaction",
        )


def _output(settings: Settings) -> Iterator[Mistake]:
    names = [field.name for field in settings.output.pass_through]
    path = ("output", "pass_through")
    taken = list(settings.model.outputs or ())
    taken += _PROVENANCE if settings.output.provenance else ()
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield Mistake(path, f"has two fields named {name}; rename one, as in `other: {name}`")
        elif name in taken:
            yield Mistake(
                path,
                f"has a field {name}, as the scored event has already; rename it, as in "
                f"`input_{name}: {name}`",
            )
        if not _AVRO_NAME.match(name):
            yield Mistake(
                path, f"has {name!r}, which is not a valid Avro name: use letters, digits and _"
            )
    if settings.output.provenance:
        for name in sorted(set(settings.model.outputs or ()) & set(_PROVENANCE)):
            yield Mistake(
                ("model", "outputs", name),
                "is a field of the provenance; name it otherwise, or set output.provenance: false",
            )
