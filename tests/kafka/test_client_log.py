"""The clients' own lines in the process's log."""

from __future__ import annotations

import logging

import pytest
from confluent_kafka import Consumer

from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.client_log import ClientLog, least_level
from tests.fakes import FakeClock
from tests.topics import wait_for

FORM = "%s [%s] %s"


def test_a_line_is_written_with_its_level(caplog: pytest.LogCaptureFixture) -> None:
    """As the client hands it over."""
    ClientLog().log(logging.ERROR, FORM, "FAIL", "consumer-1", "it failed: 100 %")
    ((name, level, message),) = caplog.record_tuples
    assert (name, level, message) == (
        "librdkafka",
        logging.ERROR,
        "FAIL [consumer-1] it failed: 100 %",
    )


def test_the_same_line_is_written_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """It is the same when only its numbers differ."""
    clock = FakeClock()
    log = ClientLog(clock=clock)
    for milliseconds in range(100):
        log.log(logging.ERROR, FORM, "FAIL", "c", f"refused (after {milliseconds}ms)")
        clock.advance(0.599)
    log.log(logging.ERROR, FORM, "FAIL", "c", "reset by peer")
    assert len(caplog.messages) == 2
    clock.advance(1)
    log.log(logging.ERROR, FORM, "FAIL", "c", "refused (after 7ms)")
    assert caplog.messages[-1] == "FAIL [c] refused (after 7ms)"


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({}, logging.INFO),
        ({"log_level": 3}, logging.ERROR),
        ({"log_level": "4"}, logging.WARNING),
        ({"log_level": 7}, logging.INFO),
        ({"debug": "eos"}, logging.DEBUG),
        ({"debug": "eos", "log_level": 6}, logging.INFO),
        ({"log_level": 0}, logging.CRITICAL + 1),
    ],
)
def test_the_client_s_own_settings_say_what_is_written(
    properties: dict[str, Property], expected: int
) -> None:
    """Though the client itself is made to say more."""
    assert least_level(properties) == expected


def test_what_is_not_written_is_heard(caplog: pytest.LogCaptureFixture) -> None:
    """Each line, as often as it is said."""
    heard: list[tuple[str, str]] = []
    caplog.set_level(logging.DEBUG)
    log = ClientLog(least=logging.INFO, hears=lambda *line: heard.append(line))
    for level in (logging.DEBUG, logging.INFO, logging.INFO):
        log.log(level, FORM, "FAIL", "c", "Disconnected")
    assert heard == [("FAIL", "Disconnected")] * 3
    assert len(caplog.messages) == 1


def test_it_remembers_no_end_of_lines() -> None:
    """A client that never repeats itself must not fill the memory."""
    log = ClientLog(logging.getLogger("nobody listens"))
    for each in range(3000):
        log.log(logging.DEBUG, FORM, "X", "c", "a" * each)
    assert len(log._repeats._said_at) <= 1000


def test_a_real_client_writes_to_it(caplog: pytest.LogCaptureFixture) -> None:
    """Once it is polled; a broker that is not there is worth one line."""
    nowhere = {"bootstrap.servers": "127.0.0.1:1", "group.id": "g"}
    client = Consumer(nowhere, logger=ClientLog())

    def has_said_so() -> bool:
        client.poll(0.05)
        return any("Connection refused" in each for each in caplog.messages)

    wait_for(has_said_so, "a line about the broker")
    client.close()
