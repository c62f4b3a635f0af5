"""Whether a subject would take a schema as its next version, without registering it."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Any

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
    if latest is None or not latest or not _is_about_all(client, subject):
        return latest is None or bool(latest)
    every = partial(client.calls.test_compatibility_all_versions, subject, schema)
    try:
        return bool(client.known(what, every, *unknown) in {None, True})
    except NoAnswer as error:
        if error.status in _NO_SUCH_CALL:
            return True  # not every registry can be asked
        raise


def _is_about_all(client: RegistryClient, subject: str) -> bool:
    """Return whether the rule of the subject, or else that of the registry, is a transitive one."""
    what = f"the compatibility rule of subject {subject}"
    for given in (subject, None):
        try:
            rule = client.ask(what, partial(client.calls.get_compatibility, given))
        except NoAnswer:
            continue  # the subject has none of its own, or rules are for others to read
        return str(rule).endswith("_TRANSITIVE")
    return False
