"""What ``dlq list`` prints, whatever the dead letters say."""

from __future__ import annotations

import io
import sys
from contextlib import closing
from pathlib import Path

import pytest

from stream_scorer.__main__ import _open_streams
from stream_scorer.cli.main import main
from tests.kafka.raw_producer import RawHeaders, RawProducer, mocked
from tests.scorers import kafka_section, scorer

MESSAGE = "größer\x1b[2K\r\nout.dead-letters[0]@9  undecodable\u2028\x00"


def test_a_dead_letter_is_one_line_of_characters_that_the_terminal_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message may quote a producer, and another program may have written the letter."""
    headers: RawHeaders = [
        (b"__streams.errors.exception", b"x"),
        (b"__streams.errors.message", MESSAGE.encode()),
        (b"__streams.errors.topic", b"in\n"),
        (b"__streams.errors.partition", b"0"),
        (b"__streams.errors.offset", b"7"),
        (b"stream_scorer.reason", b"undecodable"),
    ]
    terminal = io.TextIOWrapper(io.BytesIO(), "ascii", write_through=True)
    monkeypatch.setattr(sys, "stdout", terminal)
    _open_streams()  # as the program does before any command
    with mocked("out.dead-letters") as address:
        config = scorer(tmp_path, {"kafka": kafka_section(address, "in", "out")})
        with closing(RawProducer(address)) as producer:
            producer.write("out.dead-letters", b"v", headers=headers)
            producer.flush()
        assert main(["dlq", "list", "-c", str(config)]) == 0
    written = terminal.buffer.getvalue().decode("ascii")
    assert written == (
        r"in\n[0]@7  undecodable (?)  group ?  1 bytes  replays 0  "
        r"gr\xf6\xdfer\x1b[2K\r\nout.dead-letters[0]@9  undecodable\u2028\x00" + "\n"
    )
