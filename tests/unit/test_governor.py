"""One request at a time through the governor: what it reserves, what it posts, how it ends."""

from __future__ import annotations

import asyncio
import threading
from contextlib import nullcontext
from decimal import Decimal
from typing import Any

import pytest

import tierkit as tk
from tierkit.policy import CacheSettings, Routing

SMALL = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
LARGE = {"input": "10 USD/Mtok", "output": "20 USD/Mtok"}
TIERS = [tk.Tier("small", model="m-small", price=SMALL), tk.Tier("large", model="m-large", price=LARGE)]


def governor(**parts: Any) -> tk.Governor:
    parts.setdefault("tiers", TIERS)
    return tk.Governor(tk.Policy(**parts), clock=tk.testing.ManualClock())


def ask(engine: tk.Governor, **given: Any) -> tk.Admission:
    given.setdefault("max_output_tokens", 100)
    return engine.admit(None, input_tokens=given.pop("input_tokens", 1_000), **given)


def test_reserve_then_post_the_exact_price() -> None:
    engine = governor(budgets=[tk.Budget("1 USD", period="day", per=["team"])])
    admission = ask(engine, labels={"team": "search"})
    assert (admission.tier, str(admission.reserved)) == ("small", "0.0012")
    (held,) = engine.balances()
    assert (held.key, held.posted, held.pending) == ({"team": "search"}, 0, Decimal("0.0012"))
    assert str(admission.settle(tk.Usage(900, 50))) == "0.001"
    assert str(admission.settle(tk.Usage(900, 50))) == "0.001"
    with pytest.raises(tk.AlreadySettled, match="the first amount stands"):
        admission.settle(tk.Usage(900, 51))
    (spent,) = engine.balances()
    assert (spent.posted, spent.pending) == (Decimal("0.001"), 0)


def test_leaving_the_block_ends_the_reservation() -> None:
    engine = governor(budgets=[tk.Budget("1 USD", period="day")])

    def posted_after(error: BaseException | None) -> Decimal:
        before = sum(row.posted for row in engine.balances())
        with pytest.raises(type(error)) if error else nullcontext(), ask(engine):
            if error:
                raise error
        assert all(row.pending == 0 for row in engine.balances())
        return sum(row.posted for row in engine.balances()) - before

    reserved = Decimal("0.0012")
    with pytest.warns(tk.UnsettledWarning, match="posted as reserved"):
        assert posted_after(None) == reserved
    for charged in (TimeoutError(), KeyboardInterrupt(), asyncio.CancelledError(), tk.BackendTimeout("late")):
        assert posted_after(charged) == reserved
    for free in (ValueError("bug"), tk.BackendUnavailable("no route", outcome="not_sent")):
        assert posted_after(free) == 0


def test_a_refusal_says_who_why_and_when() -> None:
    engine = governor(limits=[tk.Limit("1 requests/minute", name="rpm", per=["user"])])
    ask(engine, labels={"user": "ada"})
    with pytest.raises(tk.RateLimited) as caught:
        ask(engine, labels={"user": "ada"})
    assert (caught.value.rule, caught.value.retry_after_s) == ("rpm", 60.0)
    assert caught.value.decision is not None
    assert caught.value.decision.key == {"user": "ada"}
    ask(engine, labels={"user": "bob"})


def test_a_tier_wide_refusal_goes_on_and_a_key_wide_one_does_not() -> None:
    slots = tk.Limit(concurrency=1, name="slots", where={"tier": "small"})
    engine = governor(limits=[slots, tk.Limit("2 requests/minute", name="rpm")])
    assert [ask(engine).tier, ask(engine).tier] == ["small", "large"]
    with pytest.raises(tk.ConcurrencyLimited) as caught:
        ask(engine)
    assert caught.value.decision is not None
    assert [row["rule"] for row in caught.value.decision.failing] == ["slots", "rpm"], (
        "all that fail for the first tier"
    )


def test_an_exhausted_budget_downgrades_when_told_to() -> None:
    routing = Routing(default="large")
    for on_exhausted, tier in (("refuse", None), ("downgrade", "small")):
        engine = governor(routing=routing, budgets=[tk.Budget("0.005 USD", period="day", on_exhausted=on_exhausted)])
        if tier is None:
            with pytest.raises(tk.BudgetExceeded):
                ask(engine)
        else:
            assert ask(engine).tier == tier


def test_the_same_id_is_one_request() -> None:
    engine = governor(
        budgets=[tk.Budget("1 USD", period="day")], limits=[tk.Limit(concurrency=1, where={"tier": "small"})]
    )
    first = ask(engine, id="req-1")
    again = ask(engine, id="req-1")
    assert (first.id, first.tier, again.tier) == ("req-1", "small", "small")
    assert sum(row.pending for row in engine.balances()) == Decimal("0.0012")
    with pytest.raises(tk.ReservationConflict):
        ask(engine, id="req-1", input_tokens=1_001)
    first.cancel()
    with pytest.raises(tk.UnknownReservation):
        engine.explain("never")
    assert engine.explain("req-1")["state"] == "void"


def test_a_hit_pays_a_request_and_no_money() -> None:
    limits = [tk.Limit("10 requests/minute", name="rpm"), tk.Limit("2000 input_tokens/minute", name="tpm")]
    engine = governor(
        limits=limits, budgets=[tk.Budget("1 USD", period="day", per=["org"])], cache=CacheSettings(per=["org"])
    )
    first = engine.admit("What is 2+2?", labels={"org": "a"}, max_output_tokens=10)
    cost = first.settle(tk.Usage(10, 3), answer="4")
    hit = engine.admit("What is 2+2?", labels={"org": "a"}, max_output_tokens=10)
    assert hit.hit is not None
    assert (hit.hit.value, hit.hit.exact, hit.hit.saved, hit.hit.tier, hit.settled) == (b"4", True, cost, "small", True)
    assert hit.settle(tk.Usage(10, 3)) == 0
    others: list[dict[str, Any]] = [
        {"labels": {"org": "b"}},
        {"labels": {}},
        {"labels": {"org": "a"}, "max_output_tokens": 11},
        {"labels": {"org": "a"}, "params": {"temperature": 0}},
        {"labels": {"org": "a"}, "cache": "off"},
        {"labels": {"org": "a"}, "cache": "refresh"},
    ]
    for other in others:
        admission = engine.admit("What is 2+2?", **{"max_output_tokens": 10, **other})
        assert admission.hit is None, other
        admission.cancel()
    assert engine.report(hit.hit, ok=False)
    assert engine.admit("What is 2+2?", labels={"org": "a"}, max_output_tokens=10).hit is None


def test_an_answer_marked_uncacheable_is_never_kept() -> None:
    engine = governor()
    engine.admit("q", max_output_tokens=5).settle(tk.Usage(5, 5), answer="cut", cacheable=False)
    assert engine.admit("q", max_output_tokens=5).hit is None


def test_capability_comes_before_price() -> None:
    tiers = [
        tk.Tier("small", model="m", price=SMALL, context_tokens=1_000),
        tk.Tier("large", model="m", price=LARGE, context_tokens=10_000),
    ]
    engine = governor(tiers=tiers)
    assert ask(engine, input_tokens=950).tier == "large"
    with pytest.raises(tk.RequestTooLarge, match="shorten the prompt"):
        ask(engine, input_tokens=10_000)


def test_overrun_is_posted_in_full_and_shown() -> None:
    engine = governor(budgets=[tk.Budget("0.0012 USD", period="day")])
    ask(engine).settle(tk.Usage(1_000, 200))
    assert engine.balances()[0].posted == Decimal("0.0014")
    assert str(engine.worst_overshoot) == "0.0002"
    with pytest.raises(tk.BudgetExceeded):
        ask(engine)


def test_unknown_output_length_is_learned() -> None:
    engine = governor()
    assert ask(engine, max_output_tokens=None).reserved == tk.Money("0.003048")
    for _ in range(40):
        ask(engine, max_output_tokens=None).settle(tk.Usage(1_000, 100))
    assert ask(engine, max_output_tokens=None).reserved == tk.Money("0.001206")


def test_waiting_ends_with_a_release() -> None:
    engine = governor(limits=[tk.Limit(concurrency=1, name="slots")])
    first = ask(engine)
    threading.Timer(0.05, first.cancel).start()
    assert ask(engine, wait_s=10).tier == "small"
    with pytest.raises(tk.ConcurrencyLimited):
        ask(engine, wait_s=0.01)


def test_waiting_on_an_event_loop_ends_with_a_release_and_leaks_nothing() -> None:
    engine = governor(limits=[tk.Limit(concurrency=1, name="slots")])

    async def story() -> str:
        first = await engine.admit_async(None, input_tokens=1, max_output_tokens=1)
        cancelled = asyncio.create_task(engine.admit_async(None, input_tokens=1, max_output_tokens=1, wait_s=10))
        waiting = asyncio.create_task(engine.admit_async(None, input_tokens=1, max_output_tokens=1, wait_s=10))
        await asyncio.sleep(0.01)
        cancelled.cancel()
        first.cancel()
        admission = await waiting
        async with admission:
            admission.settle(tk.Usage(1, 1))
        return admission.tier

    assert asyncio.run(story()) == "small"
    assert ask(engine).tier == "small"


BAD: list[tuple[dict[str, Any], str]] = [
    ({"max_output_tokens": 0}, "max_output_tokens=0: expected"),
    ({"max_output_tokens": 1.5}, "max_output_tokens=1.5: expected"),
    ({"max_output_tokens": True}, "max_output_tokens=True: expected"),
    ({"input_tokens": -1}, "input_tokens=-1: expected"),
    ({"need": 1.5}, "need=1.5: expected"),
    ({"tiers": ["huge"]}, "expected some of small, large"),
    ({"tiers": []}, "expected some of"),
    ({"cache": "maybe"}, "cache 'maybe': expected"),
    ({"priority": "urgent"}, "priority 'urgent': expected"),
    ({"labels": {"team": 5}}, "label 'team': 5 is not text"),
    ({"labels": {"tier": "large"}}, "label 'tier': set by the governor"),
    ({"labels": {"": "x"}}, "label name ''"),
    ({"labels": {"team": "x" * 300}}, "label team: a value of 300 bytes"),
    ({"labels": {"team": "\ud800"}}, "lone surrogate"),
    ({"id": ""}, "id of 0 bytes"),
    ({"id": "a\nb"}, "without control characters"),
]


@pytest.mark.parametrize(("given", "sentence"), BAD)
def test_bad_input_gets_one_sentence_and_takes_nothing(given: dict[str, Any], sentence: str) -> None:
    engine = governor(budgets=[tk.Budget("1 USD", period="day")])
    with pytest.raises(tk.ConfigError) as caught:
        ask(engine, **given)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert engine.balances() == []


@pytest.mark.parametrize("prompt", [5, {"role": "user"}, [5], None])
def test_a_prompt_that_is_none_is_refused(prompt: Any) -> None:
    with pytest.raises(tk.ConfigError):
        governor().admit(prompt)


def test_a_closed_governor_refuses() -> None:
    engine = governor()
    engine.close()
    with pytest.raises(tk.ConfigError, match="closed"):
        ask(engine)


def test_a_missing_price_refuses_or_charges_the_ceiling() -> None:
    tiers = [tk.Tier("own", model="nobody-knows-this")]
    with pytest.raises(tk.PriceMissing, match="on_missing_price"):
        governor(tiers=tiers)
    engine = governor(tiers=tiers, on_missing_price="ceiling")
    admission = ask(engine)
    assert admission.reserved > 0
    assert admission.settle(tk.Usage(1_000, 100)) > 0


def test_thresholds_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    engine = governor(budgets=[tk.Budget("0.003 USD", period="day", name="daily", warn_at=[0.5, 0.8])])
    for _ in range(2):
        ask(engine).settle(tk.Usage(1_000, 100))
    messages = [record.message for record in caplog.records]
    assert messages == [
        "budget daily {}: 0.0024 of 0.003 USD spent (threshold 50 %)",
        "budget daily {}: 0.0024 of 0.003 USD spent (threshold 80 %)",
    ]
