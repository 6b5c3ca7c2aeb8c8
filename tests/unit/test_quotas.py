"""Quotas on requests and on money: what they hold, give back and show."""

import random
from typing import Any

import pytest

import tierkit as tk
from tierkit.policy import Routing
from tierkit.testing import ManualClock

CHEAP = {"input": "0.10 USD/Mtok", "output": "0.40 USD/Mtok"}
DEAR = {"input": "2.00 USD/Mtok", "output": "8.00 USD/Mtok"}
TIERS = [
    tk.Tier("small", model="s", price=CHEAP),
    tk.Tier("medium", model="m", price={"input": "1 USD/Mtok", "output": "4 USD/Mtok"}),
    tk.Tier("large", model="l", price=DEAR),
]


def governor(limits: Any = (), **routing: Any) -> tk.Governor:
    routing = {"share": {"medium": 0.3, "large": 0.3}, "quota_per": ["user"], **routing}
    return tk.Governor(
        tk.Policy(tiers=TIERS, limits=limits, routing=Routing(**routing)), clock=ManualClock(wall_ns=10**18)
    )


def test_money_above_the_cheapest_tier_stays_below_its_share() -> None:
    made, generator = governor(money_quota=0.4, money_burst="0.05 USD"), random.Random(4)
    strong = total = 0
    flying: list[tk.Admission] = []
    for _ in range(1_500):
        admission = made.admit(
            None, input_tokens=generator.randint(10, 3_000), need=1.0, labels={"user": "mallory"}, max_output_tokens=900
        )
        flying.append(admission)
        while len(flying) > generator.randint(0, 9):
            ended = flying.pop(generator.randrange(len(flying)))
            if generator.random() < 0.2:
                ended.cancel()
                continue
            cost = ended.settle(tk.Usage(int(ended.input_tokens), generator.randint(0, 900))).nusd
            total += cost
            strong += cost if ended.tier != "small" else 0
            assert strong <= 50_000_000 + 0.4 * total
    assert strong > 0.2 * total, "the share is used"
    assert made.routing().counts["money"] > 100


def test_what_was_on_hold_comes_back() -> None:
    """A cancelled, refused or cheaper request takes no credit."""
    made = governor(money_quota=0.0, money_burst="0.0029 USD")

    def one() -> tk.Admission:
        return made.admit(None, input_tokens=1_000, need=1.0, labels={"user": "ada"}, max_output_tokens=100)

    for _ in range(5):
        first = one()
        assert first.tier == "large"
        assert one().tier == "small", "the credit is on hold"
        first.cancel()
        first.cancel()
    first = one()
    first.settle(tk.Usage(500, 0))
    assert one().tier == "small", "what is left does not pay a whole request"


def test_a_refused_request_gives_its_hold_back() -> None:
    slots = tk.Limit(concurrency=1)
    made = governor([slots], money_quota=0.0, money_burst="0.0029 USD")
    running = made.admit(None, input_tokens=10, need=0.0, labels={"user": "ada"}, max_output_tokens=1)
    for _ in range(3):
        with pytest.raises(tk.ConcurrencyLimited):
            made.admit(None, input_tokens=1_000, need=1.0, labels={"user": "ada"}, max_output_tokens=100)
    running.cancel()
    again = made.admit(None, input_tokens=1_000, need=1.0, labels={"user": "ada"}, max_output_tokens=100)
    assert again.tier == "large"


def test_with_a_quota_on_money_nobody_is_served_above_the_chosen_tier() -> None:
    slots = tk.Limit("1 requests/hour", burst=1, where={"tier": "medium"})
    made = governor([slots], money_quota=0.5)
    tiers = [
        made.admit(None, input_tokens=10, need=0.55, labels={"user": "ada"}, max_output_tokens=1).tier for _ in range(3)
    ]
    assert tiers == ["medium", "small", "small"]


def test_a_key_that_asks_for_far_more_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    made, generator = governor(share={"large": 0.1}, quota=0.2), random.Random(1)
    for n in range(6_000):
        mallory = n % 20 == 0
        user = "mallory" if mallory else f"user-{n % 7}"
        need = 0.99 if mallory else generator.random()
        made.admit(None, input_tokens=10, need=need, labels={"user": user}, max_output_tokens=1).cancel()
    told = [record.message for record in caplog.records if "three times" in record.message]
    assert len(told) == 1
    assert "mallory" in told[0]
    assert made.routing().counts["keys"] == 1


def test_needs_that_drift_are_told_of(caplog: pytest.LogCaptureFixture) -> None:
    made, generator = governor(quota=1.0), random.Random(1)
    for n in range(6_000):
        need = generator.random() if n < 3_500 else generator.random() ** 3
        made.admit(None, input_tokens=10, need=need, max_output_tokens=1).cancel()
    assert sum("no longer distributed" in record.message for record in caplog.records) == 1
    assert made.routing().counts["drifts"] == 1


def test_routing_that_only_observes_does_the_default_and_counts_the_rest() -> None:
    made, generator = governor(mode="observe", quota=0.2, quota_burst=0), random.Random(1)
    for _ in range(1_000):
        admission = made.admit(
            None, input_tokens=10, need=generator.random(), labels={"user": "u"}, max_output_tokens=1
        )
        admission.cancel()
        assert admission.tier == "small"
    state = made.routing()
    assert state.mode == "observe"
    assert 150 <= state.counts["strong"] <= 200
    assert state.counts["share"] > 300
