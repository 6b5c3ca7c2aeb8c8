"""Second answers: off the caller's path, from their own budget, judged by the user's callable."""

from __future__ import annotations

import asyncio
import threading
from decimal import Decimal
from typing import Any

import pytest

import tierkit as tk
from tierkit.errors import BackendUnavailable
from tierkit.policy import Routing
from tierkit.testing import MockBackend

pytest.importorskip("onnxruntime")

CHEAP = {"input": "0.10 USD/Mtok", "output": "0.40 USD/Mtok"}
DEAR = {"input": "2.00 USD/Mtok", "output": "8.00 USD/Mtok"}
TIERS = [
    tk.Tier("small", model="s", backend="cheap", price=CHEAP, max_output_tokens=100),
    tk.Tier("large", model="l", backend="dear", price=DEAR, max_output_tokens=100),
]


def governor(budget: str = "1 USD", **routing: Any) -> tk.Governor:
    routing = {"share": {"large": 0.0}, "shadow": 1.0, "shadow_budget": "judging", **routing}
    budgets = [
        tk.Budget(budget, period="total", name="judging", where={"purpose": "shadow"}),
        tk.Budget("1 USD", period="total", name="team", per=["team"], where={"team": ["search"]}),
    ]
    return tk.Governor(tk.Policy(tiers=TIERS, budgets=budgets, routing=Routing(**routing)))


def posted(made: tk.Governor) -> dict[str, Any]:
    return {row.rule: row.posted for row in made.balances()}


def backends(second: Any = "better") -> dict[str, MockBackend]:
    return {"cheap": MockBackend("first"), "dear": MockBackend([second])}


def lessons(made: tk.Governor) -> list[dict[str, float]]:
    learning = made._engine.learning
    assert learning is not None
    return [lesson.quality for lesson in learning.book.lessons()]


def test_both_answers_are_judged_and_its_own_budget_pays() -> None:
    made, servers, seen = governor(), backends(), []

    def judge(messages: Any, first: str, second: str) -> tuple[float, float]:
        seen.append((messages[0]["content"], first, second))
        return 0.25, 1.0

    with tk.Client(made, backends=servers, judge=judge) as client:
        for n in range(5):
            answer = client.complete(f"question {n}", labels={"team": "search"})
            assert (answer.text, answer.tier) == ("first", "small")
        assert client.wait_for_shadow(20)
    assert seen == [(f"question {n}", "first", "better") for n in range(5)]
    assert lessons(made) == [{"small": 0.25, "large": 1.0}] * 5
    paid = posted(made)
    assert paid["judging"] > paid["team"] > 0
    assert made.routing().counts["requests"] == 5, "a second answer counts for no share"


def test_the_caller_waits_for_nothing() -> None:
    made, go_on, began = governor(), threading.Event(), threading.Event()

    def judge(_messages: Any, _first: str, _second: str) -> tuple[float, float]:
        began.set()
        go_on.wait(20)
        return 1.0, 1.0

    with tk.Client(made, backends=backends(), judge=judge) as client:
        for n in range(200):
            assert client.complete(f"question {n}").text == "first"
        assert began.wait(20)
        assert not client.wait_for_shadow(0.01)
        go_on.set()
        assert client.wait_for_shadow(30)
    assert len(lessons(made)) <= 66, "what does not fit the queue is passed over"


def test_an_empty_budget_ends_it_and_nothing_else() -> None:
    made, servers = governor("0.001 USD"), backends()
    with tk.Client(made, backends=servers, judge=lambda *_: (1.0, 1.0)) as client:
        for n in range(20):
            assert client.complete(f"question {n}").text == "first"
            assert client.wait_for_shadow(20)
        assert client._shadow.failures == 0
    assert 0 < len(servers["dear"].calls) < 20
    assert posted(made)["judging"] <= Decimal("0.001")


@pytest.mark.parametrize(
    ("second", "judge"),
    [
        (BackendUnavailable("no server", outcome="not_sent"), lambda *_: (1.0, 1.0)),
        ("better", lambda *_: 1 / 0),
        ("better", lambda *_: (2.0, 1.0)),
        ("better", lambda *_: None),
    ],
)
def test_failures_are_counted_and_hurt_nobody(second: Any, judge: Any, caplog: pytest.LogCaptureFixture) -> None:
    made = governor()
    with tk.Client(made, backends=backends(second), judge=judge) as client:
        for n in range(3):
            assert client.complete(f"question {n}").text == "first"
        assert client.wait_for_shadow(20)
        assert client._shadow.failures == 3
    assert sum("second answer failed" in record.message for record in caplog.records) == 1
    assert all(row.pending == 0 for row in made.balances())


def test_off_without_a_judge_or_a_share() -> None:
    for routing, judge in (
        ({}, None),
        ({"shadow": 0.0, "shadow_budget": None, "feedback": True}, lambda *_: (1.0, 1.0)),
    ):
        servers = backends()
        with tk.Client(governor(**routing), backends=servers, judge=judge) as client:
            client.complete("question")
            assert client.wait_for_shadow(5)
        assert servers["dear"].calls == []


def test_the_share_is_kept_and_the_same_id_is_picked_alike() -> None:
    made = governor(shadow=0.1)
    picked = [made.second_opinion(f"r{n}", "small") for n in range(2_000)]
    assert set(picked) == {None, "large"}
    assert 150 < sum(one is not None for one in picked) < 250
    assert picked == [made.second_opinion(f"r{n}", "small") for n in range(2_000)]
    assert governor().second_opinion("r", "large") == "small"
    assert governor(shadow_tier="large").second_opinion("r", "large") is None


def test_a_budget_of_others_may_not_pay() -> None:
    with pytest.raises(tk.ConfigError, match="shadow_budget: missing"):
        governor(shadow_budget=None)
    with pytest.raises(tk.ConfigError, match="pays for other requests too"):
        governor(shadow_budget="team")
    with pytest.raises(tk.ConfigError, match="no budget is called so"):
        governor(shadow_budget="judgin")


def test_the_asyncio_client_judges_with_a_coroutine() -> None:
    made = governor()

    async def judge(_messages: Any, _first: str, _second: str) -> tuple[float, float]:
        await asyncio.sleep(0)
        return 0.5, 1.0

    async def main() -> None:
        async with tk.AsyncClient(made, backends=backends(), judge=judge) as client:
            for n in range(4):
                answer = await client.complete(f"question {n}")
                assert answer.text == "first"
            assert await client.wait_for_shadow(20)

    asyncio.run(main())
    assert lessons(made) == [{"small": 0.5, "large": 1.0}] * 4
