"""Shares of the own traffic, not scores."""

import random
import threading
from collections import Counter

import pytest

from tierkit.errors import ConfigError
from tierkit.route import Router

TIERS = ["small", "medium", "large"]

TRAFFIC = {
    "even": lambda generator: generator.random(),
    "easy": lambda generator: generator.betavariate(2, 12),
    "hard": lambda generator: generator.betavariate(9, 2),
    "narrow": lambda generator: 0.15 + 0.06 * generator.random(),
    "three prompts": lambda generator: generator.choice([0.2, 0.21, 0.8]),
    "one prompt": lambda _: 0.4,
    "two kinds": lambda generator: generator.choice([0.2, 0.8]) + 0.05 * generator.random(),
}


@pytest.mark.parametrize("kind", TRAFFIC)
@pytest.mark.parametrize("share", [{"large": 0.2}, {"medium": 0.3, "large": 0.1}, {"small": 0.5, "large": 0.5}])
def test_shares_within_two_points_of_2000_requests_from_a_cold_start(kind: str, share: dict[str, float]) -> None:
    generator = random.Random(11)
    router = Router(TIERS, share)
    served: Counter[str] = Counter()
    for _ in range(2000):
        need = TRAFFIC[kind](generator)
        served[router.plan(need)[0]] += 1
        router.observe(need)
    for tier in TIERS[1:]:
        assert served[tier] / 2000 == pytest.approx(share.get(tier, 0.0), abs=0.02)


def test_plans_hold_every_tier_once() -> None:
    router = Router(TIERS, {"medium": 0.3, "large": 0.2})
    assert router.plan(0.95) == ("large", "medium", "small")
    assert router.plan(0.6) == ("medium", "small", "large")
    assert router.plan(0.1) == ("small", "medium", "large")
    assert router.plan(None) == ("small", "medium", "large")


def test_default_and_escalation() -> None:
    router = Router(TIERS, {"large": 0.2}, default="medium", escalate=True)
    assert router.plan(None) == ("medium", "large", "small")
    assert router.plan(0.1) == ("small", "medium", "large")


def test_a_tier_without_a_share_is_never_chosen() -> None:
    router = Router(TIERS, {"medium": 0.5})
    assert router.plan(1.0)[0] == "medium"
    assert router.threshold("large") == float("inf")
    assert Router(TIERS, {}).plan(1.0)[0] == "small"
    assert Router(TIERS, {"large": 1.0}).plan(0.0)[0] == "large"


def test_thresholds_follow_the_traffic() -> None:
    router = Router(["small", "large"], {"large": 0.25})
    assert router.threshold("large") == pytest.approx(0.75)
    for step in range(4000):
        router.observe(0.3 + step % 100 / 1000)
    assert router.threshold("large") == pytest.approx(0.375, abs=0.005)
    assert router.threshold("small") == 0.0


@pytest.mark.parametrize(
    ("tiers", "share", "default", "says"),
    [
        ([], {}, None, "at least one"),
        (["a", "a"], {}, None, "none twice"),
        (["small", "large"], {"lrge": 0.2}, None, "did you mean 'large'"),
        (["small", "large"], {}, "big", "expected one of small, large"),
        (["small", "large"], {"large": 1.2}, None, "from 0 to 1"),
        (["small", "large"], {"large": -0.1}, None, "from 0 to 1"),
        (["small", "large"], {"large": float("nan")}, None, "from 0 to 1"),
        (["small", "large"], {"large": True}, None, "from 0 to 1"),
        (["small", "large"], {"large": "20 %"}, None, "from 0 to 1"),
        (["a", "b", "c"], {"b": 0.6, "c": 0.6}, None, "at most 1"),
        (["small", "large"], {"small": 0.5, "large": 0.2}, None, "leave 'small' out"),
    ],
)
def test_mistakes_are_named(tiers: list[str], share: dict[str, float], default: str | None, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Router(tiers, share, default=default)


def test_an_unknown_tier_has_no_threshold() -> None:
    with pytest.raises(ConfigError, match="did you mean 'large'"):
        Router(["small", "large"], {}).threshold("larg")


def test_many_threads_share_a_router() -> None:
    router = Router(["small", "large"], {"large": 0.5})

    def work(seed: int) -> None:
        generator = random.Random(seed)
        for _ in range(5000):
            need = generator.random() / 2
            router.plan(need)
            router.observe(need)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert router.threshold("large") == pytest.approx(0.25, abs=0.02)
