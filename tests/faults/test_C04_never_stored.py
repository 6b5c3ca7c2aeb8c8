"""C4: errors, partial, cut and filtered answers and tool calls are never stored: a server plays them, then answers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from chat_frames import DONE, completion, frame, usage_frame, whole
from fault_server import END, HANG, RESET, fault_server, reply, stream

import tierkit as tk
from tierkit.backends import OpenAICompatibleBackend
from tierkit.client import AsyncClient, Client
from tierkit.errors import BackendError

if TYPE_CHECKING:
    from pathlib import Path

PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
CALLS = [{"id": "t1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]

WHOLE = {
    "server error": reply(500, "oops"),
    "overload": reply(429, "{}"),
    "refused": reply(400, '{"error": {"message": "no"}}'),
    "not JSON": reply(200, "<html>"),
    "cut body": [reply(200, completion())[0][:-20], RESET],
    "length": reply(200, completion(reason="length")),
    "filtered": reply(200, completion(reason="content_filter")),
    "tool calls": reply(200, completion("", reason="tool_calls", tool_calls=CALLS)),
    "tool calls that stop": reply(200, completion("text", tool_calls=CALLS)),
    "empty": reply(200, completion("")),
    "no finish reason": reply(200, completion(reason="")),
}
STREAMS = {
    "reset": stream(frame("one "), RESET),
    "reset before output": stream(RESET),
    "ends early": stream(frame("one "), END),
    "error frame": stream(frame("one "), b'data: {"error": {"message": "no"}}\n\n', END),
    "length": stream(frame("one "), frame(reason="length"), usage_frame(), DONE, END),
    "filtered": stream(frame("one "), frame(reason="content_filter"), DONE, END),
    "tool calls": stream(frame(tool_calls=[{"index": 0, **CALLS[0]}]), frame(reason="tool_calls"), DONE, END),
    "tool calls that stop": stream(frame("a", tool_calls=[{"index": 0, **CALLS[0]}]), frame(reason="stop"), DONE, END),
}


def governed(path: Path) -> tk.Governor:
    policy = tk.Policy(tiers=[tk.Tier("only", model="m", backend="b", price=PRICE)])
    return tk.Governor(policy, state=path / "state")


def backend(url: str) -> OpenAICompatibleBackend:
    return OpenAICompatibleBackend(url, kind="vllm", timeout_s=5)


def stored(path: Path) -> int:
    """Entries in the file, as another process would find them."""
    return sum(owner[1] for owner in tk.cache.CacheFile(path / "state" / "cache.db").stats()[1])


@pytest.mark.parametrize("script", WHOLE.values(), ids=WHOLE.keys())
def test_a_bad_reply_is_not_stored_and_a_good_one_is(tmp_path: Path, script: list[Any]) -> None:
    with fault_server(script, reply(200, completion())) as server, governed(tmp_path) as governor:
        client = Client(governor, backends={"b": backend(server.url)})
        with suppress(BackendError):
            assert not client.complete("Why?").from_cache
        governor.flush()
        assert stored(tmp_path) == 0
        while server.connections < 2:
            assert not client.complete("Why?").from_cache
        assert client.complete("Why?").from_cache
        governor.flush()
        assert stored(tmp_path) == 1


@pytest.mark.parametrize("in_loop", [False, True])
@pytest.mark.parametrize("script", STREAMS.values(), ids=STREAMS.keys())
def test_a_bad_stream_is_not_stored_and_a_good_one_is(tmp_path: Path, script: list[Any], *, in_loop: bool) -> None:
    def read(client: Client) -> bool:
        with client.stream("Why?") as answer:
            for _ in answer:
                pass
            return answer.from_cache

    async def aread(governor: tk.Governor, url: str) -> bool:
        async with AsyncClient(governor, backends={"b": backend(url)}) as client, client.stream("Why?") as answer:
            async for _ in answer:
                pass
            return answer.from_cache

    with fault_server(script, stream(*whole(), END)) as server, governed(tmp_path) as governor:
        client = Client(governor, backends={"b": backend(server.url)})

        def once() -> bool:
            return asyncio.run(aread(governor, server.url)) if in_loop else read(client)

        with suppress(BackendError):
            assert not once()
        governor.flush()
        assert stored(tmp_path) == 0
        while server.connections < 2:
            assert not once()
        assert once()


@pytest.mark.parametrize("leave", ["close", "drop", "with"])
def test_a_stream_that_its_reader_left_is_not_stored(tmp_path: Path, leave: str) -> None:
    with (
        fault_server(stream(frame("one "), frame("two "), HANG), reply(200, completion())) as server,
        governed(tmp_path) as governor,
    ):
        client = Client(governor, backends={"b": backend(server.url)})
        answer = client.stream("Why?")
        assert next(answer).text == "one "
        if leave == "close":
            answer.close()
        elif leave == "with":
            with answer:
                pass
        del answer
        governor.flush()
        assert stored(tmp_path) == 0
        assert not client.complete("Why?").from_cache


@pytest.mark.parametrize("params", [{"n": 2}, {"temperature": 0.7}])
def test_one_of_many_samples_is_not_stored(tmp_path: Path, params: dict[str, Any]) -> None:
    with fault_server(reply(200, completion())) as server, governed(tmp_path) as governor:
        client = Client(governor, backends={"b": backend(server.url)})
        assert not client.complete("Why?", **params).from_cache
        assert not client.complete("Why?", **params).from_cache
        governor.flush()
        assert stored(tmp_path) == 0
