"""Avro object container files: read as datums that are not decoded yet, written from such datums.

fastavro does the format (header, codecs, sync markers), and sees nothing of the schema; the datums
inside a block are told apart by ``boundaries``. A file is read and written block by block.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import fastavro
from fastavro.write import Writer

from stream_scorer.avro.boundaries import Undelimited, skip_over, split
from stream_scorer.avro.schema import Schema, parse
from stream_scorer.errors import ConfigError, reason
from stream_scorer.files import NewFile, unwritable

_MAGIC = b"Obj\x01"
_HEADER = fastavro.parse_schema(
    {
        "type": "record",
        "name": "Header",
        "fields": [
            {"name": "magic", "type": {"type": "fixed", "name": "Magic", "size": 4}},
            {"name": "meta", "type": {"type": "map", "values": "bytes"}},
            {"name": "sync", "type": {"type": "fixed", "name": "Sync", "size": 16}},
        ],
    }
)
"""Avro 1.12, "Object Container Files"."""
_BLOCK_BYTES = 256 * 1024
"""The size of a block in bytes, before compression."""


@dataclass(frozen=True, slots=True)
class Block:
    """The datums of one block, and how much of the file is read once they are done."""

    datums: list[bytes]
    bytes_read: int


@dataclass(frozen=True, slots=True)
class Container:
    """An open file: the schema that wrote it, its size, and its blocks, to be taken once."""

    schema: Schema
    size_bytes: int
    blocks: Iterator[Block]


@contextmanager
def open_container(path: Path) -> Iterator[Container]:
    """Open a file for reading; one block at a time is in memory.

    Raises:
        ConfigError: it can't be read or is not an Avro file; or, while ``blocks`` are taken, it is
            cut off or broken. The text names the block, and the record where that is known.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {reason(error)}.") from None
    with file:
        if not file.seekable():
            raise ConfigError(f"{path} is a pipe, not a file that can be read: save it as one.")
        reader, schema = _read_header(path, file)
        size_bytes = os.fstat(file.fileno()).st_size
        yield Container(schema, size_bytes, _read_blocks(path, file, reader, schema))


def _read_header(path: Path, file: BinaryIO) -> tuple[Any, Schema]:
    start = file.read(len(_MAGIC))
    if not start:
        raise ConfigError(f"{path} is empty; an Avro file has a header even without records.")
    if start != _MAGIC:
        raise ConfigError(
            f"{path} is not an Avro object container file: it begins with {start.hex(' ')}, "
            f"not with {_MAGIC.hex(' ')}."
        )
    file.seek(0)
    try:
        header = fastavro.schemaless_reader(file, _HEADER, None)
        meta = header["meta"]
        reader = fastavro.block_reader(_After(_plain_header(header), file))
        return reader, parse(meta["avro.schema"].decode())
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    except Exception as error:  # noqa: BLE001 - whatever bytes do to a parser
        raise ConfigError(f"{path} has a broken header: {reason(error)}.") from None


def _plain_header(header: dict[str, Any]) -> bytes:
    """Return a header of the same codec whose schema fastavro has no objection to.

    It would refuse the whole file for a logical type that the specification says to ignore.
    """
    meta = {"avro.schema": b'"bytes"', "avro.codec": header["meta"].get("avro.codec", b"null")}
    written = io.BytesIO()
    fastavro.schemaless_writer(written, _HEADER, {**header, "meta": meta})
    return written.getvalue()


class _After:
    """Reads some bytes, and then a file."""

    def __init__(self, first: bytes, file: BinaryIO) -> None:
        self._first = io.BytesIO(first)
        self._file = file

    def read(self, size: int) -> bytes:
        """Return so many bytes, fewer only at the end."""
        some = self._first.read(size)
        return some if len(some) == size else some + self._file.read(size - len(some))

    def tell(self) -> int:
        """Return where the file is."""
        return self._file.tell()


def _read_blocks(path: Path, file: BinaryIO, reader: Any, schema: Schema) -> Iterator[Block]:
    skip = skip_over(schema.root)
    number, bytes_read = 0, file.tell()
    while True:
        number += 1
        try:
            block = next(reader, None)
        except Exception as error:  # noqa: BLE001 - each codec's library has its own errors
            raise ConfigError(
                f"{path} breaks off or is broken in block {number}, {bytes_read} bytes into the "
                f"file: {reason(error)}."
            ) from None
        if block is None:
            break
        bytes_read = file.tell()
        try:
            datums = split(skip, block.bytes_.getvalue(), block.num_records)
        except Undelimited as error:
            raise ConfigError(
                f"{path} is broken in record {error.datum + 1} of block {number}, and no record "
                f"after it in that block can be told apart: {error}."
            ) from None
        yield Block(datums, bytes_read)
    if bytes_read != os.fstat(file.fileno()).st_size:  # fastavro takes a cut count for the end
        raise ConfigError(f"{path} breaks off in block {number}, {bytes_read} bytes into the file.")


@dataclass(frozen=True, slots=True)
class _Encoded:
    """A block in the form that fastavro's ``Writer.write_block`` takes."""

    num_records: int
    bytes_: io.BytesIO


class ContainerWriter:
    """Writes datums that are already encoded to a new file, which is whole when the block ends."""

    def __init__(
        self,
        file: NewFile,
        schema: Schema,
        metadata: Mapping[str, str] | None = None,
        codec: str = "deflate",
    ) -> None:
        """Write the header.

        Raises:
            ConfigError: it can't be written, or the codec is not to be had.
        """
        self._name, self._stream = file.name, file.stream
        self._datums: list[bytes] = []
        self._bytes = 0
        self._written, sync = io.BytesIO(), os.urandom(16)
        try:
            # It is told nothing of the schema: it refuses more than the specification does.
            self._writer = Writer(self._written, "bytes", codec, sync_marker=sync)
            meta = {**(metadata or {}), "avro.schema": schema.text, "avro.codec": codec}
            header = {
                "magic": _MAGIC,
                "meta": {key: value.encode() for key, value in meta.items()},
                "sync": sync,
            }
            fastavro.schemaless_writer(self._stream, _HEADER, header)
        except (OSError, ValueError) as error:
            raise unwritable(self._name, error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None and self._datums:
            self._write_block()

    def append(self, datums: Iterable[bytes]) -> None:
        """Add datums, without framing.

        Raises:
            ConfigError: the disk is full, or the codec's package is missing.
        """
        for datum in datums:
            self._datums.append(datum)
            self._bytes += len(datum)
            if self._bytes >= _BLOCK_BYTES:
                self._write_block()

    def _write_block(self) -> None:
        block = _Encoded(len(self._datums), io.BytesIO(b"".join(self._datums)))
        self._written.seek(0)
        self._written.truncate()
        try:
            self._writer.write_block(block)
            self._stream.write(self._written.getvalue())
        except (OSError, ValueError) as error:
            raise unwritable(self._name, error) from None
        self._datums, self._bytes = [], 0
