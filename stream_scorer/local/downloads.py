"""Downloads from Maven into a cache: Kafka's jars, and the registry's archive.

A folder appears in the cache only when it is complete: it is filled under another name and renamed
at the end, so an interrupted download leaves nothing that a later start would use. Processes that
need the same folder wait for each other on a lock file beside it.

The cache is ``$STREAM_SCORER_CACHE``, else ``$XDG_CACHE_HOME/stream-scorer``, else
``~/.cache/stream-scorer``. It is safe to remove while nothing runs from it. Additional
repositories, or one that replaces Maven Central (named ``central``), come from jgo's settings file.
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
# Kafka logs through slf4j 1.7 and ships log4j-core; this bridges them, in log4j-core's version.
_KAFKA_LOGGING = ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.5")
_REGISTRY = ("io.apicurio", "apicurio-registry-app", "3.3.3")

_CONTENTS = "contents.txt"


def kafka_jars() -> list[Path]:
    """Return the jars for a Kafka 4.4 broker's class path; download them if necessary.

    Raises:
        ConfigError: The jars are not in the cache and can't be downloaded, or there is no cache.
    """
    folder = _cached("kafka-4.4.0", "Apache Kafka 4.4.0", _download_jars)
    return sorted(folder.glob("*.jar"))


def registry_folder() -> Path:
    """Return the folder of the unpacked Apicurio Registry 3.3.3; download it if necessary.

    Raises:
        ConfigError: It is not in the cache and can't be downloaded.
    """
    return _cached("apicurio-registry-3.3.3", "Apicurio Registry 3.3.3", _download_registry)


def cache_folder() -> Path:
    """Return the folder that keeps downloads between runs; see the module's docstring."""
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
        if not _is_complete(folder):  # no other process was faster
            with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder.parent) as scratch:
                arriving = Path(scratch, name)
                arriving.mkdir()
                _fetch(title, download, arriving, Path(scratch, "maven"))
                _write_contents(arriving)
                if folder.exists():  # some of its files were deleted
                    shutil.rmtree(folder)
                arriving.rename(folder)
    return folder


def _make(cache: Path) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The folder {cache} for downloads can't be created ({reason(error)}): set another in "
            "the environment variable STREAM_SCORER_CACHE."
        ) from error


def _fetch(
    title: str, download: Callable[[Path, Path, Arrivals], None], folder: Path, repository: Path
) -> None:
    # jgo raises RuntimeError if no repository has a file, requests an OSError for network errors.
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
    # Not resolved with Kafka: versions pinned by log4j's build (a Kafka 3.9 client) would win.
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
        # Members must stay inside the folder; Python before 3.11.4 can't check that.
        packed.extraction_filter = getattr(tarfile, "data_filter", lambda member, _path: member)
        packed.extractall(folder)  # noqa: S202 - filtered, see above


def _maven(repository: Path, progress: Arrivals) -> Any:
    try:
        from jgo.config import GlobalSettings  # noqa: PLC0415 - of the extra `demo`, and slow
        from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415
        from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            "The package jgo, which downloads Kafka, is missing: pip install 'stream-scorer[demo]'."
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
