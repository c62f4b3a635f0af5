"""Known property names: true to the installed clients, found in spite of underscores and typos."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer, KafkaException, libversion
from confluent_kafka.schema_registry import SchemaRegistryClient

from stream_scorer.config import known


def test_the_list_is_that_of_the_installed_librdkafka() -> None:
    """A newer client has new properties; then the list must be made anew."""
    assert libversion()[0].startswith(f"{known.LIBRDKAFKA}.")
    assert known.complete_for_installed_client()


@pytest.mark.parametrize("section", ["common", "consumer", "producer"])
def test_librdkafka_knows_every_name(section: str) -> None:
    """It says that the value is wrong, not that there is no such property."""
    unknown = []
    for name in known.known(section):
        try:
            Consumer({"group.id": "x", name: "\x01"}).close()
        except KafkaException as error:
            if "No such configuration property" in str(error):
                unknown.append(name)
    assert unknown == []


def test_librdkafka_says_so_of_a_name_that_it_does_not_know() -> None:
    """Otherwise the test above could not fail."""
    with pytest.raises(KafkaException, match="No such configuration property"):
        Consumer({"group.id": "x", "sasl.pasword": "\x01"})


def test_the_registry_client_knows_every_plain_name() -> None:
    """It takes them all at once; files, tokens and their sources are only read when they match."""
    plain = {
        "basic.auth.user.info": "user:password",
        "cache.capacity": 10,
        "cache.latest.ttl.sec": 1,
        "max.retries": 1,
        "retries.wait.ms": 1,
        "retries.max.wait.ms": 1,
        "proxy": "http://localhost:1",
    }
    assert plain.keys() <= known.known("properties")
    with SchemaRegistryClient({"url": "http://localhost:1", **plain}):
        pass


@pytest.mark.parametrize(
    ("section", "written", "name"),
    [
        ("common", "SASL_PASSWORD", "sasl.password"),
        ("common", "log_level", "log_level"),
        ("common", "SASL__MECHANISM", "sasl.mechanism"),
        ("consumer", "MAX_POLL_INTERVAL_MS", "max.poll.interval.ms"),
        ("producer", "linger.ms", "linger.ms"),
        ("properties", "BASIC_AUTH_USER_INFO", "basic.auth.user.info"),
        ("session", "SESSION_INTRA_OP_ALLOW_SPINNING", "session.intra_op.allow_spinning"),
        ("common", "LINGER_MS", None),
        ("common", "SASL_PASWORD", None),
    ],
)
def test_underscores_of_a_variable_become_dots_where_the_property_has_them(
    section: str, written: str, name: str | None
) -> None:
    """A shell does not take a dot in a variable's name."""
    assert known.from_environment(section, written) == name


def test_no_two_properties_look_the_same_in_the_environment() -> None:
    """Otherwise a variable would be ambiguous."""
    for section in ("common", "consumer", "producer", "properties", "session"):
        names = known.known(section)
        assert len({name.replace("_", ".") for name in names}) == len(names)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("sasl.pasword", "sasl.password"),
        ("security_protocol", "security.protocol"),
        ("ssl.ca.locaton", "ssl.ca.location"),
        ("qqqqqqqq", None),
    ],
)
def test_a_typo_finds_the_name_that_was_meant(name: str, meant: str | None) -> None:
    """And nothing is suggested where nothing is near."""
    assert known.nearest(name, known.known("common")) == meant
