"""The way out for a name that is not there: the nearest ones that are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from stream_scorer.columns import FieldType
from stream_scorer.errors import ContractError
from stream_scorer.model.fields import is_array, is_number, is_text
from stream_scorer.model.tensors import TensorSpec

_SHOWN = 6


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `` Nearest: a, b.`` or nothing; a field in a record is near by its own name too."""
    paths = list(known)
    last = name.rsplit(".", 1)[-1]
    same = [path for path in paths if path.rsplit(".", 1)[-1] == last]
    close = list(dict.fromkeys([*same, *difflib.get_close_matches(name, paths, n=3)]))[:3]
    return f" Nearest: {', '.join(close)}." if close else ""


def no_field_for(spec: TensorSpec, fields: Mapping[str, FieldType]) -> ContractError:
    """Return the error for a tensor that no field is named after."""
    able = [path for path, kind in fields.items() if _may_fill(spec, kind)]
    width = spec.row_shape[0] if len(spec.row_shape) == 1 else None
    takes = f"{width} values a row" if width else "its values"
    what = "text" if spec.dtype == "string" else "numbers"
    shown = ", ".join(able[:_SHOWN]) + (", …" if len(able) > _SHOWN else "")
    listed = f" Fields with {what} ({len(able)}): {shown}." if able else f" No field has {what}."
    return ContractError(
        f"Input {spec} has no field of its name: set model.inputs.{spec.name} to the fields that "
        f"give it {takes}, in the order of training.{nearest(spec.name, fields)}{listed}"
    )


def _may_fill(spec: TensorSpec, kind: FieldType) -> bool:
    if is_array(kind) and kind.items is not None and spec.row_shape:
        return _may_fill(spec, kind.items)
    return is_text(kind) if spec.dtype == "string" else is_number(kind)
