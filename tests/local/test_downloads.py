"""What is downloaded is there completely or not at all, and is downloaded once."""

from __future__ import annotations

import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from stream_scorer.errors import ConfigError
from stream_scorer.local.downloads import _cached, cache_folder, kafka_jars

if TYPE_CHECKING:
    from pathlib import Path

    from stream_scorer.local.progress import Arrivals

# Nobody listens on the discard port: whoever uses the network fails.
NO_NETWORK = "http://127.0.0.1:9"


@pytest.fixture(scope="session")
def jars() -> list[Path]:
    """Kafka's jars, downloaded if this machine has never seen them."""
    return kafka_jars()


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder that does not exist yet."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("STREAM_SCORER_CACHE", str(folder))
    return folder


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cuts off every client that heeds the usual proxy variables, as jgo does."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, NO_NETWORK)
        monkeypatch.setenv(name.upper(), NO_NETWORK)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


class HasNothing(BaseHTTPRequestHandler):
    """A Maven repository that is empty."""

    def do_GET(self) -> None:
        """Answers 404 to all."""
        self.send_response(HTTPStatus.NOT_FOUND)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Keeps the test's output clean."""


def fills(folder: Path, _repository: Path, _progress: Arrivals) -> None:
    """A download of two small files."""
    (folder / "a.jar").write_text("first")
    (folder / "lib").mkdir()
    (folder / "lib" / "b.jar").write_text("second")


@pytest.mark.usefixtures("no_network")
def test_a_later_start_needs_no_network(jars: list[Path]) -> None:
    """The jars of a broker that ran once are used as they are."""
    assert len(jars) > 40
    assert kafka_jars() == jars


@pytest.mark.usefixtures("no_network")
def test_a_first_start_without_network_says_what_to_do(empty_cache: Path) -> None:
    """And leaves nothing that a later start could take for a download."""
    with pytest.raises(ConfigError, match=r"needed once, so run this with network access"):
        kafka_jars()
    assert [path.name for path in empty_cache.iterdir()] == [".kafka-4.4.0.lock"]


def test_a_cache_that_cannot_be_made_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the variable that says where it is."""
    monkeypatch.setenv("STREAM_SCORER_CACHE", "/proc/cache")
    with pytest.raises(ConfigError, match=r"/proc/cache .* another in .* STREAM_SCORER_CACHE"):
        kafka_jars()


def test_another_maven_repository_can_stand_in_for_central(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A company's mirror is named in jgo's settings; what it lacks is an error that names it."""
    with HTTPServer(("127.0.0.1", 0), HasNothing) as mirror:
        threading.Thread(target=mirror.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{mirror.server_port}/maven"
        settings = tmp_path / "jgo.conf"
        settings.write_text(f"[repositories]\ncentral = {url}\n")
        monkeypatch.setenv("JGO_CONFIG_FILE", str(settings))
        with pytest.raises(ConfigError, match=url):
            kafka_jars()
        mirror.shutdown()
    assert not list(empty_cache.glob("kafka*"))


def test_an_interrupted_download_leaves_nothing(empty_cache: Path) -> None:
    """Ctrl-C in the middle; the next start begins again and succeeds."""

    def interrupted(folder: Path, repository: Path, progress: Arrivals) -> None:
        fills(folder, repository, progress)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _cached("kafka", "Kafka", interrupted)
    assert [path.name for path in empty_cache.iterdir()] == [".kafka.lock"]
    folder = _cached("kafka", "Kafka", fills)
    assert (folder / "lib" / "b.jar").read_text() == "second"


@pytest.mark.parametrize("harm", ["gone", "cut"])
def test_a_cache_that_lost_a_file_is_filled_again(empty_cache: Path, harm: str) -> None:
    """Somebody cleaned up, or the disk was full."""
    victim = _cached("kafka", "Kafka", fills) / "lib" / "b.jar"
    if harm == "gone":
        victim.unlink()
    else:
        victim.write_text("sec")
    _cached("kafka", "Kafka", fills)
    assert victim.read_text() == "second"
    assert victim.is_relative_to(empty_cache)


@pytest.mark.usefixtures("empty_cache")
def test_two_who_start_at_once_download_once() -> None:
    """The second waits for the first and uses what it brought."""
    downloads = list[str]()
    first_is_in, second_is_on_its_way = threading.Event(), threading.Event()

    def slow(folder: Path, repository: Path, progress: Arrivals) -> None:
        downloads.append(threading.current_thread().name)
        first_is_in.set()
        assert second_is_on_its_way.wait(10)
        fills(folder, repository, progress)

    threads = [threading.Thread(target=_cached, args=("kafka", "Kafka", slow)) for _ in range(2)]
    threads[0].start()
    assert first_is_in.wait(10)
    threads[1].start()
    second_is_on_its_way.set()
    for thread in threads:
        thread.join(10)
    assert downloads == [threads[0].name]


def test_without_jgo_the_error_says_what_to_install(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra is optional: the scorer itself needs no jars."""
    monkeypatch.setitem(sys.modules, "jgo.maven", None)
    with pytest.raises(ConfigError, match=r"pip install 'stream-scorer\[demo\]'"):
        kafka_jars()
    assert not list(empty_cache.glob("kafka*"))


def test_the_cache_is_where_the_desktop_standard_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Our own variable comes first, then XDG's, then the home folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("STREAM_SCORER_CACHE", raising=False)
    assert cache_folder() == tmp_path / ".cache" / "stream-scorer"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "stream-scorer"
    monkeypatch.setenv("STREAM_SCORER_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
