"""TLS, SCRAM, client certificates and tokens: each works, and each refusal is one sentence."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from stream_scorer.check.findings import exit_code_of
from tests.security.certificates import Authority, Certificate
from tests.security.conftest import PATIENCE_SECONDS, looked_at
from tests.security.rights import worker_rights
from tests.security.secured import SecuredKafka
from tests.security.tokens import CLIENT, SECRET

pytestmark = pytest.mark.kafka


def refusal(folder: Path, servers: str, common: Mapping[str, str], code: int = 4) -> str:
    """The one sentence that a worker ends with, long before its patience does."""
    began = time.monotonic()
    (error,) = looked_at(folder, servers, common)
    assert time.monotonic() - began < PATIENCE_SECONDS
    assert exit_code_of([error]) == code
    assert error.sentence.startswith("kafka.common: ")
    return error.sentence


def refusals(folder: Path, servers: str, commons: Iterable[Mapping[str, str]]) -> list[str]:
    """The sentences of several workers at once, each in a folder of its own."""

    def one(number: int, common: Mapping[str, str]) -> str:
        own = folder / str(number)
        own.mkdir()
        return refusal(own, servers, common)

    with ThreadPoolExecutor() as pool:
        return list(pool.map(one, *zip(*enumerate(commons), strict=True)))


def presented(certificate: Certificate) -> dict[str, str]:
    """Client properties of a client's own certificate."""
    return {
        "ssl.certificate.location": str(certificate.chain),
        "ssl.key.location": str(certificate.key),
    }


def mutual(secured: SecuredKafka, **certificate: str) -> dict[str, str]:
    """Client properties of TLS without a login."""
    return {
        "security.protocol": "SSL",
        "ssl.ca.location": str(secured.authority.file),
        **{name.replace("_", "."): value for name, value in certificate.items()},
    }


def token(secured: SecuredKafka, secret: str = SECRET) -> dict[str, str]:
    """Client properties of a login with a token."""
    return {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(secured.authority.file),
        "sasl.mechanism": "OAUTHBEARER",
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.client.id": CLIENT,
        "sasl.oauthbearer.client.secret": secret,
        "sasl.oauthbearer.token.endpoint.url": secured.issuer.endpoint,
    }


@contextmanager
def listening(certificate: Certificate) -> Iterator[str]:
    """A server that makes handshakes with this certificate; its address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                connection, _ = server.accept()
                with connection, suppress(OSError):
                    context.wrap_socket(connection, server_side=True).close()

        thread = threading.Thread(target=serve)
        thread.start()
        host, port = server.getsockname()
        try:
            yield f"{host}:{port}"
        finally:
            ended.set()
            socket.create_connection((host, port)).close()
            thread.join()


# ---------------------------------------------------------------------------- what works


def test_a_login_by_scram_over_tls_is_let_in(tmp_path: Path, secured: SecuredKafka) -> None:
    """With the rights that docs/security.md lists, and no other."""
    with secured.may(worker_rights(), "scorer"):
        assert looked_at(tmp_path, secured.servers, secured.login()) == []


def test_a_client_with_a_certificate_of_its_own_is_let_in(
    tmp_path: Path, secured: SecuredKafka
) -> None:
    """Mutual TLS: the certificate's subject is the user; its key may have a password."""
    plain = presented(secured.authority.issue("by-certificate"))
    locked = presented(secured.authority.issue("by-certificate-2", password="key-password"))  # noqa: S106
    with secured.may(worker_rights(), "CN=by-certificate"):
        assert looked_at(tmp_path, secured.mutual, {**mutual(secured), **plain}) == []
    with secured.may(worker_rights(), "CN=by-certificate-2"):
        common = {**mutual(secured), **locked, "ssl.key.password": "key-password"}
        assert looked_at(tmp_path, secured.mutual, common) == []


def test_a_login_with_a_token_is_let_in(tmp_path: Path, secured: SecuredKafka) -> None:
    """OpenID Connect: the token's subject is the user; the broker proves it by the public keys."""
    with secured.may(worker_rights(), CLIENT):
        assert looked_at(tmp_path, secured.servers, token(secured)) == []


# ---------------------------------------------------------------------------- the broker's fault


def test_a_broker_whose_authority_is_unknown_is_refused(
    tmp_path: Path, secured: SecuredKafka
) -> None:
    """Another authority in ssl.ca.location, or none there."""
    another = Authority(tmp_path, "another").file
    other = {**secured.login(), "ssl.ca.location": str(another)}
    none = {name: value for name, value in other.items() if name != "ssl.ca.location"}
    for sentence in refusals(tmp_path, secured.servers, (other, none)):
        assert "SSL handshake failed" in sentence
        assert "an authority that this worker does not know" in sentence
        assert "set ssl.ca.location" in sentence


def test_a_broker_with_a_certificate_of_another_host_is_refused(
    tmp_path: Path, secured: SecuredKafka
) -> None:
    """Its certificate is for 127.0.0.1, and it is reached as localhost."""
    servers = secured.servers.replace("127.0.0.1", "localhost")
    sentence = refusal(tmp_path, servers, secured.login())
    assert "certificate verify failed" in sentence
    assert "for another host than localhost" in sentence
    assert "advertised.listeners" in sentence


def test_a_broker_whose_certificate_has_expired_is_refused(
    tmp_path: Path, secured: SecuredKafka
) -> None:
    """Also one that was fine a month ago."""
    with listening(secured.authority.issue("stale", expired=True)) as address:
        sentence = refusal(tmp_path, address, secured.login())
    assert f"the certificate of {address} is refused" in sentence
    assert "it has expired: have it renewed" in sentence


# ---------------------------------------------------------------------------- the client's fault


def test_a_wrong_password_and_an_unknown_user_are_refused_alike(
    tmp_path: Path, secured: SecuredKafka
) -> None:
    """The broker does not tell which, and the sentence repeats neither password."""
    logins = (secured.login(user, "hunter2") for user in ("scorer", "nobody"))
    for sentence in refusals(tmp_path, secured.servers, logins):
        assert "refuses the credentials" in sentence
        assert "sasl.password" in sentence
        assert "hunter2" not in sentence


def test_a_mechanism_that_the_broker_does_not_have_is_refused(
    tmp_path: Path, secured: SecuredKafka
) -> None:
    """The sentence lists those that it has."""
    common = {**secured.login(), "sasl.mechanism": "PLAIN"}
    sentence = refusal(tmp_path, secured.servers, common)
    assert "Unsupported SASL mechanism" in sentence
    assert "SCRAM-SHA-512" in sentence
    assert "correct sasl.mechanism" in sentence


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SASL_PLAINTEXT", "SSL"])
def test_another_protocol_than_the_listeners_is_guessed_when_the_patience_is_over(
    tmp_path: Path, secured: SecuredKafka, protocol: str
) -> None:
    """The broker closes the connection without a word, as one does that just starts."""
    common = {**secured.login(), "security.protocol": protocol}
    (error,) = looked_at(tmp_path, secured.servers, common, patience_seconds=1)
    assert "end without an answer" in error.sentence
    assert "another security.protocol" in error.sentence
    assert exit_code_of([error]) == 4


def test_a_host_that_does_not_answer_is_not_taken_for_another_protocol(tmp_path: Path) -> None:
    """Nobody takes the connection there (an address that is reserved for documentation)."""
    common = {"security.protocol": "PLAINTEXT"}
    (error,) = looked_at(tmp_path, "192.0.2.1:9092", common, patience_seconds=1)
    assert "end without an answer" not in error.sentence
    assert "no broker of 192.0.2.1:9092 answers within 1 s" in error.sentence


def test_tls_to_a_listener_without_is_told_too(tmp_path: Path, secured: SecuredKafka) -> None:
    """The client guesses it itself."""
    servers = secured.kafka.internal_servers
    (error,) = looked_at(tmp_path, servers, mutual(secured), patience_seconds=1)
    assert "connecting to a PLAINTEXT broker listener?" in error.sentence
    assert exit_code_of([error]) == 4


def test_a_client_without_a_certificate_that_the_broker_trusts_is_refused(
    tmp_path: Path, secured: SecuredKafka
) -> None:
    """None, one of an unknown authority, one that has expired."""
    foreign = Authority(tmp_path, "another").issue("foreign")
    expired = secured.authority.issue("expired-client", expired=True)
    commons = (
        {**mutual(secured), **certificate}
        for certificate in ({}, presented(foreign), presented(expired))
    )
    for sentence in refusals(tmp_path, secured.mutual, commons):
        assert "refuses this client's certificate" in sentence
        assert "alert" in sentence
        assert "set ssl.certificate.location and ssl.key.location" in sentence


def test_a_wrong_key_password_is_a_mistake_in_the_configuration(
    tmp_path: Path, secured: SecuredKafka
) -> None:
    """Nobody is asked; exit 2."""
    locked = presented(secured.authority.issue("locked", password="key-password"))  # noqa: S106
    common = {**mutual(secured), **locked, "ssl.key.password": "hunter2"}
    sentence = refusal(tmp_path, secured.mutual, common, code=2)
    assert "is ssl.key.password right?" in sentence
    assert "hunter2" not in sentence


def test_a_client_that_gets_no_token_is_told_what_the_issuer_said(
    tmp_path: Path, secured: SecuredKafka
) -> None:
    """A wrong secret; an issuer that is not there."""
    wrong = token(secured, "hunter2")
    nowhere = {**token(secured), "sasl.oauthbearer.token.endpoint.url": "http://127.0.0.1:1/token"}
    sentences = refusals(tmp_path, secured.servers, (wrong, nowhere))
    for sentence, said in zip(sentences, ("invalid_client", "Could not connect"), strict=True):
        assert "there is no token to log in with" in sentence
        assert said in sentence
        assert "sasl.oauthbearer.token.endpoint.url" in sentence
        assert "hunter2" not in sentence
