"""Container files: every record's own bytes in, every record's own bytes out, or one sentence."""

from __future__ import annotations

import random
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fastavro
import pytest

from stream_scorer.avro.container import ContainerWriter, open_container
from stream_scorer.avro.schema import Schema
from stream_scorer.errors import ConfigError
from stream_scorer.files import NewFiles
from tests.avro.test_encoder import record, written

SCHEMA = record(("n", "long"), ("text", ["null", "string"]), name="shop.Event")


def rows(count: int) -> list[dict[str, Any]]:
    """Return some rows."""
    return [{"n": n * 1000, "text": None if n % 3 else "x" * (n % 50)} for n in range(count)]


def file_of(path: Path, content: list[dict[str, Any]], codec: str = "deflate") -> Path:
    """Write a file of several blocks with fastavro."""
    with path.open("wb") as file:
        fastavro.writer(file, SCHEMA.json, content, codec=codec, sync_interval=500)
    return path


def read(path: Path) -> list[bytes]:
    """Return all datums of a file."""
    with open_container(path) as container:
        return [datum for block in container.blocks for datum in block.datums]


def write(path: Path, datums: list[bytes], **more: Any) -> Path:
    """Write all datums to a file."""
    with NewFiles() as files, ContainerWriter(files.open(path), SCHEMA, **more) as writer:
        writer.append(datums)
    return path


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz"])
def test_a_file_is_read_as_the_bytes_of_its_records(tmp_path: Path, codec: str) -> None:
    """In order, block by block, with the schema that wrote it."""
    path = file_of(tmp_path / "events.avro", rows(300), codec)
    with open_container(path) as container:
        assert container.schema == SCHEMA
        assert container.size_bytes == path.stat().st_size
        blocks = list(container.blocks)
    assert [d for b in blocks for d in b.datums] == [written(SCHEMA, row) for row in rows(300)]
    progress = [block.bytes_read for block in blocks]
    assert len(progress) > 3
    assert progress == sorted(set(progress))
    assert progress[-1] == path.stat().st_size


def test_a_file_without_records_has_a_schema_and_no_blocks(tmp_path: Path) -> None:
    """Nothing to score is no mistake."""
    assert read(file_of(tmp_path / "events.avro", [])) == []


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz"])
def test_what_is_written_is_read_by_fastavro(tmp_path: Path, codec: str) -> None:
    """Several blocks, metadata, and the schema as it was given."""
    content = [{"n": n, "text": "y" * 400} for n in range(2000)]
    path = write(
        tmp_path / "scores.avro",
        [written(SCHEMA, row) for row in content],
        metadata={"model": "fraud"},
        codec=codec,
    )
    with path.open("rb") as file:
        reader = fastavro.reader(file)
        assert list(reader) == content
        assert reader.metadata["model"] == "fraud"
        assert reader.metadata["avro.codec"] == codec
    with open_container(path) as container:
        assert container.schema == SCHEMA
        assert len(list(container.blocks)) > 2


def test_a_file_is_copied_datum_by_datum(tmp_path: Path) -> None:
    """Reading and writing are each other's inverse."""
    datums = read(file_of(tmp_path / "events.avro", rows(300)))
    assert read(write(tmp_path / "copy.avro", datums)) == datums


def test_a_file_of_nothing_is_a_file(tmp_path: Path) -> None:
    """No scores are an answer too."""
    assert read(write(tmp_path / "scores.avro", [])) == []


def test_a_schema_property_of_ones_own_survives(tmp_path: Path) -> None:
    """As the class names of an array of probabilities."""
    numbers = {"type": "array", "items": "float", "classes": ["no", "yes"]}
    schema: Schema = record(("p", numbers))
    with (
        NewFiles() as files,
        ContainerWriter(files.open(tmp_path / "scores.avro"), schema) as writer,
    ):
        writer.append([written(schema, {"p": [0.25, 0.75]})])
    with open_container(tmp_path / "scores.avro") as container:
        assert container.schema.json["fields"][0]["type"]["classes"] == ["no", "yes"]


def test_a_failure_leaves_no_file_and_keeps_the_one_before(tmp_path: Path) -> None:
    """Half a file is worse than none."""
    target = tmp_path / "scores.avro"
    target.write_bytes(b"before")
    with (
        pytest.raises(RuntimeError),
        NewFiles() as files,
        ContainerWriter(files.open(target), SCHEMA) as writer,
    ):
        writer.append([written(SCHEMA, row) for row in rows(10)])
        assert target.read_bytes() == b"before"
        raise RuntimeError
    assert target.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_is_written_through(tmp_path: Path) -> None:
    """The link stays a link."""
    link = tmp_path / "link.avro"
    link.symlink_to(tmp_path / "target.avro")
    write(link, [])
    assert link.is_symlink()
    assert read(tmp_path / "target.avro") == []


def test_a_device_is_written_directly() -> None:
    """Nobody wants /dev/null replaced by a file."""
    null = Path("/dev/null")
    write(null, [written(SCHEMA, row) for row in rows(10)])
    assert null.is_char_device()


def test_a_full_disk_is_one_sentence() -> None:
    """When the datums reach it."""
    full = Path("/dev/full")
    if not full.is_char_device():
        pytest.skip("/dev/full is Linux's")
    with pytest.raises(ConfigError, match=r"/dev/full can't be written: .*No space left"):
        write(full, [bytes(1_000_000)])


def test_a_place_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    """A folder that is not there, a folder in place of a file."""
    with pytest.raises(ConfigError, match=r"scores.avro can't be written: No such file"):
        write(tmp_path / "nowhere" / "scores.avro", [])
    with pytest.raises(ConfigError, match=r"can't be written: Is a directory"):
        write(tmp_path, [])
    assert list(tmp_path.iterdir()) == []


def test_a_codec_that_is_not_there_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    """With what to install, where fastavro knows."""
    with pytest.raises(ConfigError, match="unrecognized codec: brotli"):
        write(tmp_path / "scores.avro", [], codec="brotli")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(find_spec("lz4") is not None, reason="lz4 is installed")
def test_a_codec_whose_package_is_missing_names_it(tmp_path: Path) -> None:
    """The sentence holds what to install."""
    with pytest.raises(ConfigError, match=r"lz4 codec .*install .*lz4"):
        write(tmp_path / "scores.avro", [b"\x00\x00"], codec="lz4")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A path typo; or a folder."""
    with pytest.raises(ConfigError, match=r"events.avro can't be read: No such file"):
        read(tmp_path / "events.avro")
    with pytest.raises(ConfigError, match=r"can't be read: Is a directory"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"Ob", "is not an Avro object container file: it begins with 4f 62"),
        (b'{"n": 1}', "is not an Avro object container file: it begins with 7b 22 6e 22"),
        (b"Obj\x01", "has a broken header"),
        (b"Obj\x01\x00" + bytes(16), "has a broken header"),
    ],
)
def test_a_file_that_is_no_avro_is_named(tmp_path: Path, content: bytes, sentence: str) -> None:
    """With what it begins with."""
    path = tmp_path / "events.avro"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"events.avro {sentence}"):
        read(path)


def test_an_unknown_codec_is_named(tmp_path: Path) -> None:
    """A file from elsewhere."""
    path = file_of(tmp_path / "events.avro", rows(9))
    path.write_bytes(path.read_bytes().replace(b"deflate", b"brotli!"))
    with pytest.raises(ConfigError, match=r"events.avro .*brotli!"):
        read(path)


def test_a_file_that_is_cut_off_is_named_wherever_that_is(tmp_path: Path) -> None:
    """Every block before the cut is whole; then one sentence, never a silent end."""
    whole = file_of(tmp_path / "events.avro", rows(60)).read_bytes()
    with open_container(tmp_path / "events.avro") as container:
        ends = {block.bytes_read for block in container.blocks}
    datums = read(tmp_path / "events.avro")
    path = tmp_path / "cut.avro"
    header = whole.index(b"\x00" + whole[-16:]) + 17
    for length in range(1, len(whole)):
        path.write_bytes(whole[:length])
        if length in ends or length == header:
            assert read(path) == datums[: len(read(path))]
            continue
        with pytest.raises(ConfigError, match=r"cut.avro (breaks off|has a broken|is not an Avro)"):
            read(path)


def test_a_record_without_a_certain_end_names_block_and_record(tmp_path: Path) -> None:
    """The blocks before it are scored; the rest of its block can't be told apart."""
    good = [written(SCHEMA, row) for row in rows(20)]
    path = write(tmp_path / "events.avro", [*good[:2], b"\x00\x07", *good[2:]], codec="null")
    with pytest.raises(
        ConfigError, match=r"broken in record 3 of block 1, .*: a union has the index -4"
    ):
        read(path)


def test_damage_is_one_sentence_or_other_records_never_a_crash(tmp_path: Path) -> None:
    """Two hundred files with one wrong byte each, in every codec."""
    chance = random.Random(1)  # noqa: S311 - the same files every time
    path = tmp_path / "damaged.avro"
    for codec in ("null", "deflate", "bzip2", "xz"):
        whole = file_of(tmp_path / "events.avro", rows(60), codec).read_bytes()
        for _ in range(50):
            damaged = bytearray(whole)
            damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
            path.write_bytes(damaged)
            try:
                read(path)
            except ConfigError as error:
                assert str(path) in str(error)  # noqa: PT017 - not every damage can be found
