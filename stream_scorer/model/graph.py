"""The model file before a session reads it: what it is, its fingerprint, and ZipMap taken out.

A ZipMap turns ``[N, classes]`` into one Python dict a row: thirty times the time of the tensor, and
no column. It is replaced by an Identity, and the class names are kept.
"""

from __future__ import annotations

import hashlib
import mmap
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stream_scorer.errors import ContractError, reason

Classes = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """A model file that can be given to a session.

    ``rewritten`` is the model as it is served, ``None`` if that is the file as it is. ``sha256`` is
    what ``sha256sum`` prints of the file; with external data, the digest of the file followed by
    those files in the order of their names. ``size_bytes`` counts them too.
    """

    path: Path
    sha256: str
    size_bytes: int
    rewritten: bytes | None = None
    classes: Mapping[str, Classes] = field(default_factory=dict)


def read_graph(path: Path) -> Graph:
    """Fingerprint the model file and take out its ZipMaps.

    ``onnx`` is imported only for a file that mentions a ZipMap or external data; for most it is
    never needed.

    Raises:
        ContractError: the file is missing, empty, a directory, or can't be read, or its external
            data is missing or outside of its folder.
    """
    _require_file(path)
    digest, mentions_zipmap, mentions_external = _scan(path)
    size_bytes = path.stat().st_size
    if not (mentions_zipmap or mentions_external):
        return Graph(path, digest.hexdigest(), size_bytes)
    proto = read_proto(path)
    if proto is None:  # not a protobuf: the session has the better words for it
        return Graph(path, digest.hexdigest(), size_bytes)
    for name in sorted(external_files(proto)):
        size_bytes += _add_external(digest, path, name)
    classes = _take_out_zipmaps(proto.graph)
    rewritten = proto.SerializeToString() if classes else None
    return Graph(path, digest.hexdigest(), size_bytes, rewritten, classes)


def read_proto(path: Path) -> Any | None:
    """Return the ``onnx.ModelProto`` without its external data, ``None`` if it is none."""
    import onnx  # noqa: PLC0415 - costs 0.1 s and 20 MB, most models never need it
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - comes with onnx

    try:
        # Whatever its name ends with: onnx would take `.json` for another format.
        return onnx.load(path, format="protobuf", load_external_data=False)
    except DecodeError:
        return None


def proto_of(graph: Graph) -> Any:
    """Return the ``onnx.ModelProto`` of a graph that a session has read before."""
    import onnx  # noqa: PLC0415 - see read_proto

    if graph.rewritten is not None:
        return onnx.load_model_from_string(graph.rewritten)
    return onnx.load(graph.path, format="protobuf", load_external_data=False)


def external_files(proto: Any) -> set[str]:
    """Return the files with external data, relative to the model's own folder."""
    nodes = [node for function in proto.functions for node in function.node]
    return {
        entry.value
        for tensor in (*_tensors(proto.graph), *_tensors_of_nodes(nodes))
        for entry in tensor.external_data
        if entry.key == "location"
    }


def _require_file(path: Path) -> None:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise ContractError(f"There is no model at '{path}': correct model.path.") from None
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    if not stat.S_ISREG(found.st_mode):
        raise ContractError(f"'{path}' is not a file: model.path must name an ONNX model.")
    if found.st_size == 0:
        raise ContractError(f"The model '{path}' is empty (0 bytes): export or copy it again.")
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise ContractError(
            f"The path of the model '{path}' is not UTF-8, and ONNX Runtime can't open it: rename "
            "the file."
        ) from None


def _unreadable(path: Path, error: Exception) -> ContractError:
    return ContractError(f"The model '{path}' can't be read: {reason(error)}.")


def _scan(path: Path) -> tuple[Any, bool, bool]:
    """Return the file's digest, and whether it mentions a ZipMap or external data."""
    try:
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            # "location" is the key that every external tensor must have (onnx.proto, TensorProto).
            return (
                hashlib.sha256(content),
                content.find(b"ZipMap") >= 0,
                content.find(b"location") >= 0,
            )
    except OSError as error:
        raise _unreadable(path, error) from None


def _add_external(digest: Any, path: Path, name: str) -> int:
    file = path.parent / name
    _require_own(path, name)
    try:
        with file.open("rb") as content:
            while chunk := content.read(1 << 20):
                digest.update(chunk)
        return file.stat().st_size
    except OSError as error:
        raise ContractError(
            f"The model '{path}' keeps weights in '{name}', which can't be read "
            f"({reason(error)}): copy it into the same folder."
        ) from error


def _require_own(path: Path, name: str) -> None:
    """Let no model make us read a file that was not delivered with it.

    The folder is the one that the model is found in, or the one that it lies in: a store may keep
    the files of a model elsewhere and link to all of them.
    """
    file = path.parent / name
    folders = {path.parent.resolve(), path.resolve().parent}
    inside = any(file.resolve().is_relative_to(folder) for folder in folders)
    if Path(name).is_absolute() or not inside:
        raise ContractError(
            f"The model '{path}' wants weights from '{name}', which is outside of its own folder: "
            "a model may read only what was delivered with it. Export it again, with its weights "
            "beside it."
        )


def _tensors(graph: Any) -> Iterator[Any]:
    """Yield the tensors of a graph and of the graphs within it."""
    yield from graph.initializer
    yield from (each.values for each in graph.sparse_initializer)
    yield from (each.indices for each in graph.sparse_initializer)
    yield from _tensors_of_nodes(graph.node)


def _tensors_of_nodes(nodes: Iterable[Any]) -> Iterator[Any]:
    for node in nodes:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for inner in (attribute.g, *attribute.graphs):
                if inner.node or inner.initializer:
                    yield from _tensors(inner)


def _take_out_zipmaps(graph: Any) -> dict[str, Classes]:
    """Replace each ZipMap that makes an output; return output name to class names."""
    import onnx  # noqa: PLC0415 - the graph was read with it

    outputs = {output.name: output for output in graph.output}
    classes: dict[str, Classes] = {}
    for node in graph.node:
        if node.op_type != "ZipMap" or node.output[0] not in outputs:
            continue
        name = node.output[0]
        classes[name] = _class_names(node)
        identity = onnx.helper.make_node("Identity", [node.input[0]], [name], name=node.name)
        node.CopyFrom(identity)
        outputs[name].CopyFrom(
            onnx.helper.make_tensor_value_info(
                name, onnx.TensorProto.FLOAT, [None, len(classes[name])]
            )
        )
    return classes


def _class_names(zipmap: Any) -> Classes:
    """Return the labels of a ZipMap (ai.onnx.ml): either strings or int64s."""
    for attribute in zipmap.attribute:
        if attribute.name == "classlabels_strings" and attribute.strings:
            return tuple(label.decode() for label in attribute.strings)
        if attribute.name == "classlabels_int64s" and attribute.ints:
            return tuple(int(label) for label in attribute.ints)
    return ()
