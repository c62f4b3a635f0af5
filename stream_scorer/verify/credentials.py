"""Client properties for ``verify``, from ``-X`` options or a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from stream_scorer.config.known import complete_for_installed_client, known, nearest
from stream_scorer.config.properties import is_secret
from stream_scorer.config.reserved import reasons
from stream_scorer.config.sources import read_text
from stream_scorer.config.text import Secret
from stream_scorer.errors import ConfigError

#: Marks a value that is read from a file, as in a worker's configuration.
_REFERENCE = "file:"
#: Suffixes of properties whose value is a path.
_PATHS = (".location", ".keytab", ".file")


def properties_of(given: Iterable[str], file: Path | None) -> dict[str, str]:
    """Return the properties of ``key=value`` words, and of a file with one property a line.

    Words override the file. Paths become absolute, because the workers run in another folder.

    The file has the format of Kafka's own tools and of kcat: empty lines and lines that begin with
    ``#`` are ignored.

    Raises:
        ConfigError: a property has no value, is not a property of the clients, or can't be set.
    """
    lines = _lines(file) if file is not None else ()
    words = (("-X", word) for word in given)
    return dict(_property(origin, word) for origin, word in (*lines, *words))


def resolved(properties: Mapping[str, str]) -> dict[str, str]:
    """Return the properties with each ``file:/path`` replaced by the file's content.

    Raises:
        ConfigError: a file can't be read.
    """
    return {
        name: _content(name, value) if value.startswith(_REFERENCE) else value
        for name, value in properties.items()
    }


def _content(name: str, value: str) -> str:
    path = Path(value.removeprefix(_REFERENCE))
    return Secret(read_text(path, f"{name}: the file {path}").removesuffix("\n"))


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    text = read_text(file, f"--properties: the file {file}")
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield f"{file}, line {number}:", line


def _property(origin: str, word: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in word.partition("="))
    if not (name and equals):
        raise ConfigError(f"{origin} {name} must be key=value, such as security.protocol=SASL_SSL.")
    refused, allowed = reasons("common"), known("common")
    if name in ("bootstrap.servers", "metadata.broker.list"):
        raise ConfigError(f"{origin} {name} is set by --bootstrap-servers.")
    if name in refused:
        raise ConfigError(f"{origin} {name} can't be set: it {refused[name]}.")
    if name not in allowed and complete_for_installed_client():
        close = nearest(name, allowed)
        hint = f"; did you mean {close}?" if close else "."
        raise ConfigError(f"{origin} {name} is not a librdkafka property of both clients{hint}")
    return name, _value(name, value)


def _value(name: str, value: str) -> str:
    if value.startswith(_REFERENCE):
        return f"{_REFERENCE}{Path(value.removeprefix(_REFERENCE)).absolute()}"
    if name.endswith(_PATHS):
        return str(Path(value).absolute())
    return Secret(value) if is_secret(name) else value
