"""C8: 500 equal questions at once are one upstream call; a failure releases all; nobody waits for a stranger."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tierkit import AsyncClient, Client, Governor, Policy, Tier
from tierkit.client.flights import Flights
from tierkit.errors import BackendOverloaded
from tierkit.request import Reply, Usage
from tierkit.testing import MockBackend

PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}


def governed() -> Governor:
    return Governor(Policy(tiers=[Tier("small", model="m", backend="b", price=PRICE)]))


def ask_all(backend: MockBackend, count: int, **settings: Any) -> list[Any]:
    with governed() as governor, ThreadPoolExecutor(64) as pool:
        client = Client(governor, backends={"b": backend})
        asked = [pool.submit(client.complete, "Why?", max_output_tokens=9, **settings) for _ in range(count)]
        return [future.exception() or future.result() for future in asked]


def test_500_threads_are_one_call() -> None:
    backend = MockBackend("blue", latency_s=0.2)
    answers = ask_all(backend, 500)
    assert len(backend.calls) == 1
    assert {answer.text for answer in answers} == {"blue"}
    assert sum(not answer.from_cache for answer in answers) == 1


def test_500_tasks_are_one_call() -> None:
    backend = MockBackend("blue", latency_s=0.2)

    async def main() -> list[Any]:
        with governed() as governor:
            client = AsyncClient(governor, backends={"b": backend})
            return await asyncio.gather(*(client.complete("Why?", max_output_tokens=9) for _ in range(500)))

    answers = asyncio.run(main())
    assert len(backend.calls) == 1
    assert sum(answer.cost.nusd > 0 for answer in answers) == 1


def test_a_failure_releases_all_at_once() -> None:
    backend = MockBackend([BackendOverloaded("no", error_class="overload", outcome="refused")], latency_s=0.2)
    start_s = time.monotonic()
    found = ask_all(backend, 60)
    assert all(isinstance(error, BackendOverloaded) for error in found)
    assert time.monotonic() - start_s < 2  # two rounds of 0.2 s, not sixty


def test_an_answer_that_cannot_be_shared_is_asked_by_each() -> None:
    cut = Reply("blue", usage=Usage(3, 1), finish_reason="length")
    assert all(not answer.from_cache for answer in ask_all(MockBackend([cut]), 8))
    backend = MockBackend("blue", latency_s=0.1)
    start_s = time.monotonic()
    ask_all(backend, 8, temperature=0.9)
    assert len(backend.calls) == 8
    assert time.monotonic() - start_s < 0.6  # nobody waited for anybody


def test_strangers_never_wait_for_each_other() -> None:
    backend = MockBackend("blue", latency_s=0.3)
    with governed() as governor, ThreadPoolExecutor(8) as pool:
        client = Client(governor, backends={"b": backend})
        start_s = time.monotonic()
        list(pool.map(lambda user: client.complete("Why?", labels={"user": user}), "abcdefgh"))
    assert time.monotonic() - start_s < 1


def test_nobody_waits_for_ever() -> None:
    flights, entered, leave = Flights(), threading.Event(), threading.Event()

    def lead() -> None:
        with flights.share(b"k", 1):
            entered.set()
            leave.wait(10)

    leader = threading.Thread(target=lead)
    leader.start()
    entered.wait(5)
    start_s = time.monotonic()
    with flights.share(b"k", 0.1):
        assert time.monotonic() - start_s < 1
    leave.set()
    leader.join()
    assert flights._under_way == {}


def test_a_cancelled_leader_releases_the_others() -> None:
    async def main() -> None:
        flights = Flights()

        async def lead() -> None:
            async with flights.ashare(b"k", 1):
                await asyncio.sleep(60)

        leader = asyncio.create_task(lead())
        await asyncio.sleep(0)
        follower = asyncio.create_task(_enter(flights))
        await asyncio.sleep(0.05)
        leader.cancel()
        assert await asyncio.wait_for(follower, 1)
        with pytest.raises(asyncio.CancelledError):
            await leader
        assert flights._under_way == {}

    asyncio.run(main())


async def _enter(flights: Flights) -> bool:
    async with flights.ashare(b"k", 30):
        return True


def fail_then_answer(failures: int) -> MockBackend:
    wrong = BackendOverloaded("no", error_class="overload", outcome="refused")
    return MockBackend([*[wrong] * failures, "blue"], latency_s=0.2)


def test_after_a_failed_leader_one_other_asks() -> None:
    backend = fail_then_answer(1)
    found = ask_all(backend, 60)
    assert len(backend.calls) == 2
    assert sum(isinstance(one, BackendOverloaded) for one in found) == 1
    assert {one.text for one in found if not isinstance(one, BackendOverloaded)} == {"blue"}


def test_after_a_cancelled_leader_one_other_asks() -> None:
    backend = MockBackend("blue", latency_s=0.2)

    async def main() -> list[Any]:
        with governed() as governor:
            client = AsyncClient(governor, backends={"b": backend})
            asked = [asyncio.create_task(client.complete("Why?", max_output_tokens=9)) for _ in range(500)]
            await asyncio.sleep(0.1)
            asked[0].cancel()
            return await asyncio.gather(*asked, return_exceptions=True)

    found = asyncio.run(main())
    assert isinstance(found[0], asyncio.CancelledError)
    assert {answer.text for answer in found[1:]} == {"blue"}
    assert len(backend.calls) == 2


def test_after_two_failures_nobody_waits_in_turn() -> None:
    backend = fail_then_answer(2)
    start_s = time.monotonic()
    found = ask_all(backend, 40)
    assert sum(isinstance(one, BackendOverloaded) for one in found) == 2
    assert time.monotonic() - start_s < 3  # three rounds of 0.2 s, not forty


def test_a_stream_is_kept_and_replayed_to_either_kind_of_caller() -> None:
    backend = MockBackend("blue sky", latency_s=0)
    with governed() as governor:
        client = Client(governor, backends={"b": backend})
        with client.stream("Why?", max_output_tokens=9) as stream:
            whole = "".join(chunk.text for chunk in stream)
        again = client.complete("Why?", max_output_tokens=9)
        with client.stream("Why?", max_output_tokens=9) as stream:
            replayed = "".join(chunk.text for chunk in stream)
            assert stream.from_cache
            assert stream.usage == again.usage
    assert whole == again.text == replayed == "blue sky"
    assert again.from_cache
    assert len(backend.calls) == 1
