"""A Confluent-compatible schema registry as a source of schemas.

At run time a registry has three answers: the schema; "unknown", which is HTTP 404 with error code
40403; and none, which is every other: the events then wait and keep their place. If it says at
least something, it may have other schemas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from stream_scorer.avro.framing import ByFingerprint, ByGuid, ById, SchemaKey
from stream_scorer.avro.schema import Schema, alike
from stream_scorer.contexts import configured_context, without_default_context
from stream_scorer.errors import ConfigError, ContractError, Unanswered, Unreachable, Withheld
from stream_scorer.hiding import without_credentials
from stream_scorer.schemas.registered import encryption_in, read_registered
from stream_scorer.schemas.registry_client import (
    SCHEMA_UNKNOWN,
    SUBJECT_UNKNOWN,
    VERSION_UNKNOWN,
    NoAnswer,
    RegistryClient,
)
from stream_scorer.schemas.source import LARGEST_ID
from stream_scorer.schemas.subject_rules import encryption_by, would_take

_SCHEMA_REFUSED = (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)


class RegistrySchemas:
    """Schemas of one context of a registry: by id and GUID, and by fingerprint those of subjects.

    Every subject is asked for with its context. An id means a schema within its context only, and
    it is asked for within that alone: the default context may have another schema under it.

    Close it, or use it in a ``with`` statement.
    """

    def __init__(
        self,
        url: str,
        timeout_seconds: float = 2.0,
        properties: Mapping[str, Any] | None = None,
        subjects: Sequence[str] = (),
        context: str | None = None,
        *,
        hide: Callable[[str], str] = without_credentials,
    ) -> None:
        """Prepare the client; nothing is asked yet.

        Args:
            url: the base of the Confluent API; several with commas between are tried in order.
            timeout_seconds: how long one request may take to connect, and to answer.
            properties: further properties of the client.
            subjects: whose versions an event may be of. In single-object framing it must be one of
                them; in a context other than the default one, an id is looked for in them first.
            context: the name of the context, unless ``url`` has it or it is the default one.
            hide: returns a text of the client, or of the registry, without the secrets in it.

        Raises:
            ConfigError: the client refuses its properties, or two contexts are named.
        """
        try:
            self._context = configured_context(context, url)
        except ValueError as error:
            raise ConfigError(f"schemas.registry {error}.") from None
        address = without_default_context(url)
        self._client = RegistryClient(address, timeout_seconds, properties or {}, hide)
        self._subjects = tuple(map(self.full_name, subjects))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def full_name(self, subject: str) -> str:
        """Return a subject's name with its context, as the registry is asked for it."""
        return self._context.subject(subject)

    def find(self, key: SchemaKey) -> Schema | None:
        """Return the schema of an id, GUID or fingerprint, or ``None`` if the registry has none.

        Raises:
            Withheld: the registry answers with an error, or refuses to answer.
            Unanswered: it does not answer.
            SchemaGone: it has the schema, and no longer one that it refers to.
            ContractError: what it has is not an Avro schema that can be read.
        """
        try:
            match key:
                case ById(number):
                    return self._by_id(number)
                case ByGuid(guid):
                    return self._by_guid(guid)
                case ByFingerprint(fingerprint):
                    return self._by_fingerprint(fingerprint)
        except NoAnswer as error:
            if error.status > 0:
                raise Withheld(f"{error}; the events that need it wait until then.") from None
            raise Unanswered(f"{error}; the events wait until it answers.") from None
        return None

    def latest(self, subject: str) -> Schema:
        """Return the latest version of a subject; to be asked at start.

        Raises:
            ConfigError: there is no such subject.
            ContractError: it is not an Avro schema that can be read.
            Unreachable: the registry does not answer, or refuses to.
        """
        subject = self.full_name(subject)
        what = f"the latest version of subject {subject}"
        with _at_start():
            found = self._client.known(
                what, partial(self._client.calls.get_version, subject, "latest"), SUBJECT_UNKNOWN
            )
            if found is not None:
                return self._read(what, found.schema)
        raise ConfigError(
            f"The registry {self._client.url} has no subject {subject}: register the schema that "
            "this scorer reads, or name its file in `schemas.reader`."
        )

    def lookup(self, subject: str, schema: Schema) -> int | None:
        """Return the id that a subject has a schema under, or ``None``; to be asked at start.

        Raises:
            ContractError: events under it are encrypted.
            Unreachable: the registry does not answer, or refuses to.
        """
        subject, asked = self.full_name(subject), self._client.schema(schema)
        with _at_start():
            for normalize in (False, True):
                found = self._client.known(
                    f"the scored event's schema under subject {subject}",
                    partial(self._client.calls.lookup_schema, subject, asked, normalize),
                    SUBJECT_UNKNOWN,
                    SCHEMA_UNKNOWN,
                )
                if found is not None:
                    return self._plain(int(found.schema_id), subject)
        return None

    def alike(self, subject: str, schema: Schema) -> int | None:
        """Return the id of a subject's newest version that is ``alike`` a schema; at start.

        Raises:
            Unreachable: the registry does not answer, or refuses to.
        """
        with _at_start():
            for _, number, version in self._versions(self.full_name(subject), newest_first=True):
                if isinstance(version, Schema) and alike(version, schema):
                    return number
        return None

    def register(self, subject: str, schema: Schema) -> int:
        """Register a schema under a subject, unless it is there, and return its id; at start.

        Raises:
            ContractError: the registry refuses the schema, as incompatible with earlier versions,
                or events under it are encrypted.
            Unreachable: the registry does not answer, or refuses to.
        """
        subject, asked = self.full_name(subject), self._client.schema(schema)
        call = partial(self._client.calls.register_schema, subject, asked)
        with _at_start():
            _refuse_ciphertext(f"subject {subject}", encryption_by(self._client, subject))
            try:
                number = int(self._client.ask(f"a new version of subject {subject}", call))
            except NoAnswer as error:
                if error.status not in _SCHEMA_REFUSED:
                    raise
                raise ContractError(
                    f"{error}; the scored event's schema must be compatible with the earlier "
                    f"versions of subject {subject}, or `schemas.registry.subject` name another."
                ) from None
            return self._plain(number, subject)

    def _plain(self, number: int, subject: str) -> int:
        """Return an id to write under, unless who reads by it is known to expect ciphertext.

        The id is asked for without its subject: with it the client has what it sent itself.
        """
        what = f"{ById(number)} of subject {subject}"
        context = self._context.of_subject(subject).prefix or None
        call = partial(self._client.calls.get_schema, number, context)
        try:
            found = self._client.known(what, call, SCHEMA_UNKNOWN, SUBJECT_UNKNOWN)
        except NoAnswer as error:
            if error.status != HTTPStatus.FORBIDDEN:  # the subject alone may be granted
                raise
            return number
        if found is not None:
            _refuse_ciphertext(what, encryption_in(found.rule_set))
        return number

    def compatible(self, subject: str, schema: Schema) -> bool:
        """Return whether a subject would take a schema as its next version; at start.

        Raises:
            ContractError: the events of what is registered there are encrypted.
            Unreachable: the registry does not answer, or refuses to.
        """
        subject = self.full_name(subject)
        with _at_start():
            _refuse_ciphertext(f"subject {subject}", encryption_by(self._client, subject))
            return would_take(self._client, subject, self._client.schema(schema))

    def versions(self, subject: str) -> dict[int, Schema | ContractError]:
        """Return all versions of a subject, oldest first, none if it is unknown; at start.

        A version that is not a readable Avro schema is represented by the error that says why.

        Raises:
            Unreachable: the registry does not answer, or refuses to.
        """
        with _at_start():
            versions = self._versions(self.full_name(subject))
            return {version: schema for version, _, schema in versions}

    def _versions(
        self, subject: str, *, newest_first: bool = False, deleted: bool = False
    ) -> Iterator[tuple[int, int, Schema | ContractError]]:
        """Yield number, id and schema of each version, each asked for when it is its turn."""
        listing = partial(self._client.calls.get_versions, subject, deleted=deleted)
        listed = self._client.known(f"the versions of subject {subject}", listing, SUBJECT_UNKNOWN)
        for version in sorted(listed or (), reverse=newest_first):
            what = f"version {version} of subject {subject}"
            call = partial(self._client.calls.get_version, subject, version, deleted=deleted)
            found = self._client.known(what, call, SUBJECT_UNKNOWN, VERSION_UNKNOWN)
            if found is None:
                continue  # deleted in the meantime
            try:
                schema: Schema | ContractError = self._read(what, found.schema)
            except ContractError as error:
                schema = error
            yield int(version), int(found.schema_id), schema

    def _by_id(self, number: int) -> Schema | None:
        if number > LARGEST_ID:
            return None
        what = str(ById(number))
        for subject in self._where_ids_are():
            call = partial(self._client.calls.get_schema, number, subject)
            found = self._client.known(what, call, SCHEMA_UNKNOWN, SUBJECT_UNKNOWN)
            if found is not None:
                return self._read(what, found)
        return None

    def _where_ids_are(self) -> Iterator[str | None]:
        """Yield what to qualify an id with: the subjects, then the context alone.

        A registry looks for the id in that subject only, and an event may be of another, such as
        its record's name. Without a context the registry takes the default one.
        """
        if not self._context.prefix:
            yield None
            return
        yield from self._subjects
        yield self._context.prefix

    def _by_guid(self, guid: UUID) -> Schema | None:
        what = str(ByGuid(guid))
        try:
            found = self._client.ask(
                what, partial(self._client.calls.get_schema_by_guid, str(guid))
            )
        except NoAnswer as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            if error.code != SCHEMA_UNKNOWN:
                # Registries without GUIDs have no such path. This is one if it has the others.
                self._client.ask("its schema types", self._client.calls.get_schema_types)
            return None
        return self._read(what, found)

    def _by_fingerprint(self, fingerprint: bytes) -> Schema | None:
        for subject in self._subjects:
            # Events of a version outlive it.
            for _, _, schema in self._versions(subject, deleted=True):
                # An event can't be of a schema that is no Avro.
                if isinstance(schema, Schema) and schema.fingerprint == fingerprint:
                    return schema
        return None

    def _read(self, what: str, registered: Any) -> Schema:
        return read_registered(self._client, what, registered, self._context)


def _refuse_ciphertext(what: str, rules: str) -> None:
    if rules:
        raise ContractError(
            f"In the registry, {what} has the encryption rule {rules}: who reads it expects "
            "ciphertext, and stream-scorer has no keys. Name a subject without such rules in "
            "`schemas.registry.subject`."
        )


@contextmanager
def _at_start() -> Iterator[None]:
    """Turn no answer into a refusal to start."""
    try:
        yield
    except NoAnswer as error:
        raise Unreachable(f"{error}.") from None
