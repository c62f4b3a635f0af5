"""The log of a process whose settings hold secrets, while every library speaks.

The registry is a stand-in over real HTTP that answers: an address that does not answer is never
logged by the HTTP library.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import stream_scorer.app.replay
import stream_scorer.app.run  # noqa: F401 - all that a worker imports
from stream_scorer.app.logs import start_logging
from stream_scorer.config import Settings, load
from stream_scorer.errors import RefusesToStart
from stream_scorer.hiding import without_credentials
from stream_scorer.pipeline.sources import open_schemas
from tests.schemas.confluent_api import confluent_api
from tests.scorers import EVENT, kafka_section, scorer

SECRET = f"planted-{uuid.uuid4().hex}"
LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Logging is configured by the test; afterwards it is as pytest had it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(params=["json", "console"])
def line_format(request: pytest.FixtureRequest) -> str:
    """Each way to write a line."""
    return str(request.param)


def settings_of(folder: Path, url: str, line_format: str, **more: Any) -> Settings:
    """A scorer that reads what is in a registry behind a password."""
    registry = {"url": url.replace("://", f"://scorer:{SECRET}@"), "register": True}
    given = {
        "kafka": kafka_section("127.0.0.1:1", "in", "out"),
        "schemas": {"framing": "confluent", "registry": registry, "reader": None},
        "logging": {"format": line_format, **more},
    }
    return load(scorer(folder, given), (), {}, need_kafka=True)


def ask(settings: Settings) -> None:
    """Ask the registry what `run` asks at its start."""
    schemas = open_schemas(settings)
    schemas.prefix_for(schemas.reader)
    schemas.close()


def libraries() -> list[logging.Logger]:
    """The logger of every module that was imported, but for our own."""
    made = [logging.getLogger(name) for name in sorted(logging.root.manager.loggerDict)]
    return [each for each in made if not each.name.startswith("stream_scorer")]


def speak(secrets: str) -> None:
    """Let every library's logger say something at every level."""
    for logger in libraries():
        for level in LEVELS:
            logger.log(level, "asked %s", secrets, extra={"url": secrets})
        try:
            Path(secrets * 2, "no such file").read_bytes()
        except OSError:
            logger.exception("failed")
        logger.error("%d", secrets)  # a line that can't be put together


def test_no_library_speaks_below_a_warning(
    tmp_path: Path, line_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its registry answers, and its HTTP client logs each address at info."""
    with confluent_api() as api:
        api.register("in-value", {"schema": json.dumps(EVENT)})
        settings = settings_of(tmp_path, api.url, line_format)
        log = start_logging(settings)
        ask(settings)
        assert len(api.requests) >= 2
    assert capsys.readouterr().err == ""
    for logger in libraries():
        logger.info("quiet")
    assert capsys.readouterr().err == ""
    log.info("running")
    assert "running" in capsys.readouterr().err


def test_no_line_of_any_library_shows_a_secret(
    tmp_path: Path, line_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor when they are asked to say all that they can."""
    with confluent_api() as api:
        api.register("in-value", {"schema": json.dumps(EVENT)})
        settings = settings_of(tmp_path, api.url, line_format, level="debug", libraries="debug")
        log = start_logging(settings)
        ask(settings)
        said = capsys.readouterr().err
        assert "HTTP Request: GET http://******@127.0.0.1:" in said
        assert SECRET not in said
        address = f"http://scorer:{SECRET}@127.0.0.1"
    for secrets in (address, SECRET, f"scorer:{SECRET}", f"{address},{address}"):
        speak(secrets)
        log.warning(secrets, why=secrets, all=[secrets, {"in": OSError(secrets)}])
    said = capsys.readouterr().err
    assert said.count("******") > len(libraries())
    assert SECRET not in said


@pytest.mark.parametrize("end", ["", "\n", " ", "\N{LATIN SMALL LETTER E WITH ACUTE}\t"])
def test_no_library_s_error_shows_a_secret(
    tmp_path: Path, line_format: str, capsys: pytest.CaptureFixture[str], end: str
) -> None:
    """One that no header can hold, as a file with an empty line at its end has it, is quoted."""
    token = {
        "bearer.auth.credentials.source": "STATIC_TOKEN",
        "bearer.auth.token": f"{SECRET}{end}",
        "bearer.auth.logical.cluster": "a",
        "bearer.auth.identity.pool.id": "b",
    }
    with confluent_api() as api:
        given = {
            "kafka": kafka_section("127.0.0.1:1", "in", "out"),
            "schemas": {
                "framing": "confluent",
                "registry": {"url": api.url, "properties": token},
                "reader": None,
            },
            "logging": {"format": line_format},
        }
        settings = load(scorer(tmp_path, given), (), {}, need_kafka=True)
        log = start_logging(settings)
        with pytest.raises(RefusesToStart) as refused:
            ask(settings)
    assert SECRET not in str(refused.value)
    quoted = f"{SECRET}{end}"
    log.warning("refused", why=OSError(quoted), all=[repr(quoted), repr(quoted.encode())])
    assert SECRET not in capsys.readouterr().err


def test_librdkafka_speaks_when_it_is_asked_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the settings that are its own."""
    kafka = kafka_section("127.0.0.1:1", "in", "out")
    for common, expected in (({}, 0), ({"debug": "eos"}, 1)):
        given = {"kafka": {**kafka, "common": common}, "logging": {"format": "json"}}
        start_logging(load(scorer(tmp_path, given), (), {}, need_kafka=True))
        logging.getLogger("librdkafka").info("FAIL [c] Disconnected")
        assert len(capsys.readouterr().err.splitlines()) == expected


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://u:p@host/x", "http://******@host/x"),
        ("http://u:p@ss@host", "http://******@host"),
        ("https://a:1,https://u:p@b:2/c?d=e@f", "https://a:1,https://******@b:2/c?d=e@f"),
        ("http://host/a@b and x@y", "http://host/a@b and x@y"),
        ('{"url": "http://host", "to": "a@b"}', '{"url": "http://host", "to": "a@b"}'),
    ],
)
def test_credentials_in_an_address_are_hidden(text: str, shown: str) -> None:
    """Whatever is not encoded in them, and nothing else."""
    assert without_credentials(text) == shown
