"""The Dockerfile: by its linter, by rules of ours, against the code, and built in a folder."""

from __future__ import annotations

import http.server
import json
import os
import sys
import sysconfig
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet

from stream_scorer import __version__
from stream_scorer.config.settings import ServerConfig
from stream_scorer.demo.stories import CARD_FRAUD, lay_out
from tests.deploy.containers import Image, ended
from tests.deploy.dockerfile import DOCKERFILE, ROOT, copied_from_the_repository, stages
from tests.topics import wait_for

BUILDS = ("onnxruntime", "onnxruntime-gpu")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
DEMO = ROOT / "stream_scorer/demo"


# ------------------------------------------------------------------ what it says


def test_hadolint_has_nothing_to_say() -> None:
    """Neither of the instructions nor of the shell in them."""
    program = Path(sysconfig.get_path("scripts")) / "hadolint"
    linted = ended([program, "--no-color", DOCKERFILE])
    assert (linted.returncode, linted.stdout, linted.stderr) == (0, "", "")


def test_what_is_left_in_the_image_was_only_copied() -> None:
    """Whatever compiles or downloads stays in the first stage; both have the same Python."""
    build, final = stages()
    assert final.all("RUN") == final.all("ADD") == []
    assert [each.value.split()[0] for each in final.all("COPY")] == ["--from=build"]
    assert build.base == final.base


def test_the_user_is_a_number_and_not_root() -> None:
    """Or Kubernetes can't tell that it is not root."""
    user, group = stages()[-1].one("USER").value.split(":")
    assert int(user) > 999
    assert int(group) > 999


def test_the_worker_is_process_1_and_hears_sigterm() -> None:
    """A shell between the two would keep the signal to itself."""
    final = stages()[-1]
    assert final.one("ENTRYPOINT").exec_form == ["stream-scorer"]
    assert final.one("CMD").exec_form == ["run", "-c", "/etc/stream-scorer/scorer.yaml"]
    assert final.one("STOPSIGNAL").value == "SIGTERM"


def test_the_port_is_the_one_that_the_worker_listens_on() -> None:
    """By default; the health check asks there."""
    port = ServerConfig().port
    assert stages()[-1].one("EXPOSE").value == str(port)
    assert f", {port})" in stages()[-1].one("HEALTHCHECK").value


def test_the_labels_say_what_it_is() -> None:
    """The version that is built unless another is named, and the licence."""
    labels = stages()[-1].one("LABEL").assignments
    assert labels["org.opencontainers.image.version"] == __version__ == PROJECT["version"]
    assert labels["org.opencontainers.image.licenses"] == PROJECT["license"]
    assert labels["org.opencontainers.image.description"] == PROJECT["description"]
    assert labels["org.opencontainers.image.base.name"] == stages()[-1].base


def test_another_python_and_version_can_be_asked_for() -> None:
    """The folders that are named for the version of Python move along."""
    build, final = stages({"PYTHON": "3.11", "VERSION": "7"})
    assert build.base == final.base == "docker.io/library/python:3.11-slim"
    assert final.one("LABEL").assignments["org.opencontainers.image.version"] == "7"
    assert "/lib/python3.11/" in final.environment["LD_LIBRARY_PATH"]


def test_its_python_is_one_that_the_package_takes() -> None:
    """As pyproject.toml says."""
    version = stages()[-1].base.partition(":")[2].removesuffix("-slim")
    assert SpecifierSet(PROJECT["requires-python"]).contains(version)


def test_the_build_gets_the_files_that_it_copies_and_no_others() -> None:
    """No model, config, key or Git history of the working folder gets near it."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = [line[1:] for line in rules if line.startswith("!")]
    assert sorted(let_in) == sorted(copied_from_the_repository())
    assert all((ROOT / path).exists() for path in let_in)
    assert set(rules[1 + len(let_in) :]) == {"**/__pycache__", "**/*.pyc"}


# ------------------------------------------------------------------ what it installs


def requirements(build: str) -> list[str]:
    """What the image installs with this build of ONNX Runtime."""
    printed = ended([sys.executable, "deploy/image/requirements.py", build], cwd=ROOT)
    assert printed.returncode == 0, printed.stderr
    return printed.stdout.split()


def test_without_an_argument_it_installs_what_the_package_depends_on() -> None:
    """All of it, and nothing else."""
    (default,) = [
        each.assignments["ONNXRUNTIME"]
        for each in stages()[0].all("ARG")
        if "ONNXRUNTIME" in each.assignments
    ]
    assert requirements(default) == PROJECT["dependencies"]


@pytest.mark.parametrize(
    ("asked", "installed"),
    [
        ("onnxruntime-gpu", "onnxruntime-gpu>=1.23"),
        ("onnxruntime-gpu[cuda,cudnn]", "onnxruntime-gpu[cuda,cudnn]>=1.23"),
        ("onnxruntime-gpu[cuda,cudnn]==1.31.1", "onnxruntime-gpu[cuda,cudnn]==1.31.1"),
    ],
)
def test_another_build_of_onnx_runtime_takes_the_cpu_builds_place(
    asked: str, installed: str
) -> None:
    """Everything else stays as it is."""
    others = [each for each in PROJECT["dependencies"] if not each.startswith("onnxruntime")]
    assert sorted(requirements(asked)) == sorted([installed, *others])


def resolved(build: str, machine: str, report: Path) -> dict[str, str]:
    """What pip would install into the image on such a machine, by name; downloads metadata only."""
    python = stages()[-1].base.partition(":")[2].removesuffix("-slim")
    platforms = [f"manylinux{kind}_{machine}" for kind in ("2014", "_2_17", "_2_27", "_2_28")]
    asked = ended(
        [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"),
            *("--dry-run", "--ignore-installed", "--report", report, "--target", report.parent),
            *("--only-binary", ":all:", "--python-version", python, "--implementation", "cp"),
            *(word for each in platforms for word in ("--platform", each)),
            *("--constraint", ROOT / "constraints.txt"),
            *("--constraint", ROOT / "deploy/image/constraints-gpu.txt"),
            *requirements(build),
        ]
    )
    assert asked.returncode == 0, asked.stderr
    found = json.loads(report.read_text("utf-8"))["install"]
    return {each["metadata"]["name"]: each["metadata"]["version"] for each in found}


@pytest.mark.parametrize(
    ("build", "machine"),
    [("onnxruntime", "aarch64"), ("onnxruntime-gpu", "x86_64")],
)
def test_wheels_alone_make_the_image_with_one_build_of_onnx_runtime(
    build: str, machine: str, tmp_path: Path
) -> None:
    """For the image's Python: nothing is compiled, and each version is a pinned one."""
    installed = resolved(build, machine, tmp_path / "report.json")
    assert [name for name in installed if name in BUILDS] == [build]
    files = ("constraints.txt", "deploy/image/constraints-gpu.txt")
    pinned = "".join((ROOT / file).read_text("utf-8") for file in files).lower().replace("_", "-")
    loose = [
        name
        for name, version in installed.items()
        if f"{name}=={version}\n".lower().replace("_", "-") not in pinned
    ]
    assert loose == []


@pytest.mark.timeout(400)
def test_the_build_ends_with_a_runtime_that_scores(image: Image) -> None:
    """It looks itself whether there is one build of ONNX Runtime, and loads it."""
    assert "CPUExecutionProvider" in image.said
    programs = image.folder / "opt/stream-scorer/bin"
    assert (programs / "stream-scorer").exists()
    assert not list(programs.glob("pip*"))


@pytest.mark.timeout(400)
def test_every_file_of_the_package_is_in_the_image(image: Image) -> None:
    """The live page, the demo's models and schemas, and whatever else is no Python."""
    (installed,) = (image.folder / "opt/stream-scorer/lib").glob("python*/site-packages")
    files = [path for path in (ROOT / "stream_scorer").rglob("*") if path.is_file()]
    names = [str(path.relative_to(ROOT)) for path in files if path.parent.name != "__pycache__"]
    left_out = [name for name in names if not (installed / name).exists()]
    assert left_out == ["stream_scorer/demo/models/SHA256SUMS"]


# ------------------------------------------------------------------ how it runs


@pytest.mark.timeout(400)
def test_a_config_that_is_not_mounted_is_one_sentence(image: Image, tmp_path: Path) -> None:
    """The default command, in an image that got nothing to run."""
    final = image.final
    words = [*final.one("ENTRYPOINT").exec_form, *final.one("CMD").exec_form]
    log = tmp_path / "log"
    assert image.run(words, tmp_path, log) == 2
    (sentence,) = log.read_text("utf-8").splitlines()
    assert f"{tmp_path}/scorer.yaml" in sentence


@pytest.mark.timeout(400)
def test_a_read_only_root_without_any_capability_is_enough(image: Image, tmp_path: Path) -> None:
    """Not even /tmp may be written to, and a model is loaded and run all the same."""
    if not image.confine:
        pytest.skip("this process may not make namespaces; as root on Linux it may")
    touched = tmp_path / "touched"
    assert image.run(["touch", str(touched)], tmp_path, tmp_path / "touch.log") != 0
    words = ["stream-scorer", "inspect", "--model", str(DEMO / "models/card_fraud.onnx")]
    log = tmp_path / "log"
    assert image.run(words, tmp_path, log) == 0, log.read_text("utf-8")
    assert "probabilities" in log.read_text("utf-8")


@pytest.mark.timeout(400)
def test_a_stop_while_the_worker_starts_is_heard(image: Image, tmp_path: Path) -> None:
    """The kernel keeps SIGTERM from a process 1 that has no handler for it."""
    config = lay_out(CARD_FRAUD, tmp_path, "127.0.0.1:1")
    words = ["stream-scorer", "run", "-c", str(config)]
    container = image.start(words, tmp_path, tmp_path / "log")
    wait_for(lambda: "No broker of 127.0.0.1:1 answers yet" in container.said(), container.said)
    assert container.stop(10.0) == 0
    assert "Stopped before the first event was read." in container.said()


def health_check() -> list[str]:
    """The words of the image's health check."""
    _, _, words = stages()[-1].one("HEALTHCHECK").value.partition("CMD ")
    found = json.loads(words)
    assert isinstance(found, list)
    return found


class _Answers(http.server.BaseHTTPRequestHandler):
    def __init__(self, status: int, *connection: Any) -> None:
        self._status = status
        super().__init__(*connection)

    def do_GET(self) -> None:
        self.send_response(self._status if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def answering(status: int) -> Iterator[int]:
    """A server whose /healthz has this status; yields its port."""
    with http.server.HTTPServer(("127.0.0.1", 0), partial(_Answers, status)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def asked_at(port: int) -> int:
    """The exit code of the health check, with a proxy in the environment that leads nowhere."""
    environment = {"http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}
    environment["STREAM_SCORER__SERVER__PORT"] = str(port)
    return ended(
        [sys.executable, *health_check()[1:]], env={**os.environ, **environment}
    ).returncode


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_health_check_passes_on_what_healthz_says(status: int, code: int) -> None:
    """Past any proxy, and at the port that the worker was given."""
    assert health_check()[0] == "python"
    with answering(status) as port:
        assert asked_at(port) == code


def test_without_a_listener_the_health_check_fails() -> None:
    """As it does while the worker starts; the start period is for that."""
    with answering(200) as port:
        pass
    assert asked_at(port) == 1
