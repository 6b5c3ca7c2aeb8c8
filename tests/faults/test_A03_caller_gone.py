"""A3: a caller that leaves, at any moment, is settled exactly once, and the server is told by a closed connection."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import TYPE_CHECKING

import pytest
from chat_frames import completion, frame, whole
from fake_governor import INPUT_TOKENS, FakeGovernor, tier
from fault_server import END, HANG, FaultServer, fault_server, reply, stream

from tierkit.backends import OpenAICompatibleBackend
from tierkit.client import AsyncClient, AsyncStream, Client, Stream
from tierkit.request import Usage, count_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ONE = Usage(INPUT_TOKENS, int(count_tokens("one ", model="small-model")), estimated=True)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with fault_server(stream(frame("one "), HANG)) as server:
        yield server


@pytest.fixture
def governor() -> FakeGovernor:
    return FakeGovernor(tier("small", backend="b"))


@pytest.fixture
def backend(server: FaultServer) -> Iterator[OpenAICompatibleBackend]:
    backend = OpenAICompatibleBackend(server.url, name="b", kind="vllm")
    yield backend
    backend.close()


def left(server: FaultServer) -> bool:
    return all(request.client_gone.wait(0.5) for request in server.requests)


def read_one_and_close(answer: Stream) -> None:
    next(answer)
    answer.close()
    answer.close()


def leave_with(answer: Stream) -> None:
    with answer:
        for _ in answer:
            break


def raise_inside(answer: Stream) -> None:
    def read() -> None:
        with answer:
            next(answer)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read()


def drop(answer: Stream) -> None:
    next(answer)
    del answer
    gc.collect()


def leave_unread(answer: Stream) -> None:
    answer.close()


def close_in_a_thread(answer: Stream) -> None:
    next(answer)
    thread = threading.Thread(target=answer.close)
    thread.start()
    thread.join()


@pytest.mark.parametrize("leave", [read_one_and_close, leave_with, raise_inside, drop, leave_unread, close_in_a_thread])
def test_a_left_stream_is_settled_once(
    leave: Callable[[Stream], None], server: FaultServer, backend: OpenAICompatibleBackend, governor: FakeGovernor
) -> None:
    client = Client(governor, backends={"b": backend})
    started = [client.stream("hi", id="r")]
    start_s = time.monotonic()
    leave(started.pop())
    assert left(server)
    assert time.monotonic() - start_s < 0.5
    assert governor.endings() == [("settle", ONE)]


def test_a_stream_left_before_its_last_frame_was_read_is_exact_if_it_had_come(governor: FakeGovernor) -> None:
    with fault_server(stream(b"".join(whole()), END)) as server:
        backend = OpenAICompatibleBackend(server.url, name="b", kind="vllm")
        answer = Client(governor, backends={"b": backend}).stream("hi")
        for chunk in answer:
            if chunk.finish_reason:
                break
        answer.close()
        backend.close()
    ending, usage = governor.endings()[0]
    assert ending == "settle"
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (11, 3)


async def acancel(client: AsyncClient) -> None:
    async def read() -> None:
        async for _ in client.stream("hi"):
            pass

    task = asyncio.create_task(read())
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def abreak(client: AsyncClient) -> None:
    async with client.stream("hi") as answer:
        async for _ in answer:
            break


async def aclose_it(client: AsyncClient) -> None:
    answer = await client.stream("hi")
    await anext(answer)
    await answer.aclose()
    await answer.aclose()


async def adrop(client: AsyncClient) -> None:
    answer: AsyncStream = await client.stream("hi")
    await anext(answer)
    del answer
    gc.collect()
    await asyncio.sleep(0.2)  # the loop closes the iterator


async def atimeout(client: AsyncClient) -> None:
    async def read() -> None:
        async for _ in client.stream("hi"):
            pass

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(read(), 0.3)


@pytest.mark.parametrize("leave", [acancel, abreak, aclose_it, adrop, atimeout])
def test_a_left_async_stream_is_settled_once(
    leave: Callable[[AsyncClient], object],
    server: FaultServer,
    backend: OpenAICompatibleBackend,
    governor: FakeGovernor,
) -> None:
    async def main() -> None:
        await leave(AsyncClient(governor, backends={"b": backend}))  # type: ignore[misc]
        assert await asyncio.to_thread(left, server)
        await backend.aclose()

    asyncio.run(main())
    assert governor.endings() == [("settle", ONE)]


def test_an_async_stream_that_is_never_used_does_nothing(governor: FakeGovernor) -> None:
    AsyncClient(governor, backends={}).stream("hi")
    gc.collect()
    assert governor.admissions == []


@pytest.mark.parametrize("script", [[HANG], stream(HANG)])
def test_gone_before_the_first_byte(script: list[object], governor: FakeGovernor) -> None:
    async def main(url: str, server: FaultServer) -> None:
        backend = OpenAICompatibleBackend(url, name="b", kind="vllm")
        client = AsyncClient(governor, backends={"b": backend})
        task = asyncio.create_task(client.stream("hi")._opened())
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(left, server)
        await backend.aclose()

    with fault_server(script) as server:
        asyncio.run(main(server.url, server))
    assert governor.endings() == [("settle", Usage(INPUT_TOKENS, 0, estimated=True))]


def test_a_cancelled_call_is_posted_as_reserved(governor: FakeGovernor) -> None:
    async def main(server: FaultServer) -> None:
        backend = OpenAICompatibleBackend(server.url, name="b", kind="vllm")
        task = asyncio.create_task(AsyncClient(governor, backends={"b": backend}).complete("hi"))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(left, server)
        await backend.aclose()

    with fault_server([HANG]) as server:
        asyncio.run(main(server))
    assert governor.endings() == [("settle", None)]


def test_cancelled_during_admit_reserves_nothing() -> None:
    class Slow(FakeGovernor):
        async def admit_async(self, *_: object, **__: object) -> None:  # type: ignore[override]
            await asyncio.sleep(10)

    async def main() -> None:
        governor = Slow()
        for ask in (
            AsyncClient(governor, backends={}).complete("x"),
            AsyncClient(governor, backends={}).stream("x")._opened(),
        ):
            task = asyncio.ensure_future(ask)
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert governor.admissions == []

    asyncio.run(main())


def test_two_hundred_streams_left_at_random_frames(governor: FakeGovernor) -> None:
    async def main(url: str) -> None:
        backend = OpenAICompatibleBackend(url, name="b", kind="vllm")
        client = AsyncClient(governor, backends={"b": backend})

        async def leave_after(count: int) -> None:
            async with client.stream("hi") as answer:
                async for _ in answer:
                    count -= 1
                    if count <= 0:
                        break

        await asyncio.gather(*(leave_after(number % 9) for number in range(200)))
        await backend.aclose()

    with fault_server(stream(*whole(), END)) as server:
        asyncio.run(main(server.url))
        assert len(server.requests) == 200
    assert len(governor.endings()) == 200
    assert all(usage is not None and usage.input_tokens == 11 for _, usage in governor.endings())


def test_a_reply_that_nobody_awaits_any_more_costs_what_it_costs(governor: FakeGovernor) -> None:
    with fault_server(reply(200, completion())) as server:
        backend = OpenAICompatibleBackend(server.url, name="b")
        Client(governor, backends={"b": backend}).complete("hi")
        backend.close()
    assert governor.endings() == [("settle", Usage(11, 3))]
