"""A real schema registry on this machine: Apicurio Registry 3.3, with Confluent's API."""

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
    """A registry that exists for the duration of a ``with`` block.

    Both its ports are on the loopback interface. Schemas and their ids are stored in a file (H2) in
    its folder, so they survive a restart and a kill. Ids are not consecutive.

    Args:
        folder: Keeps schemas and log, for the next registry in this folder. By default a temporary
            one, removed by :meth:`stop`.
        port: The port to listen on; 0 picks a free port.
        compatibility: The default compatibility level of all subjects. Confluent's registry has
            ``BACKWARD``; Apicurio itself ``NONE``.
        properties: Any settings of Apicurio Registry or Quarkus; these override all others.
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
        """Start it; return when it answers.

        Raises:
            ConfigError: Java or the registry is not available.
            Unreachable: It ended, or is not ready in time; the message has the end of its log.
        """
        self._folder = (self._given_folder or Path(tempfile.mkdtemp(prefix="registry-"))).absolute()
        self._reserved = (ReservedPort(), ReservedPort())
        self._port = self._port or self._reserved[0].number
        self._management_port = self._reserved[1].number
        try:
            self.start()
        except BaseException:
            self.kill()
            self._release_ports()  # keeps the folder: the error names the log in it
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The URL of the Confluent API; a client appends ``/subjects`` and the like."""
        return f"http://127.0.0.1:{self._port}/apis/ccompat/v7"

    def start(self) -> None:
        """Start it again after :meth:`kill`; return when it answers.

        Raises:
            Unreachable: It ended, or is not ready in time; the message has the end of its log.
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
        """Return its log file, which covers all its restarts."""
        return self._folder / "registry.log"

    def pause(self) -> None:
        """Freeze it: it accepts connections and never answers, like a registry that hangs."""
        self._running().pause()

    def resume(self) -> None:
        """Resume it after :meth:`pause`."""
        self._running().resume()

    def kill(self) -> None:
        """Kill it with SIGKILL, as a crash does; :meth:`start` restarts it."""
        if self._java is not None:
            self._java.kill()

    def restart(self) -> None:
        """Stop it cleanly and start it again, on the same port, with the same ids."""
        if self._java is not None:
            self._java.stop()
        self.start()

    def stop(self) -> None:
        """Stop it, and remove the folder if it is temporary. Idempotent."""
        if self._java is not None:
            self._java.stop()
        self._release_ports()
        if self._given_folder is None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _settings(self) -> dict[str, str]:
        return {
            "quarkus.http.host": "127.0.0.1",
            "quarkus.http.port": str(self._port),
            # Health and metrics are on a second port, which defaults to 0.0.0.0:9000.
            "quarkus.management.host": "127.0.0.1",
            "quarkus.management.port": str(self._management_port),
            "apicurio.rules.global.compatibility": self._compatibility,
            # By default H2 writes half a second late, and a kill would lose a registered schema.
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
        # The health check needs no password, whatever the API requires.
        connection = http.client.HTTPConnection("127.0.0.1", self._management_port, timeout=5)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()
