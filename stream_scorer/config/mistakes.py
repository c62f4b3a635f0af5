"""Mistakes in a configuration: one sentence each, with the place where the value was set."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from stream_scorer.config.document import Path
from stream_scorer.config.known import nearest
from stream_scorer.config.settings import Settings
from stream_scorer.config.sources import CLIENT_PROPERTIES
from stream_scorer.config.text import Secret
from stream_scorer.errors import ConfigError
from stream_scorer.hiding import without_credentials

#: What is said of a setting that must be there and is not.
REQUIRED = "is required"
_SHOWN = 60
#: No path of a file is so long a word.
_LONG = re.compile(r"\S{200,}")
_MUST = {
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be a text",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a section with keys of its own",
    "string_too_short": "must not be empty",
    "string_too_long": "must fit in a request to a broker",
    "too_short": "must have at least one entry",
}
#: What is said of a value that is no mapping.
_SECTIONS = ("dict_type", "model_type")
_LIMITS = {
    "greater_than": ("gt", "must be more than"),
    "greater_than_equal": ("ge", "must be at least"),
    "less_than": ("lt", "must be less than"),
    "less_than_equal": ("le", "must be at most"),
}
_PATTERNS = {
    "url": "must be an address such as http://registry:8081",
    "context": "must be the name of a context, such as prod",
    "record": "must be a full Avro name, such as com.example.ScoredTransaction",
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """A setting and what is wrong with it: the predicate of a sentence about the setting."""

    path: Path
    predicate: str


def error(mistakes: Iterable[Mistake], origin: Callable[[Path], str]) -> ConfigError:
    """Return one error that names all mistakes, each with where it was written."""
    sentences = []
    for mistake in mistakes:
        where = origin(mistake.path)
        end = "" if mistake.predicate.endswith("?") else "."
        sentence = _LONG.sub(_cut, f"{named(mistake.path)} {mistake.predicate}{end}")
        sentences.append(f"{where}: {sentence}" if where else sentence)
    told = list(dict.fromkeys(sentences))
    if len(told) == 1:
        return ConfigError(told[0])
    return ConfigError("\n- ".join([f"{len(told)} settings are wrong:", *told]))


def named(path: Path) -> str:
    """Return a path as a sentence can name it.

    A key that was meant as a property and its value, ``sasl.password=…``, is cut behind the name.
    """
    if not set(path[:-1]) & set(CLIENT_PROPERTIES):
        return ".".join(path)
    *sections, key = path
    name = re.split(r"[^\w.-]", key, maxsplit=1)[0]
    return ".".join([*sections, key if name == key else f"{name}…"])


def _cut(word: re.Match[str]) -> str:
    return shortened(word[0])


def mistakes_of(invalid: ValidationError) -> Iterator[Mistake]:
    """Yield the mistakes that pydantic found, in the words of the configuration."""
    for found in invalid.errors(include_url=False):
        path = tuple(str(part) for part in found["loc"] if part != "[key]")
        yield Mistake(path, _predicate(path, found))


def given_instead(section: type[BaseModel], key: str, option: str, value: str) -> Any:
    """Return what an option gives in place of a setting, by the rules of that setting.

    Raises:
        ConfigError: it breaks them; the sentence names the option.
    """
    described = section.model_fields[key]
    rule: Any = Annotated[described.annotation, described]
    try:
        return TypeAdapter(rule).validate_python(value)
    except ValidationError as invalid:
        found = invalid.errors(include_url=False)[0]
        raise ConfigError(f"{option} {_predicate((key,), found)}.") from None


def section_at(path: Path) -> type[BaseModel] | None:
    """Return the class of the settings below ``path``, if there are any."""
    section: type[BaseModel] = Settings
    for key in path:
        inner = _sections(section).get(key)
        if inner is None:
            return None
        section = inner
    return section


def _sections(section: type[BaseModel]) -> dict[str, type[BaseModel]]:
    found = {}
    for name, described in section.model_fields.items():
        for option in (described.annotation, *get_args(described.annotation)):
            if isinstance(option, type) and issubclass(option, BaseModel):
                found[described.alias or name] = option
    return found


def keys_of(section: type[BaseModel]) -> list[str]:
    """Return the keys of a section as they stand in the file."""
    return [described.alias or name for name, described in section.model_fields.items()]


def _all_keys(section: type[BaseModel], path: Path = ()) -> Iterator[Path]:
    for key in keys_of(section):
        yield (*path, key)
    for key, inner in _sections(section).items():
        yield from _all_keys(inner, (*path, key))


def _predicate(path: Path, found: Any) -> str:
    if found["type"] == "missing":
        return REQUIRED
    if found["type"] == "extra_forbidden":
        return "is not a setting" + _suggestion(path)
    # An address may hold a password even where its scheme is missing, so it is not repeated.
    shown = "" if path[-1] == "url" else _shown(found["input"])
    if found["type"] in _SECTIONS and isinstance(found["input"], str):
        # It may be a property and its value, such as `sasl.password=…`, so it is not repeated.
        shown = ", not a text; write `key: value`, with a space behind the colon"
    return _demand(path, found["type"], found.get("ctx", {}), found["msg"]) + shown


def _demand(path: Path, kind: str, context: Any, message: str) -> str:
    if kind == "literal_error":
        return f"must be {context['expected'].replace(chr(39), '')}"
    if kind in _LIMITS:
        name, words = _LIMITS[kind]
        return f"{words} {context[name]:g}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch":
        return _PATTERNS[path[-1]]
    return _MUST.get(kind, message)


def shortened(value: str) -> str:
    """Return a value as a sentence can hold it."""
    return value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…"


def _shown(value: Any) -> str:
    if value is None:
        return ", but it is empty"
    if isinstance(value, Secret):
        return ", but what its file holds is not"
    if isinstance(value, bool):
        return f", not {str(value).lower()}"
    if isinstance(value, str):
        return f", not {without_credentials(shortened(value))!r}"
    if isinstance(value, int | float):
        return f", not {shortened(str(value))}"
    return f", not a {'mapping' if isinstance(value, dict) else 'list'}" if value else ""


def _suggestion(path: Path) -> str:
    section = section_at(path[:-1])
    close = nearest(path[-1], keys_of(section)) if section else None
    if close:
        return f"; did you mean {'.'.join((*path[:-1], close))}?"
    elsewhere = {full[-1]: full for full in _all_keys(Settings)}
    close = nearest(path[-1], elsewhere)
    if close:
        return f"; did you mean {'.'.join(elsewhere[close])}?"
    return f"; there are {', '.join(keys_of(section))}" if section else ""
