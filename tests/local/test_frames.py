"""Requests and answers are told apart by the first bytes of their frames."""

from __future__ import annotations

import asyncio

import pytest

from stream_scorer.local.frames import (
    ApiKey,
    Request,
    correlation_of,
    framed,
    next_frame,
    request_of,
)

#: EndTxn, version 1, as librdkafka writes it: transactional id, producer id, epoch, commit.
END_TXN = bytes.fromhex("001a 0001 00000007 0003 61c3a9 0001 74 0000000000001388 0002 01")


def frames_of(sent: bytes) -> list[bytes]:
    """Return the frames of a connection that carried these bytes and was closed."""

    async def read() -> list[bytes]:
        reader = asyncio.StreamReader()
        reader.feed_data(sent)
        reader.feed_eof()
        found = []
        while (frame := await next_frame(reader)) is not None:
            found.append(frame)
        return found

    return asyncio.run(read())


def test_a_request_says_what_it_is_and_whose() -> None:
    """Client ids are UTF-8."""
    assert request_of(END_TXN) == Request(ApiKey.END_TXN, 1, 7, "aé")


def test_a_client_need_not_say_its_name_and_may_send_what_we_do_not_know() -> None:
    """A null client id has the length -1; later versions of Kafka have more requests."""
    assert request_of(bytes.fromhex("03e7 0000 00000001 ffff 00")) == Request(999, 0, 1, "")


def test_an_answer_says_which_request_it_belongs_to() -> None:
    """By a signed number, which wraps around."""
    assert correlation_of(bytes.fromhex("00000007 0000")) == 7
    assert correlation_of(bytes.fromhex("80000000")) == -(2**31)


@pytest.mark.parametrize("read", [request_of, correlation_of])
def test_a_frame_without_a_header_is_refused(read: object) -> None:
    """Whoever sends it speaks another protocol."""
    assert callable(read)
    with pytest.raises(ValueError, match="has no header"):
        read(b"\0\0")


def test_frames_are_cut_from_the_stream_and_half_a_frame_is_none() -> None:
    """A client that dies in the middle of a request has not sent it."""
    assert frames_of(framed(END_TXN) + framed(b"") + framed(END_TXN)[:-1]) == [END_TXN, b""]


def test_a_greeting_of_tls_is_no_frame() -> None:
    """Its first four bytes would be a length of 370 MB."""
    with pytest.raises(ValueError, match="369295616 bytes"):
        frames_of(bytes.fromhex("16030100 00"))
