"""Which fields might fill which tensor, when no one has said: by name, by type, by position.

An ONNX model rarely keeps the names of its features, so a guess by position rests on the schema
having the order of training. Each guess says what it rests on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise, repeat

from stream_scorer.columns import FieldType
from stream_scorer.errors import ContractError
from stream_scorer.model.features import map_features
from stream_scorer.model.fields import Missing, is_array, is_number, is_text
from stream_scorer.model.tensors import TensorSpec

Fields = Mapping[str, FieldType]

_ID_WORDS = frozenset({"id", "uuid", "guid"})
_LAST_WORDS_OF_TIMES = frozenset({"at", "ts", "timestamp", "date", "datetime"})
_TIMES = (["time"], ["event", "time"])  # but a response_time is measured


@dataclass(frozen=True, slots=True)
class Guess:
    """The fields for a tensor, none if nothing could be found, and what that rests on.

    ``by_position``: nothing but the schema's order says which value goes where.
    """

    spec: TensorSpec
    fields: tuple[str, ...]
    reason: str
    by_position: bool = False


def guess(
    inputs: Sequence[TensorSpec], fields: Fields, metadata: Mapping[str, str]
) -> tuple[Guess, ...]:
    """Guess what fills each input.

    Args:
        inputs: what the model takes.
        fields: dotted path to type of the reader's fields.
        metadata: the model's own notes, one of which may list its features.
    """
    found: dict[str, Guess] = {}
    for step in (_listed(metadata), _named, _placed, _only_array):
        taken = {path for guessed in found.values() for path in guessed.fields}
        rest = [spec for spec in inputs if spec.name not in found]
        free = {path: kind for path, kind in fields.items() if path not in taken}
        found |= {guessed.spec.name: guessed for guessed in step(rest, free)}
    return tuple(found.get(spec.name) or _nothing(spec, fields) for spec in inputs)


def is_label(path: str, kind: FieldType) -> bool:
    """Return whether a field rather names or dates an event than measures something."""
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", path.rpartition(".")[2]).lower()
    words = re.split(r"[_-]+", name)
    if _ID_WORDS & set(words) or words[-1] in _LAST_WORDS_OF_TIMES or words in _TIMES:
        return True
    return (kind.logical or "").startswith(("timestamp", "local-timestamp", "date", "uuid"))


def fits(spec: TensorSpec, fields: Fields, chosen: Sequence[str]) -> bool:
    """Return whether the fields fill the tensor, their number and types."""
    try:
        map_features([spec], fields, {spec.name: chosen}, Missing("reject"))
    except ContractError:
        return False
    return True


Step = Callable[[Sequence[TensorSpec], Fields], Iterator[Guess]]


def _listed(metadata: Mapping[str, str]) -> Step:
    """Return the step that looks for a list of features in the model's metadata."""

    def step(inputs: Sequence[TensorSpec], fields: Fields) -> Iterator[Guess]:
        for spec in inputs:
            for key, text in metadata.items():
                paths = [_path_of(name, fields) for name in _names_in(text)]
                known = [path for path in paths if path is not None]
                if len(known) > 1 and len(known) == len(paths) and fits(spec, fields, known):
                    reason = f"By name: the model's own metadata '{key}' lists them in this order."
                    yield Guess(spec, tuple(known), reason)
                    break

    return step


def _names_in(text: str) -> list[str]:
    try:
        listed = json.loads(text)
    except ValueError:
        listed = text.split(",")
    return [str(name).strip() for name in listed] if isinstance(listed, list) else []


def _named(inputs: Sequence[TensorSpec], fields: Fields) -> Iterator[Guess]:
    for spec in inputs:
        path = _path_of(spec.name, fields)
        if path is not None and fits(spec, fields, [path]):
            yield Guess(spec, (path,), "By name.")


def _path_of(name: str, fields: Fields) -> str | None:
    """Return the field of a name: its path, its own name, or either in another spelling."""
    if name in fields:
        return name
    for form in (str, _form):
        for part in (str, _last):
            same = [path for path in fields if form(part(path)) == form(name)]
            if len(same) == 1:
                return same[0]
    return None


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _form(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _placed(inputs: Sequence[TensorSpec], fields: Fields) -> Iterator[Guess]:
    """Deal scalar fields out in the order of the schema, where their number is right."""
    texts = [spec for spec in inputs if spec.dtype == "string"]
    numbers = [spec for spec in inputs if spec.dtype != "string"]
    yield from _dealt(texts, fields, is_text)
    whole = [spec for spec in numbers if spec.dtype != "string" and spec.dtype.kind in "iub"]
    if whole and len(whole) < len(numbers):
        floats = [spec for spec in numbers if spec not in whole]
        apart = [*_dealt(whole, fields, _is_whole), *_dealt(floats, fields, _is_float)]
        if len(apart) == len(numbers):
            yield from apart
            return
    yield from _dealt(numbers, fields, is_number)


def _is_whole(kind: FieldType) -> bool:
    return kind.kind in {"boolean", "int", "long"}


def _is_float(kind: FieldType) -> bool:
    return kind.kind in {"float", "double"}


def _dealt(
    inputs: Sequence[TensorSpec], fields: Fields, able: Callable[[FieldType], bool]
) -> Iterator[Guess]:
    scalars = {path: kind for path, kind in fields.items() if able(kind)}
    if not inputs or any(len(spec.row_shape) > 1 for spec in inputs):
        return
    widths = [spec.row_shape[0] if spec.row_shape else 1 for spec in inputs]
    if widths == [None]:
        widths = [sum(not is_label(path, kind) for path, kind in scalars.items())]
    ends = [0, *accumulate(width or 0 for width in widths)]
    paths, which = _candidates(scalars, ends[-1])
    shares = [paths[start:end] for start, end in pairwise(ends)]
    if all(map(fits, inputs, repeat(fields), shares)):
        reason = f"By position and type: {which}, in the order of the schema."
        yield from (
            Guess(spec, tuple(share), reason, by_position=len(paths) > 1)
            for spec, share in zip(inputs, shares, strict=True)
        )


def _candidates(scalars: Fields, count: int) -> tuple[list[str], str]:
    """Return the likeliest fields that are so many, none if there are not."""
    measures = [path for path, kind in scalars.items() if not is_label(path, kind)]
    records: dict[str, list[str]] = {}
    for path in measures:
        records.setdefault(path.rpartition(".")[0], []).append(path)
    left_out = [path for path in scalars if path not in measures]
    but = f" but ids and times ({', '.join(left_out)})" if left_out else ""
    whole = [(paths, f"the fields of {name}") for name, paths in records.items() if name]
    sets = [
        (measures, f"all fields of that type{but}"),
        *(whole if sum(len(paths) == count for paths, _ in whole) == 1 else ()),
        (list(scalars), "all fields of that type, ids and times too"),
    ]
    return next(((paths, which) for paths, which in sets if len(paths) == count), ([], ""))


def _only_array(inputs: Sequence[TensorSpec], fields: Fields) -> Iterator[Guess]:
    for spec in inputs:
        arrays = [path for path, kind in fields.items() if is_array(kind)]
        able = [path for path in arrays if fits(spec, fields, [path])]
        if len(able) == 1:
            yield Guess(spec, (able[0],), "By type: the only array that fits.")


def _nothing(spec: TensorSpec, fields: Fields) -> Guess:
    able = is_text if spec.dtype == "string" else is_number
    paths = [path for path, kind in fields.items() if _leaf(kind, able)]
    return Guess(spec, (), f"Fields of its type: {', '.join(paths)}." if paths else "")


def _leaf(kind: FieldType, able: Callable[[FieldType], bool]) -> bool:
    return _leaf(kind.items, able) if kind.items is not None else able(kind)
