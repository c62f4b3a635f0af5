"""The embedded registry is a real one: it keeps ids, checks compatibility, and can hang."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from stream_scorer.local.registry import EmbeddedRegistry

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.registry


def record(*fields: dict[str, Any]) -> str:
    """A record schema as JSON text."""
    return json.dumps({"type": "record", "name": "Event", "fields": list(fields)})


def ask(url: str, body: dict[str, str] | None = None, login: str | None = None) -> Any:
    """One call of the registry's API, with a JSON answer; anything but 200 raises HTTPError."""
    headers = {"Content-Type": "application/vnd.schemaregistry.v1+json"}
    if login is not None:
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    payload = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, payload, headers), timeout=2) as answer:  # noqa: S310 - our registry
        return json.load(answer)


def register(registry: EmbeddedRegistry, subject: str, schema: str) -> int:
    """Registers a schema and returns its id."""
    given: int = ask(f"{registry.url}/subjects/{subject}/versions", {"schema": schema})["id"]
    return given


def test_a_registered_schema_is_found_by_its_id(registry: EmbeddedRegistry) -> None:
    """As the writer of an event registers it and the reader of the event asks for it."""
    schema = record({"name": "amount", "type": "double"})
    number = register(registry, "found-value", schema)
    assert json.loads(ask(f"{registry.url}/schemas/ids/{number}")["schema"]) == json.loads(schema)


def test_an_incompatible_schema_is_refused(registry: EmbeddedRegistry) -> None:
    """The default is BACKWARD, as in Confluent's registry, and not Apicurio's NONE."""
    register(registry, "evolving-value", record())
    with pytest.raises(HTTPError) as refusal:
        register(registry, "evolving-value", record({"name": "new", "type": "long"}))
    refusal.value.close()
    assert refusal.value.code == 409
    register(registry, "evolving-value", record({"name": "new", "type": "long", "default": 0}))


def test_ids_survive_a_kill_and_a_restart(tmp_path: Path) -> None:
    """On the same address; and a registry that hangs goes on where it was."""
    with EmbeddedRegistry(folder=tmp_path) as registry:
        url = registry.url
        number = register(registry, "kept-value", record())
        registry.pause()
        with pytest.raises(TimeoutError):
            ask(f"{url}/schemas/ids/{number}")
        registry.resume()
        registry.kill()
        with pytest.raises(OSError, match="refused"):
            ask(f"{url}/schemas/ids/{number}")
        registry.start()
        assert registry.url == url
        registry.restart()
        assert json.loads(ask(f"{url}/schemas/ids/{number}")["schema"]) == json.loads(record())


def test_a_password_can_be_demanded_and_nothing_remains() -> None:
    """Every setting of Quarkus can be given, and a stopped registry answers no more."""
    properties = {
        "quarkus.http.auth.basic": "true",
        "quarkus.security.users.embedded.enabled": "true",
        "quarkus.security.users.embedded.plain-text": "true",
        "quarkus.security.users.embedded.users.alice": "secret",
        "quarkus.security.users.embedded.roles.alice": "sr-admin",
        "quarkus.http.auth.permission.api.paths": "/apis/*",
        "quarkus.http.auth.permission.api.policy": "authenticated",
    }
    with EmbeddedRegistry(properties=properties) as registry:
        folder = registry.logs().parent
        subjects = f"{registry.url}/subjects"
        with pytest.raises(HTTPError) as refusal:
            ask(subjects, login="alice:wrong")
        refusal.value.close()
        assert refusal.value.code == 401
        assert ask(subjects, login="alice:secret") == []
    assert not folder.exists()
    with pytest.raises(OSError, match="refused"):
        ask(subjects)
