"""A2: streams in odd pieces read the same; streams that break settle what arrived."""

from __future__ import annotations

import asyncio
import gzip
import re
from typing import Any

import pytest
from chat_frames import DONE, USAGE, completion, event, frame, whole
from fake_governor import INPUT_TOKENS, FakeGovernor, tier
from fault_server import END, RESET, fault_server, reply, stream

from tierkit.backends import OpenAICompatibleBackend
from tierkit.client import Client
from tierkit.errors import BackendError, BackendOverloaded, BackendTimeout, BackendUnavailable
from tierkit.request import Call, Usage, count_tokens

CALL = Call([{"role": "user", "content": "hi"}], model="m")
BODY = b"".join([frame("é"), frame("日本"), frame("🌍", reason="stop"), event({"choices": [], "usage": USAGE}), DONE])


def read(url: str, *, in_loop: bool = False, **settings: Any) -> tuple[str, Usage | None, BackendError | None]:
    backend = OpenAICompatibleBackend(url, kind="vllm", **settings)
    texts: list[str] = []
    usage: Usage | None = None

    async def aread() -> None:
        nonlocal usage
        try:
            async for chunk in backend.astream(CALL):
                texts.append(chunk.text)
                usage = chunk.usage or usage
        finally:
            await backend.aclose()

    try:
        if in_loop:
            asyncio.run(aread())
        else:
            for chunk in backend.stream(CALL):
                texts.append(chunk.text)
                usage = chunk.usage or usage
    except BackendError as error:
        return "".join(texts), error.usage, error
    finally:
        backend.close()
    return "".join(texts), usage, None


@pytest.mark.parametrize("in_loop", [False, True])
@pytest.mark.parametrize("body", [BODY, BODY.replace(b"\n", b"\r\n"), b": hi\n\n" + BODY.replace(b"data: ", b"data:")])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
def test_any_split_reads_the_same(body: bytes, size: int, *, in_loop: bool) -> None:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    with fault_server(stream(*pieces, END)) as server:
        assert read(server.url, in_loop=in_loop) == ("é日本🌍", Usage(11, 3), None)


@pytest.mark.parametrize("in_loop", [False, True])
@pytest.mark.parametrize("end", [[RESET], [], [END]])
def test_a_break_after_output_is_partial(end: list[Any], *, in_loop: bool) -> None:
    frames = [frame("one ", usage={"prompt_tokens": 11, "completion_tokens": 1}), frame("two")]
    with fault_server(stream(*frames, 0.1, *end)) as server:
        text, usage, error = read(server.url, in_loop=in_loop)
    assert text == "one two"
    assert isinstance(error, BackendUnavailable)
    assert (error.outcome, usage) == ("partial", Usage(11, 1))


@pytest.mark.parametrize("in_loop", [False, True])
@pytest.mark.parametrize(
    "script", [[RESET], stream(RESET), stream(), stream(END), stream(frame(role="assistant"), RESET)]
)
def test_a_break_before_output_is_uncertain(script: list[Any], *, in_loop: bool) -> None:
    with fault_server(script) as server:
        error = read(server.url, in_loop=in_loop)[2]
    assert isinstance(error, BackendUnavailable)
    assert error.outcome == "uncertain"


def test_a_break_after_the_last_frame_does_not_matter() -> None:
    with fault_server(stream(*whole(), RESET)) as server:
        assert read(server.url) == ("one two three", Usage(11, 3), None)


@pytest.mark.parametrize("named", [True, False])
def test_an_error_event_says_why(*, named: bool) -> None:
    data = event({"error": {"message": "Overloaded", "type": "overloaded_error"}})
    error_event = b"event: error\n" + data if named else data
    with fault_server(stream(frame("one "), error_event, END), stream(error_event, END)) as server:
        _, _, after = read(server.url)
        _, _, before = read(server.url)
    assert isinstance(after, BackendOverloaded)
    assert isinstance(before, BackendOverloaded)
    assert (after.outcome, after.error_class) == ("partial", "overload")
    assert (before.outcome, before.error_class) == ("refused", "overload")


@pytest.mark.parametrize("in_loop", [False, True])
def test_a_stall_between_chunks_times_out(*, in_loop: bool) -> None:
    with fault_server(stream(frame("one "), 5.0, END)) as server:
        text, _, error = read(server.url, in_loop=in_loop, chunk_timeout_s=0.2)
    assert isinstance(error, BackendTimeout)
    assert (text, error.outcome) == ("one ", "partial")


@pytest.mark.parametrize("in_loop", [False, True])
def test_a_deadline_ends_a_stream_that_trickles(*, in_loop: bool) -> None:
    with fault_server(stream(*[step for _ in range(50) for step in (frame("x"), 0.05)], END)) as server:
        text, _, error = read(server.url, in_loop=in_loop, timeout_s=0.4)
    assert isinstance(error, BackendTimeout)
    assert error.outcome == "partial"
    assert 2 < len(text) < 20


def test_compressed_streams_are_read_and_bombs_are_not() -> None:
    bomb = gzip.compress(b"data: " + b"x" * 70_000_000 + b"\n\n")
    with fault_server(
        stream(gzip.compress(b"".join(whole())), END, content_encoding="gzip"),
        stream(bomb, END, content_encoding="gzip"),
        stream(b"\x00", END, content_encoding="br"),
        reply(200, gzip.compress(b" " * 70_000_000), content_encoding="gzip"),
    ) as server:
        assert read(server.url) == ("one two three", Usage(11, 3), None)
        # Which cap is met first, the piece's or the frame's (the body's below), depends on how the bytes arrive.
        for words in ("body of more than|above the size cap", "content-encoding 'br'"):
            error = read(server.url)[2]
            assert error is not None
            assert re.search(words, str(error))
        backend = OpenAICompatibleBackend(server.url)
        with pytest.raises(BackendUnavailable, match="body of more than"):
            backend.complete(CALL)
        backend.close()


def test_a_frame_above_the_cap_is_an_error_and_not_a_gap() -> None:
    with fault_server(stream(frame("one "), b"data: " + b"x" * 17_000_000 + b"\n\n", *whole(), END)) as server:
        text, _, error = read(server.url)
    assert error is not None
    assert (text[:4], error.outcome) == ("one ", "partial")


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b"<html>", b'{"choices": []}', b'{"choices": [3]}', b"\xff"]
)
def test_a_reply_that_is_none_is_uncertain(body: bytes) -> None:
    with fault_server(reply(200, body)) as server:
        backend = OpenAICompatibleBackend(server.url)
        with pytest.raises(BackendUnavailable) as caught:
            backend.complete(CALL)
        backend.close()
    assert caught.value.outcome == "uncertain"


def test_an_error_with_status_200_is_refused() -> None:
    with fault_server(reply(200, b'{"error": {"message": "busy", "type": "overloaded_error"}}')) as server:
        backend = OpenAICompatibleBackend(server.url)
        with pytest.raises(BackendOverloaded) as caught:
            backend.complete(CALL)
        backend.close()
    assert caught.value.outcome == "refused"


def test_the_client_settles_the_streamed_part() -> None:
    governor = FakeGovernor(tier("small", backend="b"))
    with fault_server(stream(frame("one "), frame("two"), 0.1, RESET)) as server:
        backend = OpenAICompatibleBackend(server.url, name="b", kind="vllm")
        answer = Client(governor, backends={"b": backend}).stream("hi")
        with pytest.raises(BackendUnavailable) as caught:
            list(answer)
        backend.close()
    expected = Usage(INPUT_TOKENS, int(count_tokens("one two", model="small-model")), estimated=True)
    assert governor.endings() == [("settle", expected)]
    assert (answer.usage, answer.text, caught.value.tier) == (expected, "one two", "small")


def test_a_whole_reply_is_read_in_any_pieces() -> None:
    with fault_server([*(bytes([byte]) for byte in reply(200, completion())[0])]) as server:
        backend = OpenAICompatibleBackend(server.url)
        assert backend.complete(CALL).usage == Usage(11, 3)
        backend.close()
