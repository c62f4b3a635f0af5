"""``init``: a configuration to begin with, inferred from a model and a schema."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stream_scorer.avro.schema import Schema, leaf_paths
from stream_scorer.check.model import fields_that_must_not_be_nan
from stream_scorer.check.wording import some, type_text
from stream_scorer.columns import FieldType
from stream_scorer.config.commented import Draft, written
from stream_scorer.config.text import sound
from stream_scorer.errors import ConfigError, RefusesToStart
from stream_scorer.files import NewFiles, unwritable
from stream_scorer.model.features import FeatureMap, map_features
from stream_scorer.model.fields import Missing, has_null
from stream_scorer.model.guesses import Guess, guess, is_label
from stream_scorer.model.outputs import OutputMap, legal_name, map_outputs
from stream_scorer.model.session import Model, load_model
from stream_scorer.pipeline.sources import read_schema

_PROVENANCE = ("model", "source", "scored_at")
#: What no model and no schema knows; the file has examples there.
_EXAMPLES = ("kafka.bootstrap_servers", "the topics of kafka", "schemas.registry.url")
#: Of a file whose place is not known.
_KEEP = " They were written for the folder in which `init` ran: keep it there, or use --output."
_INTRODUCTION = (
    "Written by `stream-scorer init`. Every setting is here; what has its default may be deleted.",
    "Lines that begin with #! say what was inferred, from what, and what is left to you.",
    "Relative paths are relative to this file.{where}",
    "`stream-scorer check -c <this file>` says what does not fit yet; --offline needs no Kafka.",
)


@dataclass(frozen=True, slots=True)
class InitialConfig:
    """The text of a configuration, and what it leaves to the person who asked for it."""

    text: str
    left_to_you: tuple[str, ...]


def initial_config(
    model_path: Path, schema_path: Path, folder: Path | None = None
) -> InitialConfig:
    """Infer a configuration; what can't be inferred is a note in it.

    ``folder`` is where the file is going to be, a path without links; without it, the working
    folder is taken for that.

    Raises:
        ConfigError: the schema can't be read, or a path is not UTF-8.
        ContractError: the model can't be served.
    """
    model, reader = load_model(model_path, name=model_path.stem), read_schema(schema_path)
    fields = leaf_paths(reader)
    guesses = guess(model.inputs, fields, model.metadata)
    draft, left = Draft(), list(_EXAMPLES)
    _set_kafka(draft, model.name, reader)
    draft.values[("schemas", "registry", "url")] = "http://localhost:8081"
    draft.notes[("schemas", "registry", "url")] = ["Yours to set; or use schemas.directory."]
    draft.values[("schemas", "reader")] = _seen_from(folder, schema_path)
    draft.values[("model", "path")] = _seen_from(folder, model_path)
    draft.values[("model", "name")] = model.name
    left += _set_inputs(draft, guesses)
    copied = _set_copied(draft, fields, guesses)
    outputs = _set_outputs(draft, model, copied)
    features = _set_missing(draft, model, fields, guesses, outputs)
    if features is not None:
        draft.notes.setdefault(("model", "inputs"), []).extend(features.lossy())
    where = _KEEP if folder is None else ""
    introduction = [sentence.format(where=where) for sentence in _INTRODUCTION]
    return InitialConfig(written(draft, introduction), tuple(left))


def write_config(model_path: Path, schema_path: Path, file: Path) -> InitialConfig:
    """Infer a configuration and write it; its folder is made if it is not there.

    Raises:
        ConfigError: the schema can't be read; the file can't be written, or holds something, which
            may have cost somebody work.
        ContractError: the model can't be served. No file is left.
    """
    try:
        is_taken, folder = file.is_file() and file.stat().st_size > 0, file.parent.resolve()
    except (OSError, RuntimeError) as error:  # no right to look, a loop of links
        raise unwritable(file, error) from None
    if is_taken:
        raise ConfigError(f"{file} is there already: remove it, or name another file.")
    config = initial_config(model_path, schema_path, folder)
    with _folder_of(file), NewFiles(model_path, schema_path) as files:
        files.open(file).write(config.text)
    return config


@contextmanager
def _folder_of(file: Path) -> Iterator[None]:
    """Make the folder that a file goes to; if the block fails, remove what was made."""
    folders = (file.parent, *file.parent.parents)
    made = [each for each in folders if not os.path.lexists(each)]
    try:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(file, error) from None
        yield
    except BaseException:
        for each in made:
            with suppress(OSError):
                each.rmdir()
        raise


def _seen_from(folder: Path | None, path: Path) -> str:
    """Return a relative path as it must be written in a file in the folder, which has no links.

    Raises:
        ConfigError: it is not UTF-8, as that file is.
    """
    if folder is None or path.is_absolute():
        seen = str(path)
    else:
        # Without links on the way: what is above a link is not what its path says.
        seen = os.path.relpath(path.parent.resolve() / path.name, folder)
    try:
        return sound(seen)
    except ValueError as error:
        raise ConfigError(f"{path}: a path in a configuration {error}.") from None


def _set_kafka(draft: Draft, model_name: str, reader: Schema) -> None:
    name = reader.json.get("name", "events") if isinstance(reader.json, dict) else "events"
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", str(name).rpartition(".")[2])
    topic = re.sub("[^a-z0-9.-]", "-", words.lower()).removesuffix("s") + "s"
    draft.notes[("kafka",)] = ["Yours to set: the brokers and the topics; these are only examples."]
    draft.values.update(
        {
            ("kafka", "bootstrap_servers"): "localhost:9092",
            ("kafka", "group_id"): f"{re.sub('[^A-Za-z0-9.-]', '-', model_name)}-scorer",
            ("kafka", "input_topics"): [topic],
            ("kafka", "output_topic"): f"{topic}.scored",
            ("kafka", "dead_letter_topic"): f"{topic}.dead-letters",
        }
    )


def _set_inputs(draft: Draft, guesses: tuple[Guess, ...]) -> Iterator[str]:
    path = ("model", "inputs")
    notes = draft.notes.setdefault(path, [])
    draft.values[path] = {each.spec.name: list(each.fields) for each in guesses if each.fields}
    for each in guesses:
        if not each.fields:
            notes.append(f"Not inferred: what fills input {each.spec}. {each.reason}")
            yield f"model.inputs.{each.spec.name}"
            continue
        notes.append(f"Input {each.spec}: {each.reason}")
        if each.by_position:
            notes.append(
                "An ONNX model does not keep the names of its features: make sure that this is "
                "the order of training, or the scores are wrong."
            )
            yield f"the order of model.inputs.{each.spec.name}"
    if not draft.values[path]:
        draft.values[path] = None


def _set_copied(
    draft: Draft, fields: Mapping[str, FieldType], guesses: tuple[Guess, ...]
) -> tuple[str, ...]:
    """Copy what names or dates the event; return the fields' names in the scored event."""
    used = {path for each in guesses for path in each.fields}
    copied = [path for path, kind in fields.items() if path not in used and is_label(path, kind)]
    rest = [path for path in fields if path not in used and path not in copied]
    entries: list[Any] = []
    for path in copied:
        plain = path.replace(".", "_")
        name = f"input_{plain}" if plain in _PROVENANCE else legal_name(plain)
        entries.append(path if name == plain else {name: path})
    setting = ("output", "pass_through")
    draft.values[setting] = entries
    if copied:
        draft.notes[setting] = ["Inferred by name and type: what names or dates an event."]
    if rest:
        draft.notes.setdefault(setting, []).append(f"Read by nothing yet: {some(rest)}.")
    return tuple(next(iter(e)) if isinstance(e, dict) else e.replace(".", "_") for e in entries)


def _set_outputs(draft: Draft, model: Model, copied: tuple[str, ...]) -> OutputMap | None:
    path, taken = ("model", "outputs"), {*copied, *_PROVENANCE}
    chosen: dict[str, str] = {}
    for spec in model.outputs:
        name = legal_name(spec.name)
        while name in taken:
            name = f"{name}_score"
        taken.add(name)
        chosen[name] = spec.name
    try:
        outputs = map_outputs(model.outputs, chosen)
    except RefusesToStart as refused:
        draft.notes[path] = [f"Not inferred: {refused}"]
        return None
    draft.values[path] = chosen
    types = "; ".join(f"{each.name} is {type_text(each.type)}" for each in outputs.fields)
    draft.notes[path] = [f"Inferred: every output, under its own name made legal. {types}."]
    for spec in model.outputs:
        if len(spec.row_shape) == 1 and (spec.row_shape[0] or 0) > 1:
            first = f"class={spec.classes[-1]}" if spec.classes else "1"
            draft.notes[path].append(f"To write one value of it: `score: {spec.name}[{first}]`.")
    return outputs


def _set_missing(
    draft: Draft,
    model: Model,
    fields: Mapping[str, FieldType],
    guesses: tuple[Guess, ...],
    outputs: OutputMap | None,
) -> FeatureMap | None:
    """Reject a null that the tensor or the model has no place for."""
    path = ("model", "missing", "fields")
    policies = dict.fromkeys(_without_nan(fields, guesses), "reject")
    if not all(each.fields for each in guesses):
        draft.values[path] = policies
        return None
    chosen = {each.spec.name: each.fields for each in guesses}
    features = map_features(model.inputs, fields, chosen, Missing("nan", policies))
    if (example := features.example()) is not None:
        model.learn(example)
    bad = fields_that_must_not_be_nan(model, features, outputs) if outputs else ()
    draft.values[path] = policies | dict.fromkeys(bad, "reject")
    notes = []
    if policies:
        notes.append(f"Their tensors hold no NaN: {some(list(policies))}.")
    if bad:
        notes.append(f"The model gives no finite score when one of these is NaN: {some(bad)}.")
    if notes:
        draft.notes[path] = [*notes, "A number, or a text, in place of reject stands in for null."]
    return features


def _without_nan(fields: Mapping[str, FieldType], guesses: tuple[Guess, ...]) -> Iterator[str]:
    for each in guesses:
        if each.spec.dtype == "string" or each.spec.dtype.kind != "f":
            yield from (path for path in each.fields if has_null(fields[path]))
