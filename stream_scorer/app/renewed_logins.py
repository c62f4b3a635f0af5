"""A password in a file may change while the worker runs: its clients are told, and none restarts.

Connections that stand keep their login; new ones use the password that is in the file then. Until
it is there, whoever must connect anew is refused, and waits as for brokers that are away.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from stream_scorer.config.file_references import read_again
from stream_scorer.config.text import Secret
from stream_scorer.errors import ConfigError
from stream_scorer.kafka.client_config import login_of
from stream_scorer.observe.logs import Log

#: A kubelet takes up to a minute to bring a secret; a few seconds more are not felt.
LOOK_SECONDS = 2.0


def as_now(properties: Mapping[str, str]) -> Mapping[str, str]:
    """Return the properties with what their files hold now, if all of them can be read."""
    try:
        return read_again(properties)
    except ConfigError:
        return properties


class Client(Protocol):
    """A client that lives as long as the worker."""

    def renew_login(self, username: str, password: str) -> None:
        """Log in so from the next connection on; any thread may call it, and it returns at once."""


class RenewedLogins:
    """Reads the files of ``sasl.username`` and ``sasl.password`` again and again.

    Args:
        log: hears of a change, and of a file that can't be read any more.
        look_seconds: how often the files are read.
    """

    def __init__(self, log: Log, look_seconds: float = LOOK_SECONDS) -> None:
        self._log = log
        self._look_seconds = look_seconds
        self._followed: list[_Followed] = []

    def follow(self, client: Client, properties: Mapping[str, object]) -> None:
        """Tell a client of changes, if its login stands in files; before :meth:`watching`."""
        names = ("sasl.username", "sasl.password")
        login = {name: properties[name] for name in names if name in properties}
        if any(isinstance(value, Secret) and value.file for value in login.values()):
            self._followed.append(_Followed(client, login, self._log))

    def look(self) -> None:
        """Read the files once; tell the clients and the log of what changed."""
        for each in self._followed:
            each.look()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look while the block runs; without any file, nothing is done."""
        if not self._followed:
            yield
            return
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(self._look_seconds):
                self.look()

        thread = threading.Thread(target=watch, name="renewed-logins", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


class _Followed:
    def __init__(self, client: Client, login: Mapping[str, object], log: Log) -> None:
        self._client = client
        self._login = dict(login)
        self._log = log
        self._complained = ""

    def look(self) -> None:
        try:
            now = read_again(self._login)
        except ConfigError as unreadable:
            if str(unreadable) != self._complained:
                self._complained = str(unreadable)
                self._log.warning(f"{unreadable} The login that was read before stays in use.")
            return
        self._complained = ""
        if now == self._login:
            return
        self._client.renew_login(*login_of(now))
        self._login = now
        self._log.info("the login was renewed", client=type(self._client).__name__)
