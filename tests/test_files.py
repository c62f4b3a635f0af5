"""Files that are written: whole or not at all, and never in the place of one that is read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stream_scorer.errors import ConfigError
from stream_scorer.files import NewFiles, is_same


def write(path: Path, text: str, *read: Path) -> None:
    """Writes a file, which must be none of those that are read."""
    with NewFiles(*read) as files:
        files.open(path).write(text)


def test_files_appear_together(tmp_path: Path) -> None:
    """Not before the block ends."""
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("before")
    with NewFiles() as files:
        files.open(first).write("one")
        files.open(second).write("two")
        assert first.read_text() == "before"
        assert not second.exists()
    assert [path.read_text() for path in (first, second)] == ["one", "two"]
    assert sorted(tmp_path.iterdir()) == [first, second]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_all_as_it_was(tmp_path: Path, failure: type[BaseException]) -> None:
    """An interrupt too."""
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("before")
    with pytest.raises(failure), NewFiles() as files:
        files.open(first).write("one")
        files.open(second).write("two")
        raise failure
    assert first.read_text() == "before"
    assert list(tmp_path.iterdir()) == [first]


def test_one_that_can_not_be_whole_takes_the_others_along(tmp_path: Path) -> None:
    """A full disk, as it shows in the end."""
    if not Path("/dev/full").is_char_device():
        pytest.skip("/dev/full is Linux's")
    full = r"^/dev/full can't be written: No space left on device"
    with pytest.raises(ConfigError, match=full), NewFiles() as files:
        files.open(tmp_path / "a").write("one")
        files.open(Path("/dev/full")).write("two")
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_is_killed_leaves_what_was_there(tmp_path: Path) -> None:
    """Only a file beside it, of another name."""
    target = tmp_path / "a"
    target.write_text("before")
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from stream_scorer.files import NewFiles\n"
        "with NewFiles() as files:\n"
        "    files.open(Path(sys.argv[1])).write('one')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", program, str(target)], check=False, timeout=60
    )
    assert ended.returncode == -9
    assert target.read_text() == "before"


def test_what_is_read_is_not_written_whatever_its_name(tmp_path: Path) -> None:
    """The same path, another way to it, links of either kind, through a folder's link."""
    (tmp_path / "in").write_text("events")
    (tmp_path / "folder").mkdir()
    (tmp_path / "symbolic").symlink_to(tmp_path / "in")
    (tmp_path / "hard").hardlink_to(tmp_path / "in")
    (tmp_path / "here").symlink_to(tmp_path)
    for name in ("in", "folder/../in", "symbolic", "hard", "here/in", "here/symbolic"):
        with pytest.raises(ConfigError, match=r"is the file that is read .* would destroy it"):
            write(tmp_path / name, "scores", tmp_path / "in")
    assert (tmp_path / "in").read_text() == "events"
    assert not list(tmp_path.glob("*.partial"))


def test_a_relative_path_is_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an absolute one."""
    monkeypatch.chdir(tmp_path)
    Path("in").write_text("events")
    assert is_same(Path("in"), tmp_path / "in")
    assert is_same(Path("./out"), tmp_path / "out")


def test_no_two_of_them_are_one_file(tmp_path: Path) -> None:
    """Not where none is there yet, either."""
    (tmp_path / "link").symlink_to(tmp_path / "out")
    for name in ("out", "./out", "link"):
        with NewFiles() as files:
            files.open(tmp_path / "out")
            with pytest.raises(ConfigError, match=r"^--other .* is written already, as .*out: "):
                files.open(tmp_path / name, "--other")


def test_no_two_of_them_are_one_pipe(tmp_path: Path) -> None:
    """Their bytes would be mixed up; a device that takes anything may be given twice."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    keeper = os.open(fifo, os.O_RDWR)  # or else opening it would wait for a reader
    with NewFiles() as files:
        files.open(fifo)
        with pytest.raises(ConfigError, match="is written already"):
            files.open(fifo)
    os.close(keeper)
    with NewFiles() as files:
        for _ in range(2):
            files.open(Path("/dev/null")).write("any")


def test_an_input_that_a_shell_writes_to_is_found(tmp_path: Path) -> None:
    """``/dev/stdout`` is the file that it is redirected to."""
    source = tmp_path / "in"
    source.write_text("events")
    ended = streamed(source, "/dev/stdout", ">>", source)
    assert "is the file that is read" in ended.stderr
    assert source.read_text() == "events"


def test_a_stream_is_written_directly(tmp_path: Path) -> None:
    """A pipe, a file that a shell has redirected to, and what stands in that already."""
    assert streamed(tmp_path / "in", "/dev/stdout").stdout == "scores"
    out = tmp_path / "out"
    assert streamed(tmp_path / "in", "/dev/stdout", ">", out).stderr == ""
    assert streamed(tmp_path / "in", "/dev/stdout", ">>", out).stderr == ""
    assert out.read_text() == "scoresscores"
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = subprocess.Popen(["cat", str(fifo)], stdout=subprocess.PIPE, text=True)  # noqa: S603, S607
    write(fifo, "scores")
    assert reader.communicate(timeout=60)[0] == "scores"
    assert fifo.is_fifo()


def streamed(read: Path, target: str, *redirected: object) -> subprocess.CompletedProcess[str]:
    """Writes in another process, whose output a shell redirects."""
    program = (
        "import sys; from pathlib import Path\n"
        "from stream_scorer.files import NewFiles\n"
        "try:\n"
        "    with NewFiles(Path(sys.argv[1])) as files:\n"
        "        files.open(Path(sys.argv[2])).write('scores')\n"
        "except Exception as error:\n"
        "    print(error, file=sys.stderr)\n"
    )
    line = f'"$0" -c "$1" "$2" "$3" {" ".join(map(str, redirected))}'
    return subprocess.run(  # noqa: S603 - our own words
        ["/bin/sh", "-c", line, sys.executable, program, str(read), target],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_a_link_is_written_through_and_a_mode_stays(tmp_path: Path) -> None:
    """The link stays a link, and a private file private."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.touch(mode=0o600)
    link.symlink_to(target)
    write(link, "scores")
    assert link.is_symlink()
    assert target.read_text() == "scores"
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_place_that_can_not_be_written_is_one_sentence(tmp_path: Path) -> None:
    """A folder that is not there, a folder in place of a file, a name that is too long."""
    for name, why in (
        ("nowhere/out", "No such file or directory"),
        ("", "Is a directory"),
        ("x" * 300, "File name too long"),
        ("a\0b", "embedded null byte"),
    ):
        with pytest.raises(ConfigError, match=rf"can't be written: {why}\.$"):
            write(tmp_path / name, "scores")
    assert list(tmp_path.iterdir()) == []
