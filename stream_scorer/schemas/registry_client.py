"""Confluent's registry client, with its many ways to fail told apart in one place.

A client that is asked gives the answer, or an error with one of Confluent's error codes that the
caller foresees ("no such schema"), or :class:`NoAnswer`, which is all the rest. A 404 alone is a
proxy or a wrong base path as well: only the error code says that the registry itself has spoken.
Every request has a timeout and few retries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlsplit

from stream_scorer.avro.schema import Schema
from stream_scorer.errors import ConfigError, reason

SUBJECT_UNKNOWN, VERSION_UNKNOWN, SCHEMA_UNKNOWN = 40401, 40402, 40403
"""Error codes of Confluent's API that come with a 404."""

_RETRIES: Mapping[str, int] = {
    "max.retries": 1,
    "retries.wait.ms": 100,
    "retries.max.wait.ms": 500,
}

Answer = TypeVar("Answer")


class NoAnswer(Exception):
    """The registry did not give what was asked for; the text says what it did instead."""

    def __init__(self, text: str, status: int = 0, code: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


class RegistryClient:
    """The client and where it asks; ``calls`` are the methods of Confluent's client."""

    def __init__(self, url: str, timeout_seconds: float, properties: Mapping[str, Any]) -> None:
        """Prepare the client; nothing is asked yet.

        Raises:
            ConfigError: it refuses its properties.
        """
        # Here, so that those who configure no registry do without its client's 15 MB.
        from confluent_kafka import schema_registry as confluent  # noqa: PLC0415

        self.url = ",".join(_without_password(each) for each in url.split(","))
        self._confluent = confluent
        settings = {**_RETRIES, **properties, "url": url, "timeout": timeout_seconds}
        try:
            self.calls: Any = confluent.SchemaRegistryClient(settings)
        except (TypeError, ValueError, OSError) as error:
            raise ConfigError(f"`schemas.registry.properties`: {reason(error)}.") from None

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
            if "certificate verify failed" in str(error):
                raise NoAnswer(
                    f"The certificate of the registry {self.url} is refused, asked for {what} "
                    f"({error}); set in `schemas.registry.properties` ssl.ca.location to the "
                    "certificate of the authority that signed it, or have it renewed for this host"
                ) from None
            raise NoAnswer(
                f"The registry {self.url} does not answer, asked for {what} "
                f"({type(error).__name__}: {reason(error)})"
            ) from None

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
        return f"The registry {self.url} answers {error.error_message!r} {asked}"


def _without_password(url: str) -> str:
    parts = urlsplit(url.strip())
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
