"""A real schema registry on this machine: Apicurio Registry 3.3, which speaks Confluent's API."""

from __future__ import annotations

import http.client
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from stream_scorer.errors import Unreachable
from stream_scorer.local.downloads import registry_folder
from stream_scorer.local.java import JavaProcess
from stream_scorer.local.ports import ReservedPort

if TYPE_CHECKING:
    from collections.abc import Mapping

_READY_SECONDS = 90.0
_SMALL_JAVA = ("-Xmx128m", "-Xss512k", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class EmbeddedRegistry:
    """A registry that lives as long as the ``with`` block.

    Both its ports are on the loopback interface. Schemas and their ids are in a file of its folder
    (H2), so they outlive a restart and a kill. Ids are not consecutive.

    Args:
        folder: Keeps schemas and log, to be found again by the next registry in this folder. By
            default a temporary one, removed by :meth:`stop`.
        port: Where it listens; 0 picks a free port.
        compatibility: What every subject must obey unless it says otherwise. Confluent's registry
            has ``BACKWARD``; Apicurio itself ``NONE``.
        properties: Any setting of Apicurio Registry or Quarkus; these win over all others.
    """

    def __init__(
        self,
        folder: Path | None = None,
        port: int = 0,
        compatibility: str = "BACKWARD",
        properties: Mapping[str, str] | None = None,
    ) -> None:
        self._given_folder = folder
        self._port = port
        self._compatibility = compatibility
        self._properties = dict(properties or {})
        self._java: JavaProcess | None = None

    def __enter__(self) -> Self:
        """Starts it; returns when it answers.

        Raises:
            ConfigError: Java or the registry can't be had.
            Unreachable: It ended, or is not ready in time; the text holds the end of its log.
        """
        self._folder = (self._given_folder or Path(tempfile.mkdtemp(prefix="registry-"))).absolute()
        self._reserved = (ReservedPort(), ReservedPort())
        self._port = self._port or self._reserved[0].number
        self._management_port = self._reserved[1].number
        try:
            self.start()
        except BaseException:
            self.kill()
            self._release_ports()  # the folder stays: the error names the log in it
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where the Confluent API is; a client appends ``/subjects`` and the like."""
        return f"http://127.0.0.1:{self._port}/apis/ccompat/v7"

    def start(self) -> None:
        """Starts it again after :meth:`kill`; returns when it answers.

        Raises:
            Unreachable: It ended, or is not ready in time; the text holds the end of its log.
        """
        if self._java is not None and self._java.alive():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        settings = [f"-D{name}={value}" for name, value in self._settings().items()]
        program = str(registry_folder() / "quarkus-run.jar")
        self._java = JavaProcess(
            "Apicurio Registry", (*_SMALL_JAVA, *settings, "-jar", program), self.logs()
        )
        self._java.wait_until(self._is_ready, _READY_SECONDS)

    def logs(self) -> Path:
        """The file that holds what it says, over all its restarts."""
        return self._folder / "registry.log"

    def pause(self) -> None:
        """Freezes it: it takes connections and never answers, as a registry that hangs."""
        self._running().pause()

    def resume(self) -> None:
        """Lets it go on after :meth:`pause`."""
        self._running().resume()

    def kill(self) -> None:
        """Ends it by SIGKILL, as a crash does; :meth:`start` brings it back."""
        if self._java is not None:
            self._java.kill()

    def restart(self) -> None:
        """Stops it in order and starts it again, on the same port, with the same ids."""
        if self._java is not None:
            self._java.stop()
        self.start()

    def stop(self) -> None:
        """Stops it, and removes the folder if it was temporary. Idempotent."""
        if self._java is not None:
            self._java.stop()
        self._release_ports()
        if self._given_folder is None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _settings(self) -> dict[str, str]:
        return {
            "quarkus.http.host": "127.0.0.1",
            "quarkus.http.port": str(self._port),
            # Health and metrics are on a second port, which is 0.0.0.0:9000 unless one says so.
            "quarkus.management.host": "127.0.0.1",
            "quarkus.management.port": str(self._management_port),
            "apicurio.rules.global.compatibility": self._compatibility,
            # H2 writes half a second late by default, and a kill would lose a registered schema.
            "apicurio.datasource.url": f"jdbc:h2:file:{self._folder / 'registry'};WRITE_DELAY=0",
            "apicurio.datasource.jdbc.initial-size": "1",
            "apicurio.datasource.jdbc.min-size": "1",
            **self._properties,
        }

    def _release_ports(self) -> None:
        for port in self._reserved:
            port.release()

    def _running(self) -> JavaProcess:
        if self._java is None:
            raise Unreachable("The registry was never started.")
        return self._java

    def _is_ready(self) -> bool:
        # The health check asks for no password, whatever the API demands.
        connection = http.client.HTTPConnection("127.0.0.1", self._management_port, timeout=5)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()
