"""``inspect``: what is in a model file, and what the scorer would make of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stream_scorer.check.wording import one_line, some, type_text
from stream_scorer.errors import RefusesToStart
from stream_scorer.model.describe import ModelDescription, ValueDescription, describe_model
from stream_scorer.model.outputs import OutputField, map_outputs
from stream_scorer.model.session import Model, load_model
from stream_scorer.model.tensors import TensorSpec

_MIB = 1 << 20
_LONGEST = 400
"""Characters of metadata: CatBoost puts all its parameters there."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a title; ``columns`` is empty where the rows explain themselves."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """The contents of a model file, and how the scorer maps them or why it can't."""

    tables: tuple[Table, ...]
    refusal: RefusesToStart | None


def inspect_model(path: Path) -> Inspection:
    """Look into a model file and try to serve it on the CPU.

    Raises:
        ContractError: the file is missing, empty or no ONNX model.
    """
    description = describe_model(path)
    tables = [_file(description), *_graph(description)]
    try:
        model = load_model(path)
        fields = map_outputs(model.outputs, None).fields
    except RefusesToStart as refused:
        return Inspection(tuple(tables), refused)
    return Inspection((*tables, *_served(model, fields)), None)


def _file(of: ModelDescription) -> Table:
    small = of.size_bytes < _MIB
    size = f"{of.size_bytes / 1024:,.1f} KiB" if small else f"{of.size_bytes / _MIB:,.1f} MiB"
    rows = [
        ("file", str(of.path)),
        ("size", size),
        ("sha256", of.sha256),
        ("producer", of.producer or "not said"),
        ("IR version", str(of.ir_version)),
        ("opsets", ", ".join(f"{domain} {version}" for domain, version in of.opsets.items())),
    ]
    return _table("Model", (), rows)


def _graph(of: ModelDescription) -> Iterator[Table]:
    columns = ("name", "type", "shape", "dynamic axes")
    yield _table("Inputs in the graph", columns, map(_value, of.inputs))
    yield _table("Outputs in the graph", columns, map(_value, of.outputs))
    operators = ((name, str(count)) for name, count in of.operators.items())
    yield _table("Operators", ("operator", "count"), operators)
    if of.metadata:
        yield _table("Metadata", ("key", "value"), of.metadata.items())


def _value(of: ValueDescription) -> tuple[str, ...]:
    dynamic = ", ".join(map(str, of.dynamic_axes)) or "none"
    return of.name, of.type, of.shape, dynamic if of.shape.startswith("[") else ""


def _served(model: Model, fields: Sequence[OutputField]) -> Iterator[Table]:
    takes = ((spec.name, _takes(spec)) for spec in model.inputs)
    yield _table("What fills the inputs (model.inputs)", ("input", "takes"), takes)
    gives = (
        (field.name, type_text(field.type), _classes(field), source)
        for field, source in zip(fields, (spec.name for spec in model.outputs), strict=True)
    )
    columns = ("field", "Avro type", "classes", "output")
    yield _table("What the scored event gets (model.outputs)", columns, gives)


def _takes(spec: TensorSpec) -> str:
    kind = "text or enum" if spec.dtype == "string" else "number"
    each = " (one row a call)" if spec.shape[0] == 1 else ""
    sizes = ["any number of" if size is None else str(size) for size in spec.row_shape]
    if sizes in ([], ["1"]):
        return f"1 {kind} field{each}"
    if len(sizes) == 1:
        return f"{sizes[0]} {kind} fields in order, or one array field of that length{each}"
    return f"one field of arrays within arrays, {' x '.join(sizes)} {kind}s{each}"


def _classes(field: OutputField) -> str:
    return some([str(each) for each in field.properties.get("classes", ())])


def _table(title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Table:
    """Return a table; every text in a model is its author's, and may be long or of many lines."""
    return Table(title, columns, tuple(tuple(map(_line, row)) for row in rows))


def _line(text: str) -> str:
    """Return a text in one line of a bearable length."""
    line = one_line(text)
    if len(line) <= _LONGEST:
        return line
    return f"{line[:_LONGEST]}… ({len(text):,} characters)"
