"""Against a real inference server: llama.cpp on a random tiny model."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from fake_governor import FakeGovernor, tier
from tiny_server import tiny_server

from tierkit.backends import OpenAICompatibleBackend
from tierkit.client import AsyncClient, Client
from tierkit.errors import BackendRejected, BackendUnavailable
from tierkit.request import Call, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the wheel of the real server is for Linux")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with tiny_server("--slots", "4", "--context", "4096") as (url, _):
        yield url


@pytest.fixture
def backend(url: str) -> Iterator[OpenAICompatibleBackend]:
    backend = OpenAICompatibleBackend(url, name="b", kind="llama.cpp")
    yield backend
    backend.close()


@pytest.fixture
def governor() -> FakeGovernor:
    return FakeGovernor(tier("small", backend="b"))


def call(**settings: Any) -> Call:
    values = {"model": "tiny", "max_output_tokens": 20, "params": {"temperature": 0}, **settings}
    return Call([{"role": "user", "content": "Tell me a tale."}], **values)


def get(url: str, path: str) -> str:
    with urllib.request.urlopen(url + path, timeout=5) as reply:  # noqa: S310 - the test's own server
        text: str = reply.read().decode()
        return text


def busy_slots(url: str) -> int:
    return sum(slot["is_processing"] for slot in json.loads(get(url, "/slots")))


def wait_until_idle(url: str) -> float:
    start_s = time.monotonic()
    while busy_slots(url):
        assert time.monotonic() - start_s < 10, "the server works on although its caller has left"
        time.sleep(0.01)
    return time.monotonic() - start_s


def test_a_whole_answer(backend: OpenAICompatibleBackend) -> None:
    reply = backend.complete(call())
    assert len(reply.text) == 20
    assert reply.usage is not None
    assert (reply.usage.output_tokens, reply.usage.estimated) == (20, False)
    assert reply.usage.input_tokens > len("Tell me a tale.")
    assert (reply.finish_reason, reply.model) == ("length", "tiny")


def test_a_streamed_answer_is_the_same_answer(backend: OpenAICompatibleBackend) -> None:
    whole, chunks = backend.complete(call()), list(backend.stream(call()))
    assert "".join(chunk.text for chunk in chunks) == whole.text
    usage = chunks[-1].usage
    assert whole.usage is not None
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (whole.usage.input_tokens, 20)
    assert (chunks[-1].final, chunks[-1].finish_reason) == (True, "length")


def test_the_prefix_cache_is_seen(backend: OpenAICompatibleBackend) -> None:
    again = [{"role": "user", "content": "A prefix that is long enough to be kept. " * 4}]
    first = backend.complete(Call(again, model="tiny", max_output_tokens=2, params={"id_slot": 3})).usage
    second = backend.complete(Call(again, model="tiny", max_output_tokens=2, params={"id_slot": 3})).usage
    assert first is not None
    assert second is not None
    assert second.input_tokens == first.input_tokens
    assert 0 < second.cache_read_tokens < second.input_tokens


def test_the_client_pays_what_the_server_says(backend: OpenAICompatibleBackend, governor: FakeGovernor) -> None:
    client = Client(governor, backends={"b": backend})
    answer = client.complete("Tell me a tale.", max_output_tokens=20, temperature=0)
    with client.stream("Tell me a tale.", max_output_tokens=20, temperature=0, cache="off") as stream:
        text = "".join(chunk.text for chunk in stream)
    assert text == answer.text
    assert stream.usage is not None
    assert answer.usage is not None
    assert stream.usage.total_tokens == answer.usage.total_tokens
    assert governor.endings() == [("settle", answer.usage), ("settle", stream.usage)]


def test_a_dropped_stream_stops_the_server(backend: OpenAICompatibleBackend, governor: FakeGovernor, url: str) -> None:
    stream = Client(governor, backends={"b": backend}).stream("Tell me a tale.", max_output_tokens=4000, temperature=0)
    for _ in range(5):
        next(stream)
    assert busy_slots(url) == 1
    stream.close()
    assert wait_until_idle(url) < 2
    ending, usage = governor.endings()[0]
    assert ending == "settle"
    assert usage is not None
    assert usage.estimated
    assert 1 <= usage.output_tokens < 4000


def test_a_cancelled_async_stream_stops_the_server(governor: FakeGovernor, url: str) -> None:
    async def main() -> None:
        backend = OpenAICompatibleBackend(url, name="b", kind="llama.cpp")
        seen = asyncio.Event()

        async def read() -> None:
            async for chunk in AsyncClient(governor, backends={"b": backend}).stream("A tale.", max_output_tokens=4000):
                if chunk.text:
                    seen.set()

        task = asyncio.create_task(read())
        await seen.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(wait_until_idle, url) < 2
        await backend.aclose()

    asyncio.run(main())
    assert len(governor.endings()) == 1


def test_an_interrupted_whole_answer_is_posted_as_reserved(governor: FakeGovernor, url: str) -> None:
    async def main() -> None:
        backend = OpenAICompatibleBackend(url, name="b", kind="llama.cpp")
        client = AsyncClient(governor, backends={"b": backend})
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.complete("A tale.", max_output_tokens=1000, ignore_eos=True)
        # This server finishes whole answers that nobody waits for (measured with a bare socket too), which is why
        # the reservation stands.
        await asyncio.to_thread(wait_until_idle, url)
        await backend.aclose()

    asyncio.run(main())
    assert governor.endings() == [("settle", None)]


def test_a_context_that_is_too_long(backend: OpenAICompatibleBackend) -> None:
    long = Call([{"role": "user", "content": "word " * 3000}], model="tiny", max_output_tokens=4)
    with pytest.raises(BackendRejected) as caught:
        backend.complete(long)
    assert (caught.value.error_class, caught.value.outcome, caught.value.status) == ("context", "refused", 400)
    with pytest.raises(BackendRejected) as caught:
        list(backend.stream(long))
    assert caught.value.error_class == "context"


def test_a_parameter_that_it_cannot_read(backend: OpenAICompatibleBackend) -> None:
    with pytest.raises(BackendRejected) as caught:
        backend.complete(call(params={"response_format": {"type": "nonsense"}}))
    assert (caught.value.error_class, caught.value.outcome) == ("invalid", "refused")


def test_a_wrong_path_is_not_found(url: str) -> None:
    backend = OpenAICompatibleBackend(f"{url}/elsewhere", name="b")
    with pytest.raises(BackendRejected) as caught:
        backend.complete(call())
    backend.close()
    assert (caught.value.error_class, caught.value.status) == ("not_found", 404)


def test_any_model_name_is_taken_and_the_reply_names_the_real_one(backend: OpenAICompatibleBackend) -> None:
    assert backend.complete(call(model="no-such-model")).usage is not None  # so this server has no 404 to record


def test_a_key_is_needed_and_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with tiny_server("--api-key", "sk-tiny") as (url, _):
        with_key = OpenAICompatibleBackend(url, name="b", api_key_env="TINY_KEY")
        without = OpenAICompatibleBackend(url, name="b")
        with pytest.raises(BackendRejected) as caught:
            without.complete(call())
        monkeypatch.setenv("TINY_KEY", "sk-wrong")
        with pytest.raises(BackendRejected):
            with_key.complete(call())
        monkeypatch.setenv("TINY_KEY", "sk-tiny")
        assert isinstance(with_key.complete(call()).usage, Usage)
        with_key.close()
        without.close()
    assert (caught.value.error_class, caught.value.outcome, caught.value.status) == ("auth", "refused", 401)


def test_a_server_that_is_killed_midway(governor: FakeGovernor) -> None:
    with tiny_server() as (url, process):
        backend = OpenAICompatibleBackend(url, name="b", kind="llama.cpp")
        client = Client(governor, backends={"b": backend})
        stream = client.stream("Tell me a tale.", max_output_tokens=1500, temperature=0, ignore_eos=True)
        next(stream)
        process.kill()
        with pytest.raises(BackendUnavailable) as caught:
            list(stream)
        process.wait()
        with pytest.raises(BackendUnavailable) as gone:
            client.complete("Still there?")
        backend.close()
    assert (caught.value.outcome, gone.value.outcome) == ("partial", "not_sent")
    (first, usage), second = governor.endings()
    assert (first, second) == ("settle", ("cancel", None))
    assert usage is not None
    assert usage.estimated
    assert usage.output_tokens > 0


def test_forty_streams_at_once(governor: FakeGovernor, url: str) -> None:
    async def main() -> None:
        backend = OpenAICompatibleBackend(url, name="b", kind="llama.cpp")
        client = AsyncClient(governor, backends={"b": backend})

        async def one(number: int) -> int:
            async with client.stream(f"Tale {number}", max_output_tokens=8, cache="off") as stream:
                return len([chunk async for chunk in stream if chunk.text])

        assert all(await asyncio.gather(*(one(number) for number in range(40))))
        await backend.aclose()

    asyncio.run(main())
    assert len(governor.endings()) == 40
