"""How well a score tells the prompts that gain from the strong model: APGR by the rule of RouteLLM's evaluate.py."""

from __future__ import annotations

import numpy as np

# Sources with a smaller mean gap divide by noise and are not averaged.
LEAST_GAP = 0.05


def curve(score: np.ndarray, weak: np.ndarray, strong: np.ndarray) -> np.ndarray:
    """Mean quality when the k highest scores go to the strong model, for k = 0 … n; ties share their mean.

    Shapes: inputs (n,), result (n + 1,).
    """
    _, tie, size = np.unique(-score, return_inverse=True, return_counts=True)
    gain = np.bincount(tie, weights=strong - weak) / size
    return weak.mean() + np.concatenate([[0.0], np.cumsum(np.repeat(gain, size))]) / len(score)


def apgr(score: np.ndarray, weak: np.ndarray, strong: np.ndarray) -> float:
    """Area under the recovered share of the gap, at 11 shares of strong calls, by trapezoids."""
    quality = curve(score, weak, strong)
    at = np.interp(np.linspace(0, 1, 11) * len(score), np.arange(len(quality)), quality)
    return float(np.trapezoid((at - quality[0]) / (quality[-1] - quality[0]), dx=0.1))


def counted(source: np.ndarray, weak: np.ndarray, strong: np.ndarray) -> list[str]:
    """Names of the sources whose mean gap is large enough to be averaged."""
    gap = strong - weak
    return [str(name) for name in np.unique(source) if np.nanmean(gap[source == name], dtype=float) >= LEAST_GAP]


def by_source(score: np.ndarray, source: np.ndarray, weak: np.ndarray, strong: np.ndarray) -> dict[str, float]:
    """APGR of every source that counts."""
    names = counted(source, weak, strong)
    return {name: apgr(score[source == name], weak[source == name], strong[source == name]) for name in names}


def difference(
    score: np.ndarray,
    other: np.ndarray,
    source: np.ndarray,
    weak: np.ndarray,
    strong: np.ndarray,
    *,
    seed: int,
    draws: int = 1000,
) -> tuple[float, float]:
    """95 % interval of the difference of two mean APGRs: paired bootstrap inside each source."""
    generator = np.random.default_rng(seed)
    places = [np.flatnonzero(source == name) for name in counted(source, weak, strong)]
    found = np.empty(draws)
    for draw in range(draws):
        parts = []
        for place in places:
            some = generator.choice(place, len(place))
            parts.append(apgr(score[some], weak[some], strong[some]) - apgr(other[some], weak[some], strong[some]))
        found[draw] = np.mean(parts)
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)
