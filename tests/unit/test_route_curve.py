"""The figures of an order: the rule of RouteLLM, ties at their mean, the same as in training."""

import importlib.util
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")

from tierkit.route.curve import figures  # noqa: E402

METRICS = Path(__file__).parents[2] / "training" / "metrics.py"


def test_chance_gets_half() -> None:
    weak, strong = np.zeros(50), np.arange(50) / 50
    found = figures(np.ones(50), weak, strong, price_ratio=100)
    assert found.apgr == pytest.approx(0.5)
    assert found.cpt50 == pytest.approx(0.5)
    assert found.cpt80 == pytest.approx(0.8)


def test_the_same_as_in_training() -> None:
    spec = importlib.util.spec_from_file_location("metrics", METRICS)
    assert spec is not None
    assert spec.loader is not None
    metrics = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(metrics)
    generator = np.random.default_rng(3)
    need, weak = np.round(generator.random(300), 2), generator.random(300)
    strong = np.clip(weak + generator.random(300) / 2, 0, 1)
    assert figures(need, weak, strong, price_ratio=10).apgr == pytest.approx(
        metrics.apgr(need, weak, strong), abs=1e-12
    )


def test_saved_at_95_percent_by_hand() -> None:
    weak, strong = np.array([1.0] * 90 + [0.0] * 10), np.ones(100)
    found = figures(1 - weak, weak, strong, price_ratio=10)
    # Five strong calls reach 0.95: they cost 5, the others 95 tenths, of 100.
    assert found.saved == pytest.approx(1 - (0.05 + 0.95 / 10), abs=0.01)


def test_tiers_that_do_not_differ() -> None:
    same = np.ones(30)
    assert figures(np.arange(30), same, same, price_ratio=10).apgr == pytest.approx(0.5)
