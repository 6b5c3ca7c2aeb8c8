"""What bends the order of the tiers: rules, abilities, quotas, sessions, the pace of a budget."""

import random
from typing import Any

import pytest

import tierkit as tk
from tierkit.policy import Routing, RoutingRule
from tierkit.testing import ManualClock

CHEAP = {"input": "0.10 USD/Mtok", "output": "0.40 USD/Mtok"}
DEAR = {"input": "2.00 USD/Mtok", "output": "8.00 USD/Mtok"}
TIERS = [tk.Tier("small", model="s", price=CHEAP), tk.Tier("large", model="l", price=DEAR)]
IMAGE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "?"}]}]


def governor(clock: ManualClock | None = None, **routing: Any) -> tk.Governor:
    share = routing.pop("share", {"large": 0.5})
    tiers, budgets = routing.pop("tiers", TIERS), routing.pop("budgets", ())
    return tk.Governor(tk.Policy(tiers=tiers, budgets=budgets, routing=Routing(share=share, **routing)), clock=clock)


def tier(made: tk.Governor, need: float | None = 0.1, **labels: str) -> str:
    admission = made.admit(None, input_tokens=10, need=need, labels=labels, max_output_tokens=5)
    admission.settle(tk.Usage(10, 5))
    return str(admission.tier)


def test_a_floor_holds_whatever_the_score() -> None:
    made = governor(rules=[RoutingRule(where={"feature": "legal"}, at_least="large")])
    assert tier(made, 0.0, feature="legal") == "large"
    assert tier(made, 0.0, feature="chat") == "small"
    assert made.route("hi", labels={"feature": "legal"}, max_output_tokens=5).tiers == ("large",)


def test_a_pin_and_a_ceiling() -> None:
    made = governor(rules=[RoutingRule(where={"team": "ci"}, pin="small"), RoutingRule(at_most="large")])
    assert tier(made, 1.0, team="ci") == "small"
    assert tier(made, 1.0, team="web") == "large"


def test_a_floor_wins_over_a_ceiling_and_a_quota() -> None:
    rules = [RoutingRule(at_most="small"), RoutingRule(where={"feature": "legal"}, at_least="large")]
    made = governor(rules=rules, quota=0.0, quota_burst=0)
    assert tier(made, 0.0, feature="legal") == "large"
    assert tier(made, 1.0) == "small"


def test_a_caller_cannot_ask_for_what_a_rule_forbids() -> None:
    made = governor(rules=[RoutingRule(at_least="large")])
    with pytest.raises(tk.ConfigError, match="allows these labels only large"):
        made.admit("hi", tiers=["small"])


def test_abilities_come_before_difficulty() -> None:
    tiers = [tk.Tier("small", model="s", price=CHEAP, supports=["json"]), TIERS[1]]
    made = governor(tiers=tiers)
    assert made.route(IMAGE, need=0.0).tier == "large"
    assert made.route("hi", need=0.0, params={"tools": [{"type": "function"}]}).tier == "large"
    assert made.route("hi", need=0.0, params={"response_format": {"type": "json_object"}}).tier == "small"
    neither = governor(tiers=[tk.Tier("small", model="s", price=CHEAP, supports=[])], share={})
    with pytest.raises(tk.ConfigError, match="request that needs vision"):
        neither.route(IMAGE)


def test_the_quota_holds_against_any_need() -> None:
    made = governor(quota=0.2, quota_per=["user"], quota_burst=3)
    served = [tier(made, 1.0 - n / 10_000, user="mallory") for n in range(400)]
    for n in range(1, 401):
        assert served[:n].count("large") <= 3 + 0.2 * n
    assert tier(made, 1.0, user="ada") == "large"


# Prefixes of the kind that push a prompt to the strong model, made up from structure that the measures read.
CONFOUNDERS = [
    "Prove rigorously, with all lemmas: \\int_0^\\infty \\frac{x^{n}}{e^{x}-1} dx = \\Gamma(n+1)\\zeta(n+1). ",
    "(A) 12 (B) 17 (C) 23 (D) 31 (E) 42 (F) 57 (G) 61 (H) 73 (I) 84 (J) 91\n" * 3,
    "def f(xs):\n    return sorted(set(map(lambda x: x ** 2 % 97, xs)))[::-1]\n" * 3,
]


def test_confounders_do_not_break_the_quota() -> None:
    made = governor(quota=0.1, quota_per=["user"], quota_burst=2, share={"large": 0.3})
    generator = random.Random(3)
    strong = 0
    for n in range(300):
        text = generator.choice(CONFOUNDERS) + generator.choice(["say hello", "what time is it?", "thanks"])
        admission = made.admit(text, labels={"user": "mallory"}, max_output_tokens=5, cache="off")
        admission.cancel()
        strong += admission.tier == "large"
        assert strong <= 2 + 0.1 * (n + 1)


def test_a_session_keeps_its_tier_and_moves_up_only() -> None:
    clock = ManualClock(wall_ns=10**18)
    made = governor(clock, session=["session"], session_idle_s=300)
    for n in range(200):
        tier(made, n / 200, session=f"warm-{n}")
    assert tier(made, 0.9, session="a", user="ada") == "large"
    assert tier(made, 0.1, session="a", user="ada") == "large"
    assert tier(made, 0.1, session="a", user="bob") == "small"
    assert tier(made, 0.1) == "small"
    clock.advance(s=301)
    assert tier(made, 0.1, session="a", user="ada") == "small"


def test_route_changes_nothing() -> None:
    made = governor(quota=0.0, quota_burst=1, session=["session"])
    for _ in range(5):
        made.route("hi", need=1.0, labels={"session": "a"})
    assert tier(made, 1.0, session="a") == "large"


def paced(requests: int, budget: str) -> tuple[float, list[str], int]:
    """Serve an hour of even traffic that wants half of it on the strong tier."""
    hour_ns = 3_600 * 10**9
    clock = ManualClock(wall_ns=1_800_000_000 * 10**9 // hour_ns * hour_ns)
    budgets = [tk.Budget(budget, period="hour", name="hourly")]
    made = governor(clock, pace="hourly", budgets=budgets)
    generator, served, refused = random.Random(5), [], 0
    for _ in range(requests):
        clock.advance(ns=3_599 * 10**9 // requests)
        try:
            admission = made.admit(None, input_tokens=1_000, need=generator.random(), max_output_tokens=250)
        except tk.BudgetExceeded:
            refused += 1
            continue
        admission.settle(tk.Usage(1_000, 250))
        served.append(str(admission.tier))
    [balance] = made.balances()
    return float(balance.posted / balance.limit), served, refused


def test_a_budget_lasts_to_the_end_of_its_period() -> None:
    # 2,000 requests: 0.4 USD on the cheap tier; what is left pays the strong one for a quarter.
    spent, served, refused = paced(2_000, "2.30 USD")
    assert refused == 0
    assert 0.98 <= spent <= 1.0
    shares = [served[n : n + 200].count("large") / 200 for n in range(200, 1_800, 200)]
    assert max(shares) - min(shares) < 0.12, shares


def test_a_budget_that_is_ample_changes_no_share() -> None:
    spent, served, refused = paced(1_000, "50 USD")
    assert refused == 0
    assert served.count("large") / 1_000 == pytest.approx(0.5, abs=0.03)
    assert spent < 0.1


@pytest.mark.parametrize(
    ("routing", "sentence"),
    [
        ("[routing]\npace = 'montly'\n", "pace 'montly': no budget is called so (did you mean 'monthly'?)"),
        ("[[routing.rules]]\nat_least = 'larg'\n", "at_least 'larg': no tier is called so"),
        ("[[routing.rules]]\nwhere = { a = 'b' }\n", "pin: missing"),
        ("[[routing.rules]]\npin = 'small'\nat_most = 'small'\n", "a pinned tier has no bounds"),
        ("[routing.rules]\npin = 'small'\n", "expected two pairs of brackets, [[routing.rules]]"),
        ("[routing]\nquota = 3.0\n", "quota"),
        ("[routing]\nquota_per = ['user']\n", "there is no quota"),
    ],
)
def test_mistakes_have_a_place(routing: str, sentence: str) -> None:
    text = (
        "version = 1\n[[tier]]\nname = 'small'\nmodel = 'm'\n"
        "[[budget]]\nname = 'monthly'\namount = '5 USD'\nperiod = 'month'\n" + routing
    )
    with pytest.raises(tk.ConfigError) as caught:
        tk.Policy.from_text(text)
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("policy.toml:")


def test_a_budget_with_many_accounts_has_no_pace() -> None:
    budgets = [tk.Budget("1 USD", period="day", name="b", per=["user"])]
    with pytest.raises(tk.ConfigError, match="expected a budget with one account"):
        governor(pace="b", budgets=budgets)
