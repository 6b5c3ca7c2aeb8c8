"""Warnings about policies that are valid but cannot mean what they say (fault F2)."""
# ruff: noqa: E501 - a sentence of a message stays on one line, as users see it

from __future__ import annotations

import pytest

from tierkit import Budget, Limit, Policy, Tier
from tierkit.policy import BackendSettings, CacheSettings, Routing, lint

PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
TIERS = [
    Tier("small", model="m1", backend="own", price=PRICE),
    Tier("large", model="m2", backend="api"),
]
BACKENDS = [
    BackendSettings("own", kind="vllm", url="http://127.0.0.1:8000"),
    BackendSettings("api", kind="openai"),
]


def warnings(**parts: object) -> list[str]:
    return [str(problem) for problem in lint(Policy(**{"tiers": TIERS, "backends": BACKENDS, **parts}))]  # type: ignore[arg-type]


def limit(rate: str = "1 requests/s", **parts: object) -> Limit:
    return Limit(rate, **parts)  # type: ignore[arg-type]


def test_nothing_to_say_about_a_sound_policy() -> None:
    assert warnings() == []


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ({"tier": "smal"}, "limit 'limit-1' can never match: no tier has tier 'smal' (did you mean 'small'?)"),
        (
            {"backend": ["api", "apy"]},
            "limit 'limit-1' has a value in where.backend that never occurs: no tier has backend 'apy'",
        ),
        ({"tier": "small", "model": "m2"}, "limit 'limit-1' can never match: no tier has all of its values together"),
    ],
)
def test_rules_that_never_match(where: dict[str, str], sentence: str) -> None:
    (seen,) = warnings(limits=[limit(where=where)])
    assert seen.startswith(sentence)


def test_free_labels_may_have_any_value() -> None:
    assert warnings(limits=[limit(where={"team": "smal", "tier": "small"})]) == []


def test_rules_that_are_always_replaced() -> None:
    narrow = limit(name="narrow", where={"team": ["a"], "user": "u"})
    assert warnings(
        limits=[narrow, limit("2 requests/s", name="wide", where={"team": ["a", "b"]}, replaces=["narrow"])]
    ) == ["limit 'narrow' never applies: 'wide' replaces it wherever it matches"]
    assert (
        warnings(limits=[narrow, limit("2 requests/s", name="other", where={"team": "b"}, replaces=["narrow"])]) == []
    )


def test_rules_that_say_the_same() -> None:
    assert warnings(limits=[limit(name="a"), limit(name="b")]) == ["limit 'b' says the same as 'a'; take one out"]


def test_parents_smaller_than_their_children() -> None:
    child = Budget("25 USD", name="team", period="day", per=["org", "team"])
    small = Budget("20 USD", name="org", period="month", per=["org"])
    assert warnings(budgets=[small, child]) == [
        "budget 'team': 25 USD can never be spent, since 'org' allows 20 USD per month to it and others; raise that one or lower this one"
    ]
    for parent in [
        small.with_(amount="25 USD"),
        small.with_(period="hour"),
        small.with_(mode="observe"),
        small.with_(timezone="Europe/Berlin"),
        small.with_(where={"org": "a"}),
        small.with_(per=["user"]),
    ]:
        assert warnings(budgets=[parent, child]) == []
    assert warnings(budgets=[small, child.with_(replaces=["org"])]) == [
        "budget 'org' never applies: 'team' replaces it wherever it matches"
    ]


def test_prices_that_are_missing() -> None:
    unpriced = [TIERS[0].with_(price=None), TIERS[1]]
    policy = Policy(tiers=unpriced, backends=BACKENDS)
    own = "tier 'small': an own server has no price in the book; write price = { input = ..., output = ... }"
    assert [str(problem) for problem in lint(policy)] == [own]
    book = lint(policy, has_price=lambda model: model == "m1")
    assert [problem.path for problem in book] == [("tier", 0), ("tier", 1, "model")]


def test_shares_that_are_never_reached() -> None:
    assert warnings(routing=Routing(share={"large": 0})) == [
        "share of 'large': never reached, its part is 0; raise it or take the tier out"
    ]
    assert warnings(routing=Routing(share={"small": 1.0})) == [
        "share: no stronger tier has a part, so none is ever chosen"
    ]


def test_backends() -> None:
    later = BackendSettings("later", kind="gemini", timeout_s=700)
    assert warnings(backends=[*BACKENDS, later]) == [
        "backend 'later': no tier uses it; name it in a [[tier]] or take it out",
        "backend 'later': kind 'gemini' cannot be called yet; its calls will fail",
        "backend 'later': a call may last 700s, but its reservation is posted in full after 660s; raise reservation_ttl",
    ]


def test_tiers_and_cache() -> None:
    assert warnings(tiers=[], backends=[]) == ["tier: none is there, so no request can be admitted; add [[tier]]"]
    dear = Tier("dear", model="m", backend="own", price={"input": "9 USD/Mtok", "output": "9 USD/Mtok"})
    assert warnings(tiers=[dear, *TIERS]) == ["tier 'small': cheaper than 'dear' before it; list the cheapest first"]
    assert warnings(cache=CacheSettings(semantic=True)) == [
        "cache: near-equal questions of all callers share answers; write per = ['org'] to part them"
    ]
    assert warnings(cache=CacheSettings(semantic=True, enabled=False)) == [
        "cache: semantic = true has no effect while enabled = false"
    ]
    assert warnings(
        tiers=TIERS[:1], backends=BACKENDS[:1], budgets=[Budget(1, period="day", on_exhausted="downgrade")]
    ) == ["budget 'budget-1': on_exhausted = 'downgrade' finds no cheaper tier, there is only one"]


def test_warnings_of_a_file_have_a_place() -> None:
    text = 'version = 1\n[[tier]]\nname = "a"\nmodel = "m"\n[[limit]]\nrate = "1 requests/s"\nwhere = { tier = "b" }\n'
    (problem,) = lint(Policy.from_text(text, "tierkit.toml"))
    assert str(problem) == "tierkit.toml:7:18: limit 'limit-1' can never match: no tier has tier 'b'"
