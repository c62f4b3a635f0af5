"""The registry: a schema, "unknown", or no answer, and never one for the other."""

from __future__ import annotations

import json
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema as RegisteredSchema
from confluent_kafka.schema_registry import SchemaReference, SchemaRegistryClient

from stream_scorer.avro.framing import ByFingerprint, ByGuid, ById, Unframed
from stream_scorer.avro.schema import Schema, parse
from stream_scorer.errors import ConfigError, ContractError, Unanswered, Unreachable
from stream_scorer.local.registry import EmbeddedRegistry
from stream_scorer.schemas import RegistrySchemas
from tests.schemas.confluent_api import ConfluentApi, confluent_api


def record_json(name: str, *fields: tuple[str, Any], **more: Any) -> dict[str, Any]:
    """Return the JSON of a record schema."""
    body = [{"name": field, "type": kind} for field, kind in fields]
    return {"type": "record", "name": name, "fields": body, **more}


def record(name: str, *fields: tuple[str, Any], **more: Any) -> Schema:
    """Return a record schema."""
    return parse(record_json(name, *fields, **more))


CARD = record("Card", ("amount", "double"), ("note", ["null", "string"]), namespace="shop")


@pytest.fixture
def api() -> Iterator[ConfluentApi]:
    """An empty registry by Confluent's API reference."""
    with confluent_api() as served:
        yield served


@pytest.fixture(params=[pytest.param("apicurio", marks=pytest.mark.registry), "confluent_api"])
def url(request: pytest.FixtureRequest) -> str:
    """Either registry: what the tests of both ask is the same."""
    if request.param == "apicurio":
        embedded: EmbeddedRegistry = request.getfixturevalue("registry")
        return embedded.url
    served: ConfluentApi = request.getfixturevalue("api")
    return served.url


@pytest.fixture
def schemas(url: str) -> Iterator[RegistrySchemas]:
    """What is tested, with a subject list for fingerprints."""
    with RegistrySchemas(url, 10.0) as opened:
        yield opened


@pytest.fixture
def subject() -> str:
    """A subject that no other test has."""
    return f"subject-{uuid.uuid4().hex}/with odd&letters"


def test_a_registered_schema_is_found_by_its_id(schemas: RegistrySchemas, subject: str) -> None:
    """The way of every event with a prefix."""
    number = schemas.register(subject, CARD)
    assert schemas.find(ById(number)) == CARD


def test_an_id_that_is_not_registered_is_unknown(schemas: RegistrySchemas) -> None:
    """No schema, which is an answer."""
    assert schemas.find(ById(999_999)) is None


def test_a_guid_that_is_not_registered_is_unknown(schemas: RegistrySchemas) -> None:
    """Also where the registry has no GUIDs at all."""
    assert schemas.find(ByGuid(uuid.uuid4())) is None


def test_registering_twice_gives_the_same_id(schemas: RegistrySchemas, subject: str) -> None:
    """A fleet that starts at once gets one id."""
    assert schemas.register(subject, CARD) == schemas.register(subject, CARD)


def test_lookup_finds_only_what_the_subject_has(schemas: RegistrySchemas, subject: str) -> None:
    """Nothing is registered by looking."""
    other = record("Card", ("amount", "float"), namespace="shop")
    assert schemas.lookup(subject, CARD) is None
    number = schemas.register(subject, CARD)
    assert schemas.lookup(subject, CARD) == number
    assert schemas.lookup(subject, other) is None
    assert schemas.lookup(subject, CARD) == number


def test_a_version_that_differs_in_defaults_alone_is_alike(
    schemas: RegistrySchemas, subject: str
) -> None:
    """The newest of several. A field more or another type is another schema."""
    amount = {"name": "amount", "type": "double"}
    plain = parse({**CARD.json, "fields": [amount]})
    zero, one = (parse({**CARD.json, "fields": [{**amount, "default": n}]}) for n in (0, 1))
    assert schemas.alike(subject, plain) is None
    first = schemas.register(subject, plain)
    assert schemas.alike(subject, zero) == first
    assert schemas.lookup(subject, zero) is None
    second = schemas.register(subject, zero)
    assert schemas.alike(subject, one) == second
    assert schemas.alike(subject, CARD) is None
    assert schemas.alike(subject, record("Card", ("amount", "float"), namespace="shop")) is None


def test_the_latest_version_is_the_last_registered(schemas: RegistrySchemas, subject: str) -> None:
    """What a scorer without `schemas.reader` reads; a version that comes later is seen."""
    schemas.register(subject, CARD)
    assert schemas.latest(subject) == CARD
    fields = [*CARD.json["fields"], {"name": "device", "type": "string", "default": ""}]
    newer = parse({**CARD.json, "fields": fields})
    schemas.register(subject, newer)
    assert schemas.latest(subject) == newer


def test_a_missing_subject_names_the_way_out(schemas: RegistrySchemas, subject: str) -> None:
    """The reader schema can come from a file as well."""
    with pytest.raises(ConfigError, match=r"has no subject subject-.*`schemas.reader`"):
        schemas.latest(subject)


def test_references_are_written_into_the_schema(
    schemas: RegistrySchemas, url: str, subject: str
) -> None:
    """Two levels, and one type that is referred to twice."""
    currency = {"type": "enum", "name": "shop.Currency", "symbols": ["EUR", "USD"]}
    money = record_json("Money", ("cents", "long"), ("in", "Currency"), namespace="shop")
    ask = SchemaRegistryClient({"url": url, "timeout": 10})
    plain = RegisteredSchema(json.dumps(currency), "AVRO")
    ask.register_schema(f"{subject}-currency", plain)
    to_currency = SchemaReference("shop.Currency", f"{subject}-currency", 1)
    ask.register_schema(
        f"{subject}-money", RegisteredSchema(json.dumps(money), "AVRO", [to_currency])
    )
    fields = ("net", "shop.Money"), ("tax", "shop.Money"), ("as", "shop.Currency")
    paid = record_json("Paid", *fields)
    references = [SchemaReference("shop.Money", f"{subject}-money", 1), to_currency]
    number = ask.register_schema(subject, RegisteredSchema(json.dumps(paid), "AVRO", references))
    ask.close()
    money["fields"][1]["type"] = currency
    expected = record("Paid", ("net", money), *fields[1:])
    assert schemas.find(ById(number)) == expected
    assert schemas.latest(subject) == expected


def test_a_fingerprint_is_found_among_the_versions_of_given_subjects(
    schemas: RegistrySchemas, url: str, subject: str
) -> None:
    """Single-object events name their schema by fingerprint, which no registry can be asked for."""
    schemas.register(subject, CARD)
    fields = [*CARD.json["fields"], {"name": "device", "type": "string", "default": ""}]
    newer = parse({**CARD.json, "fields": fields})
    schemas.register(subject, newer)
    with RegistrySchemas(url, 10.0, subjects=["no such", subject]) as knowing:
        assert knowing.find(ByFingerprint(CARD.fingerprint)) == CARD
        assert knowing.find(ByFingerprint(newer.fingerprint)) == newer
        assert knowing.find(ByFingerprint(b"12345678")) is None
    assert schemas.find(ByFingerprint(CARD.fingerprint)) is None


def test_a_wrong_base_path_is_no_answer(url: str) -> None:
    """A 404 alone does not make every event a dead letter."""
    with RegistrySchemas(url + "/nowhere", 10.0) as lost:
        for key in (ById(1), ByGuid(uuid.uuid4())):
            with pytest.raises(Unanswered, match=r"no such path; `schemas.registry.url` must be"):
                lost.find(key)
        with pytest.raises(Unreachable, match=r"no such path; `schemas.registry.url` must be"):
            lost.latest("any")


def test_an_unframed_event_has_no_schema_in_a_registry(schemas: RegistrySchemas) -> None:
    """There is nothing to ask for."""
    assert schemas.find(Unframed()) is None


@pytest.mark.registry
def test_an_incompatible_schema_is_refused(registry: EmbeddedRegistry, subject: str) -> None:
    """A new field without default breaks those who read the subject (BACKWARD)."""
    with RegistrySchemas(registry.url, 10.0) as schemas:
        schemas.register(subject, record("Card", ("amount", "double")))
        with pytest.raises(ContractError, match=r"HTTP 409.*must be compatible.*subject-"):
            schemas.register(subject, record("Card", ("amount", "double"), ("d", "string")))


def test_a_registry_that_judges_by_the_latest_version_alone_is_asked_for_that(
    api: ConfluentApi,
) -> None:
    """Not every one has a path for all versions; no subject yet takes everything."""
    with RegistrySchemas(api.url) as schemas:
        assert schemas.compatible("scored", CARD)
        schemas.register("scored", CARD)
        assert schemas.compatible("scored", CARD)
        assert not schemas.compatible("scored", record("Card", ("amount", "float")))


def test_who_may_read_a_subject_alone_may_write_under_it(api: ConfluentApi) -> None:
    """An id that is not given out without its subject is no reason not to start."""
    with RegistrySchemas(api.url) as schemas:
        number = schemas.register("scored", CARD)
    api.forbidden.add(number)
    with RegistrySchemas(api.url) as schemas:
        assert schemas.lookup("scored", CARD) == number


def test_a_schema_is_found_by_its_guid(api: ConfluentApi, subject: str) -> None:
    """The way of events in Confluent's header mode."""
    with RegistrySchemas(api.url) as schemas:
        number = schemas.register(subject, CARD)
        assert schemas.find(ByGuid(api.guid(number))) == CARD


def test_an_id_beyond_java_is_unknown_without_asking(api: ConfluentApi) -> None:
    """Confluent answers it with a 404 of no meaning, and one garbage event must block nothing."""
    with RegistrySchemas(api.url) as schemas:
        assert schemas.find(ById(2**31)) is None
    assert api.requests == []


@pytest.mark.parametrize("kind", ["JSON", "PROTOBUF"])
def test_a_schema_of_another_kind_is_a_broken_contract(api: ConfluentApi, kind: str) -> None:
    """The id is known, and no event under it is Avro."""
    api.schemas[3] = {"schema": "{}", "schemaType": kind}
    with (
        RegistrySchemas(api.url) as schemas,
        pytest.raises(ContractError, match=f"schema id 3 is {kind}, not Avro"),
    ):
        schemas.find(ById(3))


@pytest.mark.parametrize("text", ['{"type": "recrod"}', "{"])
def test_a_schema_that_can_not_be_read_is_a_broken_contract(api: ConfluentApi, text: str) -> None:
    """The registry let it in; the sentence says which."""
    api.schemas[3] = {"schema": text}
    with (
        RegistrySchemas(api.url) as schemas,
        pytest.raises(ContractError, match="schema id 3 can't be read"),
    ):
        schemas.find(ById(3))


@pytest.mark.parametrize(
    ("status", "content", "sentence"),
    [
        (500, b'{"error_code": 50001, "message": "store is down"}', "'store is down' .HTTP 500"),
        (429, b"", "HTTP 429, asked for schema id 1"),
        (200, b"<html>Please log in</html>", "does not answer, asked for schema id 1"),
        (404, b"", "no such path"),
        (404, b'{"message": "gone"}', "no such path"),
        (401, b"", "refuses the credentials that .* holds .HTTP 401 Unauthorized, asked for"),
        (403, b"", "refuses access to schema id 1 .HTTP 403 Forbidden.; grant the right to it"),
    ],
)
def test_what_is_no_answer_is_never_an_unknown_id(
    api: ConfluentApi, status: int, content: bytes, sentence: str
) -> None:
    """Each is the registry's or a proxy's trouble; the event waits."""
    api.instead = (status, content)
    with RegistrySchemas(api.url) as schemas:
        with pytest.raises(Unanswered, match=rf"{api.url} .*{sentence}.*; the events .*wait"):
            schemas.find(ById(1))
        with pytest.raises(Unreachable, match=api.url):
            schemas.latest("any")
        with pytest.raises(Unreachable, match=api.url):
            schemas.lookup("any", CARD)
        with pytest.raises(Unreachable, match=api.url):
            schemas.register("any", CARD)


def test_a_registry_that_is_down_is_no_answer_soon() -> None:
    """Retries are few and short: the poll loop must go on."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        started = time.monotonic()
        with (
            RegistrySchemas(url) as schemas,
            pytest.raises(Unanswered, match=f"{url} does not answer, asked for schema id 1"),
        ):
            schemas.find(ById(1))
        assert time.monotonic() - started < 5


def test_the_second_of_two_urls_answers_when_the_first_is_down(api: ConfluentApi) -> None:
    """As the client promises."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        down = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with RegistrySchemas(f"{down},{api.url}") as schemas:
            assert schemas.find(ById(1)) is None


def test_an_unknown_property_is_refused_by_name(api: ConfluentApi) -> None:
    """A typo is found at start."""
    with pytest.raises(ConfigError, match=r"`schemas.registry.properties`: .*basic.auth.info"):
        RegistrySchemas(api.url, properties={"basic.auth.info": "a:b"})


def test_a_certificate_that_does_not_exist_is_refused(api: ConfluentApi, tmp_path: Path) -> None:
    """As is a path typo."""
    with pytest.raises(ConfigError, match=r"`schemas.registry.properties`: .*No such file"):
        RegistrySchemas(api.url, properties={"ssl.ca.location": str(tmp_path / "ca.pem")})


def test_a_password_in_the_url_is_not_shown() -> None:
    """Errors are logged."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{unused.getsockname()[1]}"
        with (
            RegistrySchemas(f"http://alice:hidden@{place}") as schemas,
            pytest.raises(Unanswered, match=place) as caught,
        ):
            schemas.find(ById(1))
    assert "hidden" not in str(caught.value)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRegistry]:
    """A registry of our own, behind a password, to be paused."""
    user = "quarkus.security.users.embedded"
    properties = {
        "quarkus.http.auth.basic": "true",
        f"{user}.enabled": "true",
        f"{user}.plain-text": "true",
        f"{user}.users.alice": "secret",
        f"{user}.roles.alice": "sr-admin",
        "quarkus.http.auth.permission.api.paths": "/apis/*",
        "quarkus.http.auth.permission.api.policy": "authenticated",
    }
    folder = tmp_path_factory.mktemp("guarded")
    with EmbeddedRegistry(folder=folder, properties=properties) as embedded:
        yield embedded


@pytest.mark.registry
def test_credentials_open_a_guarded_registry(guarded: EmbeddedRegistry) -> None:
    """They go to the client as they are."""
    properties = {"basic.auth.user.info": "alice:secret"}
    with RegistrySchemas(guarded.url, 10.0, properties) as schemas:
        number = schemas.register("guarded", CARD)
        assert schemas.find(ById(number)) == CARD


@pytest.mark.registry
def test_wrong_credentials_name_the_setting_and_not_the_password(guarded: EmbeddedRegistry) -> None:
    """They stop the start; while running, somebody may be changing them."""
    properties = {"basic.auth.user.info": "alice:hidden"}
    with RegistrySchemas(guarded.url, 10.0, properties) as schemas:
        with pytest.raises(Unreachable, match=r"refuses .*`schemas.registry.properties`") as start:
            schemas.latest("guarded")
        with pytest.raises(
            Unanswered, match=r"HTTP 401 .*; the events that need it wait"
        ) as running:
            schemas.find(ById(1))
    assert "hidden" not in f"{start.value} {running.value}"


@pytest.mark.registry
def test_a_registry_that_hangs_is_no_answer_within_its_timeout(guarded: EmbeddedRegistry) -> None:
    """It takes connections and says nothing; once it goes on, so do we."""
    properties = {"basic.auth.user.info": "alice:secret"}
    with RegistrySchemas(guarded.url, 10.0, properties) as patient:
        number = patient.register("guarded", CARD)
        with RegistrySchemas(guarded.url, 0.3, properties) as schemas:
            guarded.pause()
            try:
                started = time.monotonic()
                with pytest.raises(Unanswered, match=r"does not answer.*Timeout"):
                    schemas.find(ById(number))
                assert time.monotonic() - started < 3
            finally:
                guarded.resume()
        assert patient.find(ById(number)) == CARD
