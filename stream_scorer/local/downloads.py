"""What arrives from Maven once and stays: the jars of Kafka, the archive of the registry.

A folder appears in the cache only when it is complete: it is filled under another name and
renamed at the end, so an interrupted download leaves nothing that a later start could trust.
Processes that need the same folder wait for each other on a lock file beside it.

The cache is ``$STREAM_SCORER_CACHE``, else ``$XDG_CACHE_HOME/stream-scorer``, else
``~/.cache/stream-scorer``. Removing it is safe while nothing runs from it. Repositories beside
Maven Central, or one in its place (under the name ``central``), come from jgo's settings file.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stream_scorer.errors import ConfigError, reason
from stream_scorer.local.progress import arrivals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream_scorer.local.progress import Arrivals

_KAFKA = "org.apache.kafka:kafka_2.13:4.4.0"
# Kafka logs through slf4j 1.7 and brings log4j-core; this joins the two, in log4j-core's version.
_KAFKA_LOGGING = ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.5")
_REGISTRY = ("io.apicurio", "apicurio-registry-app", "3.3.3")

_CONTENTS = "contents.txt"


def kafka_jars() -> list[Path]:
    """Every jar that a Kafka 4.4 broker needs on its class path, downloaded if need be.

    Raises:
        ConfigError: The jars are not in the cache and can't be downloaded, or there is no cache.
    """
    folder = _cached("kafka-4.4.0", "Apache Kafka 4.4.0", _download_jars)
    return sorted(folder.glob("*.jar"))


def registry_folder() -> Path:
    """The unpacked Apicurio Registry 3.3.3, downloaded if need be.

    Raises:
        ConfigError: It is not in the cache and can't be downloaded.
    """
    return _cached("apicurio-registry-3.3.3", "Apicurio Registry 3.3.3", _download_registry)


def cache_folder() -> Path:
    """Where downloads stay between runs; see the module's description."""
    if given := os.environ.get("STREAM_SCORER_CACHE"):
        return Path(given).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "stream-scorer"


def _cached(name: str, title: str, download: Callable[[Path, Path, Arrivals], None]) -> Path:
    folder = cache_folder() / name
    if _is_complete(folder):
        return folder
    _make(folder.parent)
    with _locked(folder.with_name(f".{name}.lock")):
        if not _is_complete(folder):  # no other process was quicker
            with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder.parent) as scratch:
                arriving = Path(scratch, name)
                arriving.mkdir()
                _fetch(title, download, arriving, Path(scratch, "maven"))
                _write_contents(arriving)
                if folder.exists():  # somebody cleaned up inside it
                    shutil.rmtree(folder)
                arriving.rename(folder)
    return folder


def _make(cache: Path) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The folder {cache} for downloads can't be made ({reason(error)}): name another in "
            "the environment variable STREAM_SCORER_CACHE."
        ) from error


def _fetch(
    title: str, download: Callable[[Path, Path, Arrivals], None], folder: Path, repository: Path
) -> None:
    # jgo raises RuntimeError for what no repository has, requests an OSError for the network.
    try:
        with arrivals(title) as progress:
            download(folder, repository, progress)
    except (OSError, RuntimeError) as error:
        raise ConfigError(
            f"{title} could not be downloaded ({reason(error)}); it is needed once, so run this "
            f"with network access, or copy {cache_folder() / folder.name} from a machine that has "
            "it."
        ) from error


def _download_jars(folder: Path, repository: Path, progress: Arrivals) -> None:
    context = _maven(repository, progress)
    inputs, transitive = context.resolver.resolve([context.create_dependency(_KAFKA)])
    artifacts = [dependency.artifact for dependency in (*inputs, *transitive)]
    # Not resolved with Kafka: what log4j's own build pins (a Kafka 3.9 client) would then win.
    group, name, version = _KAFKA_LOGGING
    artifacts.append(context.project(group, name).at_version(version).artifact())
    progress.expect(len(artifacts))
    for artifact in artifacts:
        jar = artifact.resolve()
        jar.rename(folder / jar.name)


def _download_registry(folder: Path, repository: Path, progress: Arrivals) -> None:
    group, name, version = _REGISTRY
    component = _maven(repository, progress).project(group, name).at_version(version)
    archive = component.artifact(classifier="all", packaging="tar.gz").resolve()
    with tarfile.open(archive) as packed:
        # Members may not leave the folder; Python before 3.11.4 can't check that.
        packed.extraction_filter = getattr(tarfile, "data_filter", lambda member, _path: member)
        packed.extractall(folder)  # noqa: S202 - filtered, see above


def _maven(repository: Path, progress: Arrivals) -> Any:
    try:
        from jgo.config import GlobalSettings  # noqa: PLC0415 - of the extra `demo`, and slow
        from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415
        from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            "The package jgo is missing, which downloads Kafka: pip install 'stream-scorer[demo]'."
        ) from error
    return MavenContext(
        resolver=PythonResolver(progress_callback=progress.file),
        repo_cache=repository,
        remote_repos={"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories},
        timeout=60,
    )


def _write_contents(folder: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{path.stat().st_size} {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / _CONTENTS).write_text("".join(lines))


def _is_complete(folder: Path) -> bool:
    try:
        lines = (folder / _CONTENTS).read_text().splitlines()
        sizes = [line.split(" ", 1) for line in lines]
        return all((folder / name).stat().st_size == int(size) for size, name in sizes)
    except FileNotFoundError:
        return False


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released when the file closes, or the process dies
        yield
