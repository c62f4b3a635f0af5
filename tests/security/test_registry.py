"""A registry over TLS that wants a user and a password."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from stream_scorer.avro.schema import parse
from stream_scorer.errors import Unreachable
from stream_scorer.local.registry import EmbeddedRegistry
from stream_scorer.schemas import RegistrySchemas
from tests.scorers import EVENT
from tests.security.certificates import Authority
from tests.security.gates import gate

pytestmark = pytest.mark.registry

USER = "scorer:right-password"
PATIENCE_SECONDS = 5.0


@pytest.fixture
def url(registry: EmbeddedRegistry, authority: Authority) -> Iterator[str]:
    """A real registry behind its gate."""
    with gate(registry.url, authority.issue("registry"), USER) as address:
        yield address


def registered(url: str, properties: Mapping[str, str]) -> int:
    """Register a schema and find it; its id."""
    with RegistrySchemas(url, PATIENCE_SECONDS, properties) as schemas:
        schema, subject = parse(dict(EVENT)), f"secured-{uuid.uuid4().hex}"
        number = schemas.register(subject, schema)
        assert schemas.lookup(subject, schema) == number
        return number


def test_a_registry_over_tls_with_a_login_is_used(url: str, authority: Authority) -> None:
    """Two properties of its client, as for any other program."""
    properties = {"basic.auth.user.info": USER, "ssl.ca.location": str(authority.file)}
    assert registered(url, properties) > 0


def test_a_wrong_password_is_told_and_not_repeated(url: str, authority: Authority) -> None:
    """The sentence names the property."""
    properties = {"basic.auth.user.info": "scorer:hunter2", "ssl.ca.location": str(authority.file)}
    with pytest.raises(Unreachable, match="refuses the credentials") as error:
        registered(url, properties)
    assert "basic.auth.user.info" in str(error.value)
    assert "hunter2" not in str(error.value)


def test_a_registry_whose_authority_is_unknown_is_refused(url: str, tmp_path: Path) -> None:
    """What is wrong, and the property to set; exit 4."""
    another = Authority(tmp_path, "another").file
    properties = {"basic.auth.user.info": USER, "ssl.ca.location": str(another)}
    with pytest.raises(Unreachable, match=r"certificate.*is refused.*self.signed|issuer") as error:
        registered(url, properties)
    assert "set in `schemas.registry.properties` ssl.ca.location" in str(error.value)
    assert "right-password" not in str(error.value)


@pytest.mark.parametrize(
    ("address", "expired", "words"),
    [("127.0.0.1", True, "has expired"), ("10.0.0.1", False, "not valid for")],
)
def test_a_certificate_that_is_stale_or_of_another_host_is_refused(
    registry: EmbeddedRegistry,
    authority: Authority,
    *,
    address: str,
    expired: bool,
    words: str,
) -> None:
    """In the words of OpenSSL."""
    certificate = authority.issue("registry-odd", address, expired=expired)
    properties = {"basic.auth.user.info": USER, "ssl.ca.location": str(authority.file)}
    with gate(registry.url, certificate, USER) as url, pytest.raises(Unreachable) as error:
        registered(url, properties)
    assert words in str(error.value)
    assert "have it renewed" in str(error.value)
