"""The image and its containers without a container engine: the same commands, in a folder.

The folder stands for the file system of the image. What the Dockerfile's RUN lines do happens in
it, and commands run with its programs, its environment and the files that are mounted there. Where
this process may, a command also gets what a container would: it is process 1 of its own, the root
is read-only to it, and it has no capability.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.deploy.dockerfile import ROOT, Stage, stages

PROGRAMS = "/opt/stream-scorer"
CONFIG_FOLDER = "/etc/stream-scorer"
BUILD_SECONDS = 300.0

_CONFINE = (
    "mount -o remount,bind,ro / && exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "
    '-- "$@"'
)
_CONFINED = (
    *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
    *("sh", "-c", _CONFINE, "sh"),
)


def may_confine() -> bool:
    """Whether this process may make namespaces: it is root on Linux, and nothing forbids it."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    return ended([*_CONFINED, "true"]).returncode == 0


def ended(words: Sequence[str | Path], **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a command of this machine to its end; ``more`` is for :func:`subprocess.run`."""
    return subprocess.run(  # noqa: S603 - the words of our own files
        words, check=False, capture_output=True, text=True, timeout=BUILD_SECONDS, **more
    )


@dataclass(frozen=True)
class Image:
    """What was built, and how its commands are run.

    ``folder`` stands for ``/``, ``said`` is what the build printed.
    """

    folder: Path
    said: str
    final: Stage
    confine: bool

    @classmethod
    def build(cls, folder: Path) -> Image:
        """Do what the Dockerfile's first stage says; the second one only copies from it."""
        build, final = stages()
        said = ""
        here = folder
        for each in build.instructions:
            match each.word:
                case "WORKDIR":
                    here = folder / each.value.lstrip("/")
                    here.mkdir(parents=True)
                case "COPY":
                    *sources, target = each.value.split()
                    for source in sources:
                        _copy(ROOT / source, here / target)
                case "RUN":
                    said += _run(each.value.replace(PROGRAMS, str(folder) + PROGRAMS), here)
        return cls(folder, said, final, may_confine())

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """What a command finds in its environment."""
        own = {
            name: value.replace(PROGRAMS, str(self.folder) + PROGRAMS).replace(
                "${PATH}", os.environ["PATH"]
            )
            for name, value in self.final.environment.items()
        }
        return {"HOME": "/", **own, **more}

    def command(self, words: Sequence[str], mounted: Path) -> list[str]:
        """The words as they are to be run, with ``mounted`` in place of the config's folder."""
        own = [word.replace(CONFIG_FOLDER, str(mounted)) for word in words]
        return [*(_CONFINED if self.confine else ()), *own]

    def start(
        self, words: Sequence[str], mounted: Path, log: Path, more: Mapping[str, str] | None = None
    ) -> Container:
        """Start a command; ``more`` is added to its environment."""
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - the words of our own files
                self.command(words, mounted),
                cwd=mounted,
                env=self.environment(more or {}),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return Container(process, log, confined=self.confine)

    def run(
        self, words: Sequence[str], mounted: Path, log: Path, more: Mapping[str, str] | None = None
    ) -> int:
        """Run a command to its end and return its exit code."""
        return self.start(words, mounted, log, more).wait()


@dataclass(frozen=True)
class Container:
    """A command that was started; its words are in ``log``."""

    process: subprocess.Popen[bytes]
    log: Path
    confined: bool

    def said(self) -> str:
        """What it printed."""
        return self.log.read_text("utf-8")

    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def wait(self, seconds: float = 60.0) -> int:
        """Wait for its end and return its exit code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"not within {seconds:.0f} s: its end; it said {self.said()}")

    def stop(self, seconds: float = 40.0) -> int:
        """Stop it as an engine does: SIGTERM to its process 1."""
        if self.running():
            inside = psutil.Process(self.process.pid)
            first = inside.children()[0] if self.confined else inside
            first.send_signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self) -> None:
        """End it in any case."""
        self.process.kill()
        self.process.wait()


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _run(command: str, here: Path) -> str:
    own = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{own}:{os.environ['PATH']}", "PIP_NO_COMPILE": "1"}
    built = ended(["/bin/sh", "-c", command], cwd=here, env=environment)
    assert built.returncode == 0, f"{command}: {built.stdout}{built.stderr}"
    return built.stdout
