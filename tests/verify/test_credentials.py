"""Client properties for one's own cluster: from words and from a file, checked by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream_scorer.errors import ConfigError
from stream_scorer.verify.credentials import properties_of, resolved


def test_words_win_over_the_file(tmp_path: Path) -> None:
    """The file is as Kafka's tools have it: comments, empty lines, spaces around the sign."""
    file = tmp_path / "client.properties"
    file.write_text(
        "# ours\n\nsecurity.protocol = SASL_SSL\nsasl.username=file\nsasl.password=a=b\n"
    )
    properties = properties_of(["sasl.username=word"], file)
    assert properties == {
        "security.protocol": "SASL_SSL",
        "sasl.username": "word",
        "sasl.password": "a=b",
    }


def test_a_password_is_not_shown() -> None:
    """Wherever the properties are printed."""
    assert "hunter2" not in repr(properties_of(["sasl.password=hunter2"], None))


def test_a_value_can_stand_in_a_file(tmp_path: Path) -> None:
    """As in a worker's configuration, which gets the reference and not what it stands for."""
    (tmp_path / "password").write_text("hunter2\n")
    given = properties_of([f"sasl.password=file:{tmp_path / 'password'}"], None)
    assert given == {"sasl.password": f"file:{tmp_path / 'password'}"}
    assert resolved(given) == {"sasl.password": "hunter2"}
    assert "hunter2" not in repr(resolved(given))
    with pytest.raises(ConfigError, match=r"sasl.password: the file .*missing"):
        resolved({"sasl.password": f"file:{tmp_path / 'missing'}"})


def test_a_path_stays_right_in_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers run in a folder of the proof."""
    monkeypatch.chdir(tmp_path)
    given = properties_of(["sasl.password=file:password", "ssl.ca.location=ca.pem"], None)
    assert given == {
        "sasl.password": f"file:{tmp_path / 'password'}",
        "ssl.ca.location": str(tmp_path / "ca.pem"),
    }


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("sasl.username", "-X sasl.username must be key=value"),
        ("=x", "-X  must be key=value"),
        ("bootstrap.servers=k:9092", "is set by --bootstrap-servers"),
        ("isolation.level=read_uncommitted", "-X isolation.level can't be set: it must be"),
        ("sasl.usename=me", "is not a librdkafka property .* did you mean sasl.username"),
        ("session.timeout.ms=1", "-X session.timeout.ms is not a librdkafka property of both"),
    ],
)
def test_a_property_that_can_t_be_is_refused(word: str, said: str) -> None:
    """Each in a sentence that names it."""
    with pytest.raises(ConfigError, match=said):
        properties_of([word], None)


def test_a_mistake_in_a_file_is_named_with_its_line(tmp_path: Path) -> None:
    """And a file that is not there is no traceback."""
    file = tmp_path / "client.properties"
    file.write_text("sasl.username=me\nsasl.pasword=x\n")
    with pytest.raises(ConfigError, match=r"client.properties, line 2: sasl.pasword is not a"):
        properties_of([], file)
    with pytest.raises(ConfigError, match=r"--properties: the file .*nowhere"):
        properties_of([], tmp_path / "nowhere")
