"""A real governor, the real clients and a real server: what is spent is what the server counted, to the nano-dollar."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from tiny_server import tiny_server

from tierkit import AsyncClient, Client, Governor, Policy
from tierkit.errors import BackendUnavailable, BudgetExceeded, Refused
from tierkit.money import Money
from tierkit.request import Usage
from tierkit.testing import MockBackend

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the wheel of the real server is for Linux")

POLICY = """
version = 1
[[tier]]
name = "small"
backend = "near"
model = "tiny"
price = {{ input = "1 USD/Mtok", output = "2 USD/Mtok" }}
[[tier]]
name = "large"
backend = "far"
model = "tiny"
price = {{ input = "10 USD/Mtok", output = "20 USD/Mtok" }}
[backend.near]
kind = "vllm"
url = "{near}"
[backend.far]
kind = "openai_compatible"
url = "{far}"
[[budget]]
name = "all"
amount = "{amount} USD"
period = "total"
[[budget]]
name = "dear"
amount = "{dear} USD"
period = "total"
where = {{ tier = "large" }}
"""
DOWN = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with tiny_server() as (url, _):
        yield url


def governed(near: str, far: str, *, amount: str = "1", dear: str = "1") -> Governor:
    return Governor(Policy.from_text(POLICY.format(near=near, far=far, amount=amount, dear=dear)))


def spent(governor: Governor) -> dict[str, tuple[Decimal, Decimal]]:
    return {row.rule: (row.posted, row.pending) for row in governor.balances()}


def price(usage: Usage | None, *, times: int = 1) -> Money:
    assert usage is not None
    return Money.from_nusd((usage.input_tokens * 1000 + usage.output_tokens * 2000) * times)


def test_complete_stream_and_cache(url: str) -> None:
    with governed(url, url) as governor, Client(governor) as client:
        answer = client.complete("Tell me a tale.", max_output_tokens=12, temperature=0, id="r-1")
        with client.stream("Another one.", max_output_tokens=12, temperature=0) as stream:
            text = "".join(chunk.text for chunk in stream)
        assert (len(answer.text), len(text)) == (12, 12)
        assert (answer.cost, stream.cost) == (price(answer.usage), price(stream.usage))
        assert spent(governor)["all"] == (answer.cost.usd + stream.cost.usd, Decimal(0))
        assert (answer.tier, answer.attempts[0].id) == ("small", "r-1/1")


def test_a_dropped_stream_is_settled_and_frees_its_reservation(url: str) -> None:
    with governed(url, url) as governor, Client(governor) as client:
        stream = client.stream("Tell me a tale.", max_output_tokens=1500, temperature=0)
        next(stream)
        assert spent(governor)["all"][1] > 0
        stream.close()
        assert spent(governor)["all"] == (stream.cost.usd if stream.cost else None, Decimal(0))
        assert stream.cost is not None
        assert Money("0") < stream.cost < Money.from_nusd(1500 * 2000)


def test_a_tier_that_is_down_is_replaced_at_the_price_of_the_next(url: str) -> None:
    with governed(DOWN, url) as governor, Client(governor) as client:
        answer = client.complete("Tell me a tale.", max_output_tokens=12, temperature=0, id="r-1")
        assert [(a.id, a.outcome) for a in answer.attempts] == [("r-1/1", "not_sent"), ("r-1/2", "answered")]
        assert (answer.tier, answer.cost) == ("large", price(answer.usage, times=10))
        assert spent(governor) == {
            "all": (answer.cost.usd, Decimal(0)),
            "dear": (answer.cost.usd, Decimal(0)),
        }


def test_a_fallback_that_its_budget_refuses_reserves_nothing(url: str) -> None:
    with governed(DOWN, url, dear="0.000001") as governor, Client(governor) as client:
        with pytest.raises(BackendUnavailable) as caught:
            client.complete("Tell me a tale.", max_output_tokens=12)
        assert isinstance(caught.value.__cause__, BudgetExceeded)
        assert {sum(row) for row in spent(governor).values()} <= {Decimal(0)}


def test_two_hundred_threads_through_a_fallback_spend_what_there_is() -> None:
    usage = Usage(100, 10)  # at most 0.0012 USD each on the dear tier: the fifth fits, the sixth does not
    with governed(DOWN, DOWN, dear="0.0061") as governor:
        near = MockBackend([_refused()])
        far = MockBackend("ok", usage=usage)
        client = Client(governor, backends={"near": near, "far": far})

        def ask(number: int) -> bool:
            try:
                return bool(client.complete("x " * 98, max_output_tokens=10, id=f"r-{number}", cache="off"))
            except (BackendUnavailable, Refused):
                return False

        with ThreadPoolExecutor(32) as pool:
            served = sum(pool.map(ask, range(200)))
        posted, pending = spent(governor)["dear"]
    assert (posted, pending) == (served * Decimal("0.0012"), Decimal(0))
    assert served == len(far.calls) == 5


def _refused() -> BackendUnavailable:
    return BackendUnavailable("busy", error_class="overload", outcome="refused")


def test_asyncio_pays_the_same(url: str) -> None:
    async def main() -> tuple[Any, Any]:
        with governed(url, url) as governor:
            async with AsyncClient(governor) as client:
                answers = await asyncio.gather(
                    *(client.complete(f"Tale {n}", max_output_tokens=6, temperature=0) for n in range(12))
                )
                async with client.stream("Tell me a tale.", max_output_tokens=900) as stream:
                    async for chunk in stream:
                        if chunk.text:
                            break
            return [*(answer.cost.usd for answer in answers), stream.cost.usd if stream.cost else 0], spent(governor)

    costs, balances = asyncio.run(main())
    assert balances["all"] == (sum(costs), Decimal(0))
    assert all(cost > 0 for cost in costs)
