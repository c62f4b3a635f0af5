"""The sources of settings: a file, the environment, ``--set``; the later wins.

The result is a tree of plain values and, for each path in it, a word on where it came from, so
that an error can name the line, the variable or the option.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from stream_scorer.config import known
from stream_scorer.config.document import Path, parse, parse_value
from stream_scorer.errors import ConfigError, reason

PREFIX = "STREAM_SCORER__"
CLIENT_PROPERTIES = ("common", "consumer", "producer", "properties", "session")
#: Below these the rest of a path is one key: property names and field paths contain dots.
WHOLE_KEYS = (*CLIENT_PROPERTIES, "inputs", "outputs", "fields")
#: Paths that are relative to the file that they stand in.
FILE_PATHS = (("model", "path"), ("schemas", "directory"), ("schemas", "reader"))


@dataclass(frozen=True, slots=True)
class Assignment:
    """One value for one path, and where it came from."""

    path: Path
    value: Any
    origin: str


@dataclass(slots=True)
class Gathered:
    """The values of all sources, merged, and where each came from."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Path, str] = field(default_factory=dict)

    def origin(self, path: Path) -> str:
        """Return where the value at ``path``, in it, or around it, came from: the nearest."""
        inside = (origin for p, origin in self.origins.items() if p[: len(path)] == path)
        if path not in self.origins and (found := next(inside, None)):
            return found
        for length in range(len(path), -1, -1):
            if path[:length] in self.origins:
                return self.origins[path[:length]]
        return ""

    def assign(self, assignment: Assignment) -> None:
        """Put a value in its place, on top of what is there.

        Raises:
            ConfigError: the place is inside a list or a single value.
        """
        place = self.values
        for position, key in enumerate(assignment.path[:-1]):
            inner = place.get(key)
            if inner is not None and not isinstance(inner, dict):
                above = ".".join(assignment.path[: position + 1])
                raise ConfigError(
                    f"{assignment.origin}: {above} is a single setting and has no "
                    f"{assignment.path[position + 1]}; set {above} as a whole."
                )
            place[key] = inner = {} if inner is None else inner
            place = inner
        place[assignment.path[-1]] = assignment.value
        path = assignment.path
        for overridden in [p for p in self.origins if p[: len(path)] == path]:
            del self.origins[overridden]
        self.origins[path] = assignment.origin


def gather(file: FilePath | None, overrides: Sequence[str], environ: Mapping[str, str]) -> Gathered:
    """Read all sources and merge them.

    Raises:
        ConfigError: one can't be read or understood.
    """
    gathered = from_file(file) if file else Gathered()
    for assignment in from_environment(environ):
        gathered.assign(assignment)
    for assignment in from_overrides(overrides):
        gathered.assign(assignment)
    return gathered


def from_file(file: FilePath) -> Gathered:
    """Read the YAML file; relative paths to models and schemas become relative to its folder."""
    document = parse(read_text(file, f"the configuration {file}"), str(file))
    if document.values is None:
        return Gathered({}, {(): str(file)})
    if not isinstance(document.values, dict):
        raise ConfigError(f"{file}: a configuration is a mapping of sections, such as `kafka:`.")
    for section, key in FILE_PATHS:
        inner = document.values.get(section)
        if not isinstance(inner, dict):
            continue
        written = inner.get(key)
        if isinstance(written, str) and written and not written.startswith("file:"):
            inner[key] = str(file.parent / written)
    origins = {path: f"{file}:{line}" for path, line in document.lines.items()}
    return Gathered(document.values, {**origins, (): str(file)})


def from_environment(environ: Mapping[str, str]) -> Iterator[Assignment]:
    """Yield what the ``STREAM_SCORER__*`` variables set, whole sections before their parts."""
    found = [name for name in environ if name.startswith(PREFIX)]
    for name in sorted(found, key=lambda name: (name.count("__"), name)):
        keys = name.removeprefix(PREFIX).lower().split("__")
        if not all(keys):
            raise ConfigError(
                f"{name} does not name a setting; separate the parts with two underscores, as in "
                f"{PREFIX}KAFKA__GROUP_ID."
            )
        yield Assignment(_variable_path(name, keys), parse_value(environ[name], name), name)


def from_overrides(overrides: Sequence[str]) -> Iterator[Assignment]:
    """Yield what ``--set a.b=value`` options set, in their order."""
    for override in overrides:
        name, equals, text = override.partition("=")
        keys = name.strip().split(".")
        if not equals or not all(keys):
            # What stands there may be a secret, so it is not repeated.
            raise ConfigError(
                "--set takes a setting and its value, as in --set batching.max_records=512."
            )
        origin = f"--set {name.strip()}"
        yield Assignment(_whole_key(keys, "."), parse_value(text, origin), origin)


def read_text(file: FilePath, what: str) -> str:
    """Return the text of a file.

    Raises:
        ConfigError: it can't be read, or is not UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{what} is not a UTF-8 text.") from None
    except OSError as error:
        raise ConfigError(f"{what} can't be read: {reason(error)}.") from None


def _whole_key(keys: list[str], joint: str) -> Path:
    for position, key in enumerate(keys[:-1], start=1):
        if key in WHOLE_KEYS:
            return (*keys[:position], joint.join(keys[position:]))
    return tuple(keys)


def _variable_path(name: str, keys: list[str]) -> Path:
    path = _whole_key(keys, "__")
    section = path[-2] if len(path) > 1 else ""
    if section not in CLIENT_PROPERTIES:
        return path
    resolved = known.from_environment(section, path[-1])
    if resolved is None:
        close = known.nearest(path[-1], known.known(section))
        hint = f"; the nearest is {close}" if close else ""
        raise ConfigError(
            f"{name} does not name a known property of {'.'.join(path[:-1])}{hint}. A property "
            "that is new or rare can be set in the file, or with --set."
        )
    return (*path[:-1], resolved)
