"""Confluent's registry client, with its many ways to fail told apart in one place.

A client that is asked gives the answer, or an error with one of Confluent's error codes that the
caller foresees ("no such schema"), or :class:`NoAnswer`, which is all the rest. A 404 alone is a
proxy or a wrong base path as well: only the error code says that the registry itself has spoken.
Every request has a timeout and few retries.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

from stream_scorer.avro.schema import Schema
from stream_scorer.errors import ConfigError, reason
from stream_scorer.hiding import HIDDEN, without_credentials

SUBJECT_UNKNOWN, VERSION_UNKNOWN, SCHEMA_UNKNOWN = 40401, 40402, 40403
"""Error codes of Confluent's API that come with a 404."""

_RETRIES: Mapping[str, int] = {
    "max.retries": 1,
    "retries.wait.ms": 100,
    "retries.max.wait.ms": 500,
}

# What the client raises for JSON in which it does not know a word, such as a new kind of rule.
_UNREADABLE = (ValueError, TypeError, AttributeError)

Answer = TypeVar("Answer")


class NoAnswer(Exception):
    """The registry did not give what was asked for; the text says what it did instead."""

    def __init__(self, text: str, status: int = 0, code: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


class RegistryClient:
    """The client and where it asks; ``calls`` are the methods of Confluent's client."""

    def __init__(
        self,
        url: str,
        timeout_seconds: float,
        properties: Mapping[str, Any],
        hide: Callable[[str], str] = without_credentials,
    ) -> None:
        """Prepare the client; nothing is asked yet. ``hide`` takes secrets out of what it says.

        Raises:
            ConfigError: it refuses its properties.
        """
        # Here, so that those who configure no registry do without its client's 15 MB.
        from confluent_kafka import schema_registry as confluent  # noqa: PLC0415

        self.url = without_credentials(url).replace(f"{HIDDEN}@", "")
        self._hide = hide
        self._confluent = confluent
        settings = {**_RETRIES, **properties, "url": url, "timeout": timeout_seconds}
        try:
            self.calls: Any = confluent.SchemaRegistryClient(settings)
        except Exception as error:  # noqa: BLE001 - whatever a property does to it and its libraries
            why = hide(reason(error))
            raise ConfigError(f"`schemas.registry.properties`: {why}.") from None

    def close(self) -> None:
        """Close the connections."""
        self.calls.close()

    def schema(self, schema: Schema) -> Any:
        """Return a schema in the form that the calls take."""
        return self._confluent.Schema(schema.text, "AVRO")

    def known(self, what: str, call: Callable[[], Answer], *unknown: int) -> Answer | None:
        """Make a call; ``None`` stands for 404 with one of the given error codes.

        Raises:
            NoAnswer: anything else but an answer.
        """
        try:
            return self.ask(what, call)
        except NoAnswer as error:
            if error.status == HTTPStatus.NOT_FOUND and error.code in unknown:
                return None
            raise

    def ask(self, what: str, call: Callable[[], Answer]) -> Answer:
        """Make a call; ``what`` says in errors what was asked for.

        Raises:
            NoAnswer: anything but an answer.
        """
        try:
            return call()
        except self._confluent.SchemaRegistryError as error:
            text = self._refusal(error, what)
            raise NoAnswer(text, error.http_status_code, error.error_code) from None
        except Exception as error:  # noqa: BLE001 - its HTTP library's errors have no public names
            raise self._failure(error, what) from None

    def _failure(self, error: Exception, what: str) -> NoAnswer:
        why = self._hide(f"{type(error).__name__}: {reason(error)}")
        if "certificate verify failed" in why:
            return NoAnswer(
                f"The certificate of the registry {self.url} is refused, asked for {what} "
                f"({why}); set in `schemas.registry.properties` ssl.ca.location to the "
                "certificate of the authority that signed it, or have it renewed for this host"
            )
        if isinstance(error, _UNREADABLE) and not isinstance(error, json.JSONDecodeError):
            return NoAnswer(
                f"The answer of the registry {self.url} can't be read by its client, asked for "
                f"{what} ({why})",
                HTTPStatus.OK,
            )
        return NoAnswer(f"The registry {self.url} does not answer, asked for {what} ({why})")

    def _refusal(self, error: Any, what: str) -> str:
        status, code = error.http_status_code, error.error_code
        if status == HTTPStatus.UNAUTHORIZED:
            return (
                f"The registry {self.url} refuses the credentials that "
                f"`schemas.registry.properties` holds (HTTP 401 Unauthorized, asked for {what}); "
                "correct them (basic.auth.user.info and the like)"
            )
        if status == HTTPStatus.FORBIDDEN:
            return (
                f"The registry {self.url} refuses access to {what} (HTTP 403 Forbidden); grant the "
                "right to it to the user whose credentials `schemas.registry.properties` holds "
                "(basic.auth.user.info and the like)"
            )
        asked = f"(HTTP {status}, asked for {what})"
        if status == HTTPStatus.NOT_FOUND and (code or 0) < SUBJECT_UNKNOWN:
            return (
                f"The registry {self.url} has no such path; `schemas.registry.url` must be the "
                f"base of a Confluent-compatible API {asked}"
            )
        return self._hide(f"The registry {self.url} answers {error.error_message!r} {asked}")
