"""Selects the part of an output for a field: all, a position ``[1]``, a ``[class=fraud]``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from stream_scorer.errors import ContractError
from stream_scorer.model.tensors import OutputSpec, shape_text

_SELECTOR = re.compile(r"(?P<output>.+)\[(?:(?P<position>\d+)|class=(?P<label>.+))\]")


@dataclass(frozen=True, slots=True)
class Selector:
    """An output, or one position of its axis 1."""

    output: str
    position: int | None = None


def parse_selector(text: str, outputs: Sequence[OutputSpec]) -> tuple[Selector, OutputSpec]:
    """Return the selector and the output that it selects from.

    An output whose own name ends in brackets is found first.

    Raises:
        ContractError: no such output, position or class; the sentence has the ones there are.
    """
    specs = {spec.name: spec for spec in outputs}
    if text in specs:
        return Selector(text), specs[text]
    match = _SELECTOR.fullmatch(text)
    name = match["output"] if match else text
    if name not in specs:
        raise _unknown(name, text, list(specs))
    spec = specs[name]
    assert match is not None  # noqa: S101 - a text that is an output's name has returned above
    if match["label"] is not None:
        return Selector(name, _position_of(match["label"], spec)), spec
    position = int(match["position"])
    _require_position(text, position, spec)
    return Selector(name, position), spec


def _unknown(name: str, text: str, known: list[str]) -> ContractError:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" Nearest: {close[0]}." if close else ""
    return ContractError(
        f"model.outputs selects '{text}', but the model has no output '{name}'; it has "
        f"{', '.join(known)}.{hint}"
    )


def _position_of(label: str, spec: OutputSpec) -> int:
    if not spec.classes:
        raise ContractError(
            f"model.outputs selects the class '{label}' of '{spec.name}', but the model does not "
            f"say which classes that output has: use a position, such as {spec.name}[1]."
        )
    labels = [str(known) for known in spec.classes]
    if label not in labels:
        raise ContractError(
            f"model.outputs selects the class '{label}' of '{spec.name}', whose classes are "
            f"{', '.join(labels)}."
        )
    return labels.index(label)


def _require_position(text: str, position: int, spec: OutputSpec) -> None:
    width = spec.row_shape[0] if spec.row_shape else 0
    if width is not None and position >= width:
        what = f"has {width} values a row, 0 to {width - 1}" if width else "has one value a row"
        raise ContractError(
            f"model.outputs selects '{text}', but '{spec.name}' {shape_text(spec.shape)} {what}."
        )
