"""C8 for streams: 500 equal ones at once are one upstream call; a cut, left or idle leader is followed by one other."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tierkit import AsyncClient, Client, Governor, Policy, Tier
from tierkit.client.flights import MAX_IDLE_S
from tierkit.errors import BackendOverloaded, BackendUnavailable
from tierkit.testing import MockBackend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tierkit.request import Call, Chunk

PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
TEXT = "The sky is blue because air scatters short waves more than long ones. " * 8


def governed() -> Governor:
    return Governor(Policy(tiers=[Tier("small", model="m", backend="b", price=PRICE)]))


def read(client: Client, **settings: Any) -> tuple[str, bool]:
    """The text of one stream, and whether it came from the cache."""
    with client.stream("Why?", max_output_tokens=900, **settings) as stream:
        pieces = [chunk.text for chunk in stream]
        assert len(pieces) > 1
        assert stream.usage is not None
        return "".join(pieces), stream.from_cache


async def read_async(client: AsyncClient, **settings: Any) -> tuple[str, bool]:
    async with client.stream("Why?", max_output_tokens=900, **settings) as stream:
        return "".join([chunk.text async for chunk in stream]), stream.from_cache


def judge(backend: MockBackend, found: list[tuple[str, bool]], calls: int = 1) -> None:
    assert len(backend.calls) == calls
    assert {text for text, _ in found} == {TEXT}
    assert sum(not cached for _, cached in found) == 1


def test_500_threads_are_one_call() -> None:
    backend = MockBackend(TEXT, latency_s=0.2)
    with governed() as governor, ThreadPoolExecutor(64) as pool:
        client = Client(governor, backends={"b": backend})
        judge(backend, list(pool.map(lambda _: read(client), range(500))))


def test_500_tasks_are_one_call() -> None:
    backend = MockBackend(TEXT, latency_s=0.2)

    async def main() -> list[tuple[str, bool]]:
        with governed() as governor:
            client = AsyncClient(governor, backends={"b": backend})
            return await asyncio.gather(*(read_async(client) for _ in range(500)))

    judge(backend, asyncio.run(main()))


def test_threads_tasks_streams_and_whole_answers_share_one_call() -> None:
    backend = MockBackend(TEXT, latency_s=0.3)
    with governed() as governor, ThreadPoolExecutor(12) as pool:
        client = Client(governor, backends={"b": backend})

        async def tasks() -> list[tuple[str, bool]]:
            own = AsyncClient(governor, backends={"b": backend})
            whole = [own.complete("Why?", max_output_tokens=900) for _ in range(20)]
            streams = [read_async(own) for _ in range(20)]
            answers = await asyncio.gather(*whole)
            return [(answer.text, answer.from_cache) for answer in answers] + await asyncio.gather(*streams)

        loops = [pool.submit(asyncio.run, tasks()) for _ in range(2)]
        threads = [pool.submit(read, client) for _ in range(20)]
        found = [one for loop in loops for one in loop.result()]
        judge(backend, found + [thread.result() for thread in threads])


def broken(outcome: str) -> MockBackend:
    """Its first stream fails before the first piece, or behind two; the later ones answer."""
    if outcome == "refused":
        return MockBackend([BackendOverloaded("no", error_class="overload", outcome=outcome), TEXT], latency_s=0.2)
    cut = BackendUnavailable("gone", error_class="transient", outcome=outcome)
    return CutOnce(TEXT, latency_s=0.2, fail_after_chunks=(2, cut))


class CutOnce(MockBackend):
    """Cuts the first stream only."""

    def stream(self, call: Call) -> Iterator[Chunk]:
        if self.calls:
            self._fail_after_chunks = None
        return super().stream(call)


@pytest.mark.parametrize("outcome", ["refused", "partial"])
def test_after_a_cut_leader_one_other_asks(outcome: str) -> None:
    backend = broken(outcome)
    with governed() as governor, ThreadPoolExecutor(40) as pool:
        client = Client(governor, backends={"b": backend})
        asked = [pool.submit(read, client) for _ in range(40)]
        found = [one.exception() or one.result() for one in asked]
    failures = [one for one in found if isinstance(one, BaseException)]
    assert len(failures) == 1
    judge(backend, [one for one in found if not isinstance(one, BaseException)], calls=2)


def test_after_a_leader_that_was_left_one_other_asks() -> None:
    backend = MockBackend(TEXT, latency_s=0.2)
    with governed() as governor, ThreadPoolExecutor(20) as pool:
        client = Client(governor, backends={"b": backend})
        leader = client.stream("Why?", max_output_tokens=900)
        next(leader)
        asked = [pool.submit(read, client) for _ in range(20)]
        time.sleep(0.1)
        leader.close()
        judge(backend, [one.result() for one in asked], calls=2)


def test_after_a_cancelled_task_one_other_asks() -> None:
    backend = MockBackend(TEXT, latency_s=0.3)

    async def main() -> list[Any]:
        with governed() as governor:
            client = AsyncClient(governor, backends={"b": backend})
            asked = [asyncio.create_task(read_async(client)) for _ in range(500)]
            await asyncio.sleep(0.1)
            asked[0].cancel()
            return await asyncio.gather(*asked, return_exceptions=True)

    found = asyncio.run(main())
    assert isinstance(found[0], asyncio.CancelledError)
    judge(backend, found[1:], calls=2)


def test_a_stream_that_nobody_reads_holds_up_nobody_for_long() -> None:
    backend = MockBackend(TEXT)
    with governed() as governor, ThreadPoolExecutor(20) as pool:
        client = Client(governor, backends={"b": backend})
        idle = client.stream("Why?", max_output_tokens=900)
        start_s = time.monotonic()
        found = list(pool.map(lambda _: read(client), range(20)))
        assert MAX_IDLE_S * 0.9 < time.monotonic() - start_s < MAX_IDLE_S * 5
        judge(backend, found, calls=2)
        assert "".join(chunk.text for chunk in idle) == TEXT


def test_a_slow_server_is_waited_for() -> None:
    backend = MockBackend(TEXT, latency_s=MAX_IDLE_S * 1.5)
    with governed() as governor, ThreadPoolExecutor(10) as pool:
        client = Client(governor, backends={"b": backend})
        judge(backend, list(pool.map(lambda _: read(client), range(10))))


def test_nobody_waits_for_itself() -> None:
    backend = MockBackend(TEXT)
    with governed() as governor:
        client = Client(governor, backends={"b": backend})
        start_s = time.monotonic()
        with client.stream("Why?", max_output_tokens=900) as outer:
            assert read(client) == (TEXT, False)
            assert client.complete("Why?", max_output_tokens=900).from_cache
            assert "".join(chunk.text for chunk in outer) == TEXT

        async def nested() -> None:
            own = AsyncClient(governor, backends={"b": backend})
            async with own.stream("And?") as first, own.stream("And?") as second:
                assert [chunk.text async for chunk in second] == [chunk.text async for chunk in first]

        asyncio.run(nested())
        assert time.monotonic() - start_s < MAX_IDLE_S


def test_a_deadline_ends_the_wait() -> None:
    backend = MockBackend(TEXT, latency_s=0.8)
    with governed() as governor, ThreadPoolExecutor(2) as pool:
        client = Client(governor, backends={"b": backend})
        leader = pool.submit(read, client)
        time.sleep(0.2)
        start_s = time.monotonic()
        pool.submit(read, client, timeout_s=0.3).exception()
        assert time.monotonic() - start_s < 2
        assert leader.result() == (TEXT, False)
        assert client._flights._under_way == {}


def test_a_stream_dropped_by_the_collector_lets_the_others_go() -> None:
    backend = MockBackend(TEXT)
    with governed() as governor:
        client = Client(governor, backends={"b": backend})
        found: list[tuple[str, bool]] = []
        leader = [client.stream("Why?", max_output_tokens=900)]
        follower = threading.Thread(target=lambda: found.append(read(client)))
        follower.start()
        time.sleep(0.1)
        leader.clear()
        follower.join(MAX_IDLE_S * 0.8)
        assert found == [(TEXT, False)]
