"""What a subject's configuration says of its next version: may it come, does it get rules."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from typing import Any

from stream_scorer.schemas.registered import encryption_in
from stream_scorer.schemas.registry_client import (
    SUBJECT_UNKNOWN,
    VERSION_UNKNOWN,
    NoAnswer,
    RegistryClient,
)

_NO_SUCH_CALL = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)


def would_take(client: RegistryClient, subject: str, schema: Any) -> bool:
    """Return the registry's judgement of a new version.

    It is judged against the latest version, and against all of them where the rule of the subject
    is about all: registries differ in what they make of the question about all under another rule.

    Args:
        client: who is asked.
        subject: the subject's full name.
        schema: a schema in the form that the client's calls take.

    Raises:
        NoAnswer: the registry does not say.
    """
    what = f"the compatibility of a new version of subject {subject}"
    unknown = (SUBJECT_UNKNOWN, VERSION_UNKNOWN)
    latest = client.known(what, partial(client.calls.test_compatibility, subject, schema), *unknown)
    level = _configured(client, subject, "compatibility_level") if latest else None
    if not str(level).endswith("_TRANSITIVE"):
        return latest is None or bool(latest)
    every = partial(client.calls.test_compatibility_all_versions, subject, schema)
    try:
        return client.known(what, every, *unknown) in {None, True}
    except NoAnswer as error:
        if error.status in _NO_SUCH_CALL:
            return True  # not every registry can be asked
        raise


def encryption_by(client: RegistryClient, subject: str) -> str:
    """Return name and type of the rules that make new versions' events ciphertext, or nothing."""
    sets = (
        _configured(client, subject, each) for each in ("override_rule_set", "default_rule_set")
    )
    return encryption_in(*sets)


def _configured(client: RegistryClient, subject: str, attribute: str) -> Any:
    """Return what the subject's configuration has, or else the registry's; ``None`` if neither."""
    found = (getattr(each, attribute) for each in _configurations(client, subject))
    return next((each for each in found if each is not None), None)


def _configurations(client: RegistryClient, subject: str) -> Iterator[Any]:
    for given in (subject, None):
        call = partial(client.calls.get_config, given)
        try:
            yield client.ask(f"the configuration of subject {subject}", call)
        except NoAnswer:
            continue  # the subject has none of its own, or it is for others to read
