"""Planted secrets are looked for in all that worker and commands say when they say most."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from stream_scorer.config import load
from stream_scorer.local.registry import EmbeddedRegistry
from tests.end_to_end.test_registry import prefixed
from tests.end_to_end.workers import Scoring, event_value
from tests.scorers import EVENT
from tests.security.gates import gate
from tests.security.rights import worker_rights
from tests.security.secured import SecuredKafka
from tests.security.tokens import CLIENT
from tests.topics import Event, wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.registry]

#: So that none is found by chance, and each is told from the others.
PLANTED = {
    name: f"planted{name}{uuid.uuid4().hex}"
    for name in ("sasl", "registry", "key", "client", "address", "wrong")
}


@dataclass
class Said:
    """All that came out so far, by where."""

    texts: dict[str, str]

    def ran(self, commands: Mapping[str, Sequence[str]]) -> dict[str, int]:
        """Run commands, all at once, and keep what they say; the exit code of each."""
        started = {
            name: subprocess.Popen(  # noqa: S603 - our own words
                [sys.executable, "-m", "stream_scorer", *words],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for name, words in commands.items()
        }
        for name, process in started.items():
            self.texts[name], _ = process.communicate(timeout=100)
        return {name: process.returncode for name, process in started.items()}

    def leaks(self) -> list[str]:
        """Where which secret was said."""
        return [
            f"{secret} in {name}: {text[max(0, text.index(value) - 200) :][:300]}"
            for name, text in self.texts.items()
            for secret, value in PLANTED.items()
            if value in text
        ]


@pytest.fixture
def said() -> Said:
    """Nothing yet."""
    return Said({})


@pytest.fixture
def in_address() -> bool:
    """Whether the registry's login stands in its address."""
    return False


@pytest.fixture
def scoring(
    secured: SecuredKafka,
    registry: EmbeddedRegistry,
    tmp_path: Path,
    in_address: bool,  # noqa: FBT001 - a fixture
) -> Iterator[Scoring]:
    """A scorer with a secret of each kind, that says all it can."""
    made = Scoring(secured.kafka.internal_servers, tmp_path, secured.kafka.create_topic)
    secured.set_password("planted", PLANTED["sasl"])
    secured.grant(worker_rights(made.source, made.output, made.dead, made.group), "planted")
    user = f"scorer:{PLANTED['registry']}"
    with gate(registry.url, secured.authority.issue("registry"), user) as url:
        made.set_up(settings(secured, url, user, in_address=in_address))
        yield made
        made.end()


def settings(secured: SecuredKafka, url: str, user: str, *, in_address: bool) -> dict[str, Any]:
    """A login by SCRAM, a key with a password, a registry with a login; every debug line."""
    login = {} if in_address else {"basic.auth.user.info": user}
    own = secured.authority.issue("planted", password=PLANTED["key"])
    return {
        "kafka": {
            "bootstrap_servers": secured.servers,
            "common": {
                **secured.login("planted", PLANTED["sasl"]),
                "ssl.certificate.location": str(own.chain),
                "ssl.key.location": str(own.key),
                "ssl.key.password": PLANTED["key"],
                "debug": "all",
            },
        },
        "schemas": {
            "framing": "confluent",
            "registry": {
                "url": url.replace("://", f"://{user}@") if in_address else url,
                "register": True,
                "timeout": "5s",
                "properties": {
                    **login,
                    "ssl.ca.location": str(secured.authority.file),
                },
            },
        },
        "server": {"host": "127.0.0.1", "port": 0},
        "logging": {"level": "debug", "libraries": "debug"},
    }


def by_token(secured: SecuredKafka) -> list[str]:
    """Options of a login with a token; the issuer does not know the secret."""
    login = {
        "sasl.mechanism": "OAUTHBEARER",
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.client.id": CLIENT,
        "sasl.oauthbearer.client.secret": PLANTED["client"],
        "sasl.oauthbearer.token.endpoint.url": secured.issuer.endpoint,
    }
    sets = [f"kafka.common.{name}={value}" for name, value in login.items()]
    return [word for each in sets for word in ("--set", each)]


@pytest.mark.parametrize("in_address", [False, True])
def test_a_whole_run_shows_no_secret(
    scoring: Scoring, registry: EmbeddedRegistry, said: Said
) -> None:
    """Not in the log with every debug line, not on any page, not by `check`, not in a `repr`."""
    with SchemaRegistryClient({"url": registry.url}) as client:
        schema = Schema(json.dumps(EVENT), "AVRO")
        number = int(client.register_schema(f"{scoring.source}-value", schema))
    worker = scoring.start()
    scoring.write([Event(prefixed(number, event_value("e0"))), Event(b"no event")])
    wait_for(lambda: worker.process.poll() is None and scoring.scored(), worker.words)
    port = re.search(r'"port": (\d+)', worker.words())
    assert port is not None
    for page in ("metrics", "status", "healthz", "readyz", ""):
        address = f"http://127.0.0.1:{port[1]}/{page}"
        with urllib.request.urlopen(address) as answer:
            said.texts[f"/{page}"] = answer.read().decode()
    assert worker.stop() == 0
    said.texts["the log"] = worker.words()
    assert said.ran({"check": ("check", "-c", str(scoring.config), "--debug")}) == {"check": 0}
    loaded = load(scoring.config, (), {}, need_kafka=True)
    said.texts["repr"] = repr(loaded) + str(loaded) + str(loaded.redacted())

    assert "SaslAuthenticate" in said.texts["the log"]
    assert "HTTP Request: GET https://" in said.texts["the log"]
    assert "planted" in said.texts["the log"]
    assert "sasl.password" in said.texts["/status"]
    assert said.leaks() == []


#: What goes wrong: the setting, its value, the exit code.
WRONG = (
    ("kafka.common.sasl.password", "{wrong}", 4),
    ("kafka.common.sasl.passwort", "{wrong}", 2),
    ("kafka.common.ssl.key.password", "{wrong}", 2),
    ("schemas.registry.properties.basic.auth.user.info", "scorer:{wrong}", 4),
    ("schemas.registry.url", "http://scorer:{address}@127.0.0.1:1", 2),
)


def test_what_goes_wrong_shows_no_secret(
    scoring: Scoring, secured: SecuredKafka, said: Said
) -> None:
    """A wrong password, one in the wrong place, an issuer that refuses: nor with --debug."""
    check = ("check", "-c", str(scoring.config), "--debug")
    commands: dict[str, Sequence[str]] = {
        setting: (*check, "--set", f"{setting}={value.format(**PLANTED)}")
        for setting, value, _ in WRONG
    }
    commands["a token"] = (*check, *by_token(secured))
    codes = said.ran(commands)
    assert codes == {**{setting: code for setting, _, code in WRONG}, "a token": 4}
    assert "invalid_client" in said.texts["a token"]
    assert said.leaks() == []
