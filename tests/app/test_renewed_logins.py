"""Logins in files, read again: who is told, and what is said when a file is not as it should be."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest

from stream_scorer.app.renewed_logins import RenewedLogins, as_now
from stream_scorer.config.text import Secret
from stream_scorer.observe.logs import Log


class Told:
    """A client, and what it was told."""

    def __init__(self) -> None:
        self.logins: list[tuple[str, str]] = []

    def renew_login(self, username: str, password: str) -> None:
        """Take note."""
        self.logins.append((username, password))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A password's file."""
    made = tmp_path / "password"
    made.write_text("first\n")
    return made


def login(file: Path) -> dict[str, str]:
    """Properties whose password stands in the file."""
    return {"sasl.username": "scorer", "sasl.password": Secret("first", file=file)}


@pytest.fixture
def logins() -> RenewedLogins:
    """What is tested."""
    return RenewedLogins(Log("stream_scorer"))


def test_every_client_is_told_once_of_a_change(logins: RenewedLogins, file: Path) -> None:
    """Not of what it knows, nor twice of the same."""
    clients = (Told(), Told())
    for client in clients:
        logins.follow(client, login(file))
    logins.look()
    file.write_text("second\n")
    logins.look()
    logins.look()
    assert [client.logins for client in clients] == [[("scorer", "second")]] * 2


def test_a_file_that_is_gone_or_empty_leaves_the_login_and_is_said_once(
    logins: RenewedLogins, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As it is while somebody writes it; what it holds afterwards counts."""
    client = Told()
    logins.follow(client, login(file))
    with caplog.at_level(logging.WARNING):
        file.write_text("")
        logins.look()
        logins.look()
        file.unlink()
        logins.look()
    kept = "The login that was read before stays in use."
    assert [record.getMessage() for record in caplog.records] == [
        f"sasl.password: the file {file} is empty. {kept}",
        f"sasl.password: the file {file} can't be read: No such file or directory. {kept}",
    ]
    assert client.logins == []
    file.write_text("second")
    logins.look()
    assert client.logins == [("scorer", "second")]


def test_a_login_that_stands_in_the_config_is_not_watched(logins: RenewedLogins) -> None:
    """There is no thread for it."""
    logins.follow(Told(), {"sasl.username": "scorer", "sasl.password": Secret("first")})
    with logins.watching():
        assert "renewed-logins" not in [thread.name for thread in threading.enumerate()]


def test_who_asks_beside_the_worker_logs_in_as_the_file_says_now(file: Path) -> None:
    """Or as it said, when it can't be read."""
    properties = {**login(file), "client.id": "x"}
    file.write_text("second\n")
    assert as_now(properties) == {**properties, "sasl.password": "second"}
    file.unlink()
    assert as_now(properties) == properties
