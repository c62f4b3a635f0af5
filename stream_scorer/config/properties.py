"""Properties that are handed on to a client: one key each, dots included."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainValidator, WithJsonSchema

from stream_scorer.config.text import Secret, Text, WrittenFloat, WrittenInt, sound, visible

_SECRET_NAMES = re.compile(
    r"password|passphrase|secret|token$|user\.info|\.pem$|private\.key|jaas"
    r"|sasl\.oauthbearer\.config|^ssl[._]key$",
    re.IGNORECASE,
)


def is_secret(name: str) -> bool:
    """Return whether a client property of this name holds a credential."""
    return _SECRET_NAMES.search(name) is not None


def _scalar(value: Any) -> Any:
    if isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Mapping):
        raise ValueError(  # noqa: TRY004 - pydantic lets a TypeError through
            "must be one value; the dots are part of the key, as in sasl.password"
        )
    raise ValueError("must be a text, a number, true or false")


def _property_text(value: Any) -> Any:
    value = _scalar(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, WrittenInt | WrittenFloat):
        return value.written
    return value if isinstance(value, str) else str(value)


def session_text(value: Any) -> Any:
    """Return an option of ONNX Runtime as the text that it takes; ``true`` is ``1``."""
    value = _scalar(value)
    return str(int(value)) if isinstance(value, bool) else _property_text(value)


def _registry_scalar(value: Any) -> Any:
    value = _scalar(value)
    return visible(sound(value)) if isinstance(value, str) else value


def _hide_secrets(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _hidden(value) if is_secret(name) else _plain(value)
        for name, value in properties.items()
    }


def _hidden(value: Any) -> Secret:
    return Secret(getattr(value, "written", str(value)), file=getattr(value, "file", None))


def _plain(value: Any) -> Any:
    if isinstance(value, WrittenInt):
        return int(value)
    return float(value) if isinstance(value, WrittenFloat) else value


_ANY_SCALAR = WithJsonSchema({"type": ["string", "number", "boolean"]})

Properties = Annotated[
    dict[str, Annotated[Text, BeforeValidator(_property_text), _ANY_SCALAR]],
    AfterValidator(_hide_secrets),
]
"""Properties of librdkafka, as text."""

SessionEntries = dict[str, Annotated[Text, BeforeValidator(session_text), _ANY_SCALAR]]
"""Session config entries of ONNX Runtime, as text: ``true`` is ``1``."""

RegistryProperties = Annotated[
    dict[str, Annotated[Any, PlainValidator(_registry_scalar), _ANY_SCALAR]],
    AfterValidator(_hide_secrets),
]
"""Properties of the registry client, which tells numbers from text."""
