"""The promise about quality: it holds as often as it says, and is refused without enough data."""

import random

import pytest

import tierkit as tk
from tierkit.route import quality_bound


def rows(count: int, seed: int) -> tuple[list[float], list[float]]:
    """Needs and failures: the cheap tier fails with probability need squared."""
    generator = random.Random(seed)
    needs = [generator.random() for _ in range(count)]
    return needs, [float(generator.random() > need * need) for need in needs]


def true_loss(threshold: float) -> float:
    return min(threshold, 1.0) ** 3 / 3


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_bound_holds_as_often_as_it_says(confidence: float) -> None:
    broken = sum(
        true_loss(quality_bound(*rows(400, seed), loss=0.05, confidence=confidence).threshold) > 0.05
        for seed in range(300)
    )
    assert broken / 300 <= 1 - confidence + 0.03


def test_more_rows_promise_more() -> None:
    shares = [quality_bound(*rows(count, 4), loss=0.05).strong_share for count in (200, 2_000, 20_000)]
    assert shares == sorted(shares, reverse=True)


def test_the_strong_tiers_failures_are_no_loss() -> None:
    needs, weak = rows(500, 1)
    assert quality_bound(needs, weak, weak).threshold == float("inf")
    assert quality_bound(needs, weak, weak).strong_share == 0


def test_too_few_rows_are_refused_with_the_number_wanted() -> None:
    with pytest.raises(tk.ConfigError, match=r"113 rows: .* needs 114"):
        quality_bound([0.5] * 113, [1.0] * 113)
    assert quality_bound([0.5] * 114, [1.0] * 114).threshold == float("inf")


def test_a_cheap_tier_that_fails_everywhere_is_refused() -> None:
    with pytest.raises(tk.ConfigError, match="send all to the strong tier"):
        quality_bound([0.5] * 500, [0.0] * 500)


@pytest.mark.parametrize(
    ("weak", "strong"), [([1.0, 2.0], None), ([1.0, float("nan")], None), ([1.0], None), ([1.0, 1.0], [-1.0, 1.0])]
)
def test_other_values_are_refused(weak: list[float], strong: list[float] | None) -> None:
    with pytest.raises(tk.ConfigError, match="expected"):
        quality_bound([0.1, 0.2], weak, strong)
