"""The clients: what they send, what they return, what they keep in the cache."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from fake_governor import FakeGovernor, tier

import tierkit as tk
from tierkit.backends import OpenAICompatibleBackend
from tierkit.client import Answer, AsyncClient, Client
from tierkit.client.answer import read_cached, write_cached
from tierkit.client.settlement import is_cacheable
from tierkit.errors import ConfigError
from tierkit.money import Money
from tierkit.policy import BackendSettings
from tierkit.request import Reply, Usage
from tierkit.testing import MockBackend

USAGE = Usage(20, 4, cache_read_tokens=10)


def answer(text: str = "blue", reason: str = "stop", **more: Any) -> Reply:
    return Reply(text, usage=USAGE, finish_reason=reason, **more)


def test_what_reaches_the_backend_and_the_governor() -> None:
    governor, backend = FakeGovernor(), MockBackend([answer()])
    client = Client(governor, backends={"small": backend})
    got = client.complete(
        "Why?", labels={"user": "ada"}, max_output_tokens=9, id="r-7", timeout_s=5, stop=["x"], priority="high"
    )
    call = backend.calls[0]
    assert (call.messages, call.model, call.max_output_tokens) == (
        [{"role": "user", "content": "Why?"}],
        "small-model",
        9,
    )
    assert (call.params, call.id) == ({"stop": ["x"]}, "r-7/1")
    asked = governor.asked[0]
    assert (asked["labels"], asked["params"], asked["priority"]) == ({"user": "ada"}, {"stop": ["x"]}, "high")
    assert (got.text, got.usage, got.cost, got.from_cache) == ("blue", USAGE, Money.from_nusd(24), False)
    assert (got.id, got.finish_reason, got.tier) == ("r-7", "stop", "small")
    assert "blue" not in repr(got)


def test_ids_are_made_when_none_is_given() -> None:
    governor = FakeGovernor()
    client = Client(governor, backends={"small": MockBackend()})
    ids = {client.complete("x", cache="off").id for _ in range(3)}
    assert len(ids) == 3
    assert governor.admissions[0].id.endswith("/1")


def test_an_answer_from_the_cache_asks_no_server() -> None:
    governor, backend = FakeGovernor(), MockBackend([answer("blue " * 200)])
    client = Client(governor, backends={"small": backend})
    first, second = client.complete("Why?"), client.complete("Why?")
    assert (second.text, second.usage, second.finish_reason) == (first.text, first.usage, "stop")
    assert (second.from_cache, second.cost, len(backend.calls)) == (True, Money("0"), 1)
    with client.stream("Why?") as stream:
        chunks = list(stream)
    assert len(chunks) > 2
    assert ("".join(chunk.text for chunk in chunks), chunks[-1].final) == (first.text, True)
    assert (stream.from_cache, stream.cost, stream.usage, stream.tier) == (True, Money("0"), USAGE, "small")
    assert [kind for kind, _ in governor.endings()] == ["settle", "hit", "hit"]


def test_a_streamed_answer_is_kept_and_replayed_in_a_loop_too() -> None:
    async def main() -> None:
        governor, backend = FakeGovernor(), MockBackend([answer("deep blue")])
        client = AsyncClient(governor, backends={"small": backend})
        async with client.stream("Why?") as stream:
            text = "".join([chunk.text async for chunk in stream])
        assert (text, stream.text, stream.usage, stream.cost) == ("deep blue", "deep blue", USAGE, Money.from_nusd(24))
        again = await client.complete("Why?")
        replay = await client.stream("Why?")
        assert [chunk.text async for chunk in replay] == ["deep blue", ""]
        assert (again.from_cache, replay.from_cache, len(backend.calls)) == (True, True, 1)

    asyncio.run(main())


def test_refresh_asks_anew() -> None:
    governor, backend = FakeGovernor(), MockBackend([answer("old"), answer("new")])
    client = Client(governor, backends={"small": backend})
    client.complete("Why?")
    assert client.complete("Why?", cache="refresh").text == "new"
    assert client.complete("Why?").text == "new"


NOT_OURS = [
    b"",
    b"\xff",
    b"[]",
    b"{}",
    b'{"form": 9, "text": "x"}',
    b'{"form": 1, "text": 3}',
    b'{"form": 1, "text": "x"}',
]
NOT_OURS.append(b'{"form": 1, "text": "x", "usage": {"input_tokens": -1}}')


@pytest.mark.parametrize("value", NOT_OURS)
def test_a_cached_value_that_is_not_ours_is_asked_anew(value: bytes) -> None:
    governor = FakeGovernor()
    client = Client(governor, backends={"small": MockBackend([answer("new")])})
    for ask in (client.complete, lambda prompt: list(client.stream(prompt))):
        governor.cache[repr([{"role": "user", "content": "Why?"}])] = value
        ask("Why?")
    assert [kind for kind, _ in governor.endings()] == ["hit", "settle", "hit", "settle"]


def test_the_cached_form_keeps_everything() -> None:
    usage = Usage(9, 8, cache_read_tokens=1, cache_write_5m_tokens=2, cache_write_1h_tokens=3, reasoning_tokens=4)
    found = read_cached(write_cached("é🌍", "stop", usage))
    assert found == ("é🌍", "stop", usage)


@pytest.mark.parametrize(
    ("params", "reply", "kept"),
    [
        ({}, answer(), True),
        ({"temperature": 0}, answer(), True),
        ({"n": 1}, answer(), True),
        ({"temperature": 0.7}, answer(), False),
        ({"n": 2}, answer(), False),
        ({"n": [1]}, answer(), False),
        ({}, answer(reason="length"), False),
        ({}, answer(reason="content_filter"), False),
        ({}, answer(""), False),
        ({}, answer(tool_calls=[{"id": "t"}]), False),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_only_whole_plain_answers_are_kept(params: dict[str, Any], reply: Reply, *, kept: bool, streamed: bool) -> None:
    if streamed and reply.tool_calls:
        pytest.skip("the mock streams no tool calls")
    governor = FakeGovernor()
    client = Client(governor, backends={"small": MockBackend([reply])})
    list(client.stream("x", **params)) if streamed else client.complete("x", **params)
    assert bool(governor.cache) is kept
    assert is_cacheable({}, finish_reason="stop", tool_calls=True, text="x") is False


def test_a_dropped_stream_is_never_kept() -> None:
    governor = FakeGovernor()
    with Client(governor, backends={"small": MockBackend("a text of some length")}).stream("x") as stream:
        next(stream)
    assert governor.cache == {}
    assert [attempt.outcome for attempt in stream.attempts] == ["dropped"]


def test_tool_calls_come_back_and_count() -> None:
    call = {"id": "t", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    governor = FakeGovernor()
    backend = MockBackend([Reply("", usage=None, finish_reason="tool_calls", tool_calls=[call])])
    got = Client(governor, backends={"small": backend}).complete("x")
    assert got.tool_calls == [call]
    assert got.usage is not None
    assert got.usage.output_tokens > 5


def test_backends_come_from_the_policy() -> None:
    governor = FakeGovernor(tier("small", backend="gpu"), tier("large", backend="gone"))
    settings = {
        "kind": "vllm",
        "url": "http://127.0.0.1:1",
        "api_key_env": None,
        "timeout_s": 9.0,
        "connect_timeout_s": None,
    }
    governor.policy.backends = {"gpu": SimpleNamespace(name="gpu", **settings)}
    with Client(governor) as client:
        backend = client._backends["gpu"]
        assert isinstance(backend, OpenAICompatibleBackend)
        assert (backend.url, backend.kind, backend.name) == ("http://127.0.0.1:1/v1", "vllm", "gpu")


def test_backends_follow_the_policy() -> None:
    def policy(port: int, *names: str) -> tk.Policy:
        price = {"input": "1 USD/Mtok", "output": "1 USD/Mtok"}
        backends = [BackendSettings(name, kind="vllm", url=f"http://127.0.0.1:{port}") for name in names]
        return tk.Policy(
            tiers=[tk.Tier(name, model="m", backend=name, price=price) for name in names], backends=backends
        )

    with tk.Governor(policy(1, "a", "b")) as governor, Client(governor) as client:
        a, b = client._backends["a"], client._backends["b"]
        governor.reload(policy(1, "a", "c"))
        assert client._backends["a"] is a
        assert client._backends["c"].url == "http://127.0.0.1:1/v1"
        assert client._backends["b"] is b, "what was admitted under the old policy still runs"
        governor.reload(policy(2, "a"))
        assert client._backends["a"].url == "http://127.0.0.1:2/v1"
        assert len(client._backends.own) == 4, "all of them are closed at the end"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "anthropic"}, "not available yet; available are vllm, sglang"),
        ({"kind": "gemini"}, "not available yet"),
        ({"kind": "fax"}, "kind 'fax'"),
        ({"kind": "vllm", "url": None}, "no url"),
        ({"timeout_s": -1.0}, "expected seconds above 0"),
    ],
)
def test_a_backend_that_cannot_be_made_fails_when_the_client_is_made(changes: dict[str, Any], words: str) -> None:
    governor = FakeGovernor(tier("small", backend="b"))
    settings = {
        "name": "b",
        "kind": "vllm",
        "url": "http://h",
        "api_key_env": None,
        "timeout_s": None,
        "connect_timeout_s": None,
    }
    governor.policy.backends = {"b": SimpleNamespace(**{**settings, **changes})}
    for kind in (Client, AsyncClient):
        with pytest.raises(ConfigError, match=words):
            kind(governor)


def test_openai_needs_no_url() -> None:
    governor = FakeGovernor(tier("small", backend="b"))
    settings = {
        "name": "b",
        "kind": "openai",
        "url": None,
        "api_key_env": "K",
        "timeout_s": None,
        "connect_timeout_s": None,
    }
    governor.policy.backends = {"b": SimpleNamespace(**settings)}
    assert Client(governor)._backends["b"].url == "https://api.openai.com/v1"  # type: ignore[attr-defined]


def test_answers_of_threads_are_their_own() -> None:
    from concurrent.futures import ThreadPoolExecutor

    class Echo(MockBackend):
        def complete(self, call: Any) -> Reply:
            return Reply(call.messages[0]["content"], usage=USAGE, finish_reason="length")

    client = Client(FakeGovernor(), backends={"small": Echo()})
    with ThreadPoolExecutor(8) as pool:
        answers: list[Answer] = list(pool.map(client.complete, map(str, range(200))))
    assert [found.text for found in answers] == [str(number) for number in range(200)]


def test_nothing_heavy_is_imported_before_the_first_call() -> None:
    code = (
        "import sys, tierkit; tierkit.Client, tierkit.AsyncClient, tierkit.Backend, tierkit.OpenAICompatibleBackend;"
        "import tierkit.testing; tierkit.OpenAICompatibleBackend('http://127.0.0.1:1');"
        "print(sorted({'httpx2', 'asyncio', 'anyio', 'dataclasses', 'numpy', 'onnxruntime'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("timeout_s", [0, -1.0, float("nan")])
def test_a_deadline_that_is_over_sends_nothing(timeout_s: float) -> None:
    governor = FakeGovernor(tier("small"))
    client = Client(governor, backends={"small": MockBackend("x")})
    with pytest.raises(ConfigError, match="expected seconds above 0"):
        client.complete("Why?", timeout_s=timeout_s)
    assert governor.asked == []


def test_the_wait_for_room_counts_against_the_deadline() -> None:
    governor = FakeGovernor(tier("small"))
    client = Client(governor, backends={"small": MockBackend("x")})
    for wait_s, timeout_s, most in ((60.0, 5.0, 5.0), (1.0, 5.0, 1.0), (60.0, None, 60.0)):
        client.complete("Why?", cache="off", wait_s=wait_s, timeout_s=timeout_s)
        assert 0 < governor.asked[-1]["wait_s"] <= most
    assert governor.asked[-1]["wait_s"] == 60.0
