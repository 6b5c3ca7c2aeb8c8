"""L10: a budget or limit is raised, lowered below what is spent, renamed, deleted or added while requests run."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

import tierkit as tk
from tierkit import _core
from tierkit.report.limits import live_limits
from tierkit.report.spend import spend

if TYPE_CHECKING:
    from pathlib import Path

PRICE = {"input": "1000 USD/Mtok", "output": "0 USD/Mtok"}  # 0.001 USD per token of the prompt
S = 10**9


def policy(*budgets: tk.Budget, limits: tuple[tk.Limit, ...] = ()) -> tk.Policy:
    return tk.Policy(tiers=[tk.Tier("only", model="m", price=PRICE)], budgets=budgets, limits=limits)


def daily(usd: str, name: str = "all", **more: object) -> tk.Budget:
    return tk.Budget(f"{usd} USD", name=name, period="day", **more)  # type: ignore[arg-type]


@pytest.fixture(params=["memory", "private", "shared"])
def opened(request: pytest.FixtureRequest, tmp_path: Path):  # noqa: ANN201 - a function with a place of its own
    governors: list[tk.Governor] = []

    def make(first: tk.Policy) -> tk.Governor:
        clock = None if request.param == "shared" else tk.testing.ManualClock(wall_ns=1_767_225_600 * S)
        governors.append(tk.Governor(first, state=None if request.param == "memory" else tmp_path, clock=clock))
        return governors[-1]

    yield make
    for governor in governors:
        governor.close()


def ask(governor: tk.Governor, tokens: int, **more: object) -> tk.Admission:
    return governor.admit(None, input_tokens=tokens, max_output_tokens=1, **more)  # type: ignore[arg-type]


def spent(governor: tk.Governor) -> list[tuple[str, str, str]]:
    return [(row.rule, str(row.posted), str(row.pending)) for row in governor.balances()]


def test_a_raised_budget_has_room_at_once(opened) -> None:  # noqa: ANN001 - the fixture above
    governor = opened(policy(daily("1")))
    ask(governor, 900).settle(tk.Usage(900, 0))
    with pytest.raises(tk.BudgetExceeded):
        ask(governor, 200)
    governor.reload(policy(daily("1.1")))
    ask(governor, 200).settle(tk.Usage(200, 0))
    with pytest.raises(tk.BudgetExceeded):
        ask(governor, 1)


def test_lowered_below_what_is_spent_refuses_the_next_and_owes_nothing(opened) -> None:  # noqa: ANN001
    governor = opened(policy(daily("10")))
    ask(governor, 3_000).settle(tk.Usage(3_000, 0))
    held = ask(governor, 2_000)
    governor.reload(policy(daily("1")))
    with pytest.raises(tk.BudgetExceeded) as caught:
        ask(governor, 1)
    (row,) = caught.value.decision.failing
    assert row["available"] == "0 USD"
    held.settle(tk.Usage(1_500, 0))
    assert spent(governor) == [("all", "4.5", "0")]
    assert governor.balances()[0].limit == Decimal(1)
    assert governor.worst_overshoot == 0, "an edit is no overspend"
    governor.reload(policy(daily("4.6")))
    ask(governor, 100).cancel()


def test_what_was_admitted_ends_by_the_policy_that_admitted_it(opened) -> None:  # noqa: ANN001
    governor = opened(policy(daily("10")))
    held = ask(governor, 1_000)
    dearer = tk.Tier("only", model="m", price={"input": "9000 USD/Mtok", "output": "0 USD/Mtok"})
    governor.reload(tk.Policy(tiers=[dearer], budgets=[daily("10")]))
    assert held.settle(tk.Usage(1_000, 0)) == tk.Money("1")
    assert ask(governor, 1_000).reserved == tk.Money("9")


def test_a_deleted_budget_ends_what_it_holds_and_limits_no_more(opened) -> None:  # noqa: ANN001
    governor = opened(policy(daily("1"), daily("9", "kept")))
    held, other = ask(governor, 600), ask(governor, 300)
    governor.reload(policy(daily("9", "kept")))
    ask(governor, 5_000).settle(tk.Usage(5_000, 0))
    held.settle(tk.Usage(500, 0))
    other.cancel()
    assert spent(governor) == [("kept", "5.5", "0")]
    governor.reload(policy(daily("1"), daily("9", "kept")))
    assert spent(governor) == [("all", "0.5", "0"), ("kept", "5.5", "0")], "it comes back with what was spent"
    with pytest.raises(tk.BudgetExceeded):
        ask(governor, 501)
    ask(governor, 500).cancel()


def test_a_renamed_budget_is_a_new_one_and_the_old_keeps_its_history(opened) -> None:  # noqa: ANN001
    governor = opened(policy(daily("1", "old")))
    held = ask(governor, 700)
    governor.reload(policy(daily("1", "new")))
    ask(governor, 900).settle(tk.Usage(900, 0))
    held.settle(tk.Usage(700, 0))
    assert spent(governor) == [("new", "0.9", "0")]
    assert [entry["rule"] for entry in governor.explain(held.id)["scopes"]] in ([], ["old"])


def test_a_lowered_rate_keeps_the_debt_and_never_admits_more_than_both(opened) -> None:  # noqa: ANN001
    limit = tk.Limit("100 requests/8760h", name="rate", burst=100)
    governor = opened(policy(limits=(limit,)))
    for _ in range(40):
        ask(governor, 1).settle(tk.Usage(1, 0))
    governor.reload(policy(limits=(limit.with_(burst=30),)))
    for _ in range(30):
        ask(governor, 1)
    with pytest.raises(tk.RateLimited):
        ask(governor, 1)
    governor.reload(policy(limits=(limit.with_(burst=1_000),)))
    with pytest.raises(tk.RateLimited):
        ask(governor, 1)


def test_a_bucket_that_nobody_used_is_as_full_as_one_that_nobody_knows(opened) -> None:  # noqa: ANN001
    limit = tk.Limit("10 requests/8760h", name="rate", burst=10, per=["user"])
    governor = opened(policy(limits=(limit,)))
    ask(governor, 1, labels={"user": "seen"}).cancel()
    governor.reload(policy(limits=(limit.with_(burst=12),)))
    for user in ("seen", "new"):
        for _ in range(12):
            ask(governor, 1, labels={"user": user})
        with pytest.raises(tk.RateLimited):
            ask(governor, 1, labels={"user": user})


def test_slots_go_on_and_come_back_through_every_edit(opened) -> None:  # noqa: ANN001
    slots = tk.Limit(concurrency=3, name="slots")
    governor = opened(policy(limits=(slots,)))
    held = [ask(governor, 1) for _ in range(3)]
    governor.reload(policy(limits=(slots.with_(concurrency=1),)))
    with pytest.raises(tk.ConcurrencyLimited) as caught:
        ask(governor, 1)
    assert caught.value.decision.failing[0]["available"] == "0 concurrency"
    governor.reload(policy())
    held.append(ask(governor, 1))
    held.pop(0).cancel()
    governor.reload(policy(limits=(slots.with_(concurrency=3),)))
    ask(governor, 1).cancel()
    for admission in held:
        admission.settle(tk.Usage(1, 0))
    again = [ask(governor, 1) for _ in range(3)]
    with pytest.raises(tk.ConcurrencyLimited):
        ask(governor, 1)
    for admission in again:
        admission.cancel()


def test_other_keys_or_another_period_are_another_budget(opened) -> None:  # noqa: ANN001
    governor = opened(policy(daily("1")))
    held = ask(governor, 900)
    governor.reload(policy(daily("1", per=["team"])))
    ask(governor, 900, labels={"team": "a"}).cancel()
    governor.reload(policy(tk.Budget("1 USD", name="all", period="month")))
    ask(governor, 900).cancel()
    held.settle(tk.Usage(800, 0))
    governor.reload(policy(daily("1")))
    assert spent(governor) == [("all", "0.8", "0")]


def test_alerts_follow_the_new_amount(opened, caplog: pytest.LogCaptureFixture) -> None:  # noqa: ANN001
    governor = opened(policy(daily("10", warn_at=[0.5, 0.8])))
    ask(governor, 6_000).settle(tk.Usage(6_000, 0))
    governor.reload(policy(daily("20", warn_at=[0.5, 0.8])))
    caplog.clear()
    ask(governor, 1_000).settle(tk.Usage(1_000, 0))
    assert "spent" not in caplog.text
    ask(governor, 3_000).settle(tk.Usage(3_000, 0))
    assert caplog.text.count("threshold 50 %") == 1
    governor.reload(policy(daily("12", warn_at=[0.5, 0.8])))
    ask(governor, 1).settle(tk.Usage(1, 0))
    assert caplog.text.count("threshold 80 %") == 1


def test_the_ledger_keeps_what_a_deleted_budget_saw_also_across_a_restart(tmp_path: Path) -> None:
    clock = tk.testing.ManualClock(wall_ns=1_767_225_600 * S)
    with tk.Governor(policy(daily("1", "gone"), daily("9", "kept")), state=tmp_path, clock=clock) as governor:
        held = ask(governor, 600, id="held")
        assert held.reserved == tk.Money("0.6")
    with tk.Governor(policy(daily("9", "kept")), state=tmp_path, clock=clock) as governor:
        again = ask(governor, 600, id="held")
        again.settle(tk.Usage(400, 0))
    postings = [(row["rule"], row["posted_usd"], row["pending_usd"]) for row in _postings(tmp_path, "held")]
    assert ("gone", "0.4", "-0.6") in postings, "a reservation posts to the account that it holds"
    with tk.Governor(policy(daily("1", "gone")), state=tmp_path, clock=clock) as governor:
        assert spent(governor) == [("gone", "0.4", "0")]


def test_a_removed_rule_shows_what_is_left_of_it(tmp_path: Path) -> None:
    with tk.Governor(policy(daily("1"), daily("9", "kept")), state=tmp_path) as governor:
        held = ask(governor, 600)
        governor.reload(policy(daily("9", "kept")))
        rows = {row["rule"]: row for row in live_limits(tmp_path)["scopes"]}
        assert (rows["all"]["limit"], rows["all"]["held"], rows["kept"]["limit"]) == (None, "0.6", "9")
        held.settle(tk.Usage(600, 0))
        governor.flush()
        assert spend(tmp_path, by=["tier"])["total_usd"] == "0.6"


def test_a_limiter_and_a_ledger_reload_too() -> None:
    limiter = tk.Limiter([tk.Limit("5 requests/8760h", name="rate", burst=5)])
    scope = limiter.bind({"user": "ada"})
    taken = [scope.take() for _ in range(5)]
    limiter.reload([tk.Limit("5 requests/8760h", name="rate", burst=7), tk.Limit(concurrency=1, name="slots")])
    assert not scope.take()
    limiter.settle(taken[0], requests=0)
    held = scope.take()
    assert held
    assert held.id is not None, "the handle sees the slots that came with the new limits"
    ledger = tk.Ledger([tk.Budget("1 USD", name="all", period="total")])
    ledger.reserve(usd="0.9", id="one")
    ledger.reload([tk.Budget("0.5 USD", name="all", period="total")])
    with pytest.raises(tk.BudgetExceeded):
        ledger.reserve(usd="0.01")
    assert ledger.post("one", usd="0.2") == tk.Money("0.2")
    ledger.reserve(usd="0.3")


def _postings(state: Path, name: str) -> list[dict[str, str]]:
    return [posting for entry in _core.read_story(str(state), name) for posting in entry["postings"]]
