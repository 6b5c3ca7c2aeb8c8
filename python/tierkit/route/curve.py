"""How good an order of prompts is: the cost/quality curve and the figures that are read off it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Any

__all__ = ["Figures", "figures", "quality_curve"]

STEPS = 11
"""Shares of strong calls at which the area is taken: RouteLLM's rule, so that published numbers compare."""


class Figures(NamedTuple):
    """What one order of prompts is worth. Shares, qualities and savings are parts of 1.

    Attributes:
        apgr: Area under the recovered part of the gap over the share of strong calls; 0.5 is what chance gets.
        cpt50: Least share of strong calls that recovers 50 % of the gap, linear between decile points.
        cpt80: The same for 80 %.
        saved: Part of the all-strong cost that is saved at 95 % of the strong tier's quality, threshold chosen on these
            very rows.
    """

    apgr: float
    cpt50: float
    cpt80: float
    saved: float


def quality_curve(need: Any, weak: Any, strong: Any) -> Any:
    """Mean quality when the k highest needs go to the strong tier, for k = 0 … n; ties share their mean.

    Shapes: inputs (n,), result (n + 1,).
    """
    import numpy as np  # noqa: PLC0415 - 150 ms, only paid by those who evaluate

    _, tie, size = np.unique(-need, return_inverse=True, return_counts=True)
    gain = np.bincount(tie, weights=strong - weak) / size
    return weak.mean() + np.concatenate([[0.0], np.cumsum(np.repeat(gain, size))]) / len(need)


def figures(need: Any, weak: Any, strong: Any, *, price_ratio: float) -> Figures:
    """Read the figures off the curve of an order.

    Args:
        need: The order; the highest goes to the strong tier first. Shape: (n,).
        weak: Quality of the cheap tier's answers, in [0, 1]. Shape: (n,).
        strong: Quality of the strong tier's answers. Shape: (n,).
        price_ratio: Price of a strong call over a cheap one.

    Source: RouteLLM (arXiv 2406.18665, section 2.2) and its evaluate.py: 11 shares, trapezoids.

    Example:
        >>> import numpy as np
        >>> from tierkit.route.curve import figures
        >>> weak, strong = np.array([0.0, 1.0, 0.0, 1.0]), np.ones(4)
        >>> best = figures(1 - weak, weak, strong, price_ratio=10)
        >>> round(best.apgr, 2), round(best.cpt50, 2), round(best.saved, 2)
        (0.75, 0.25, 0.45)
    """
    import numpy as np  # noqa: PLC0415 - as above

    quality = quality_curve(need, weak, strong)
    points = np.linspace(0, 1, STEPS)
    at = np.interp(points * len(need), np.arange(len(quality)), quality)
    gap = quality[-1] - quality[0]
    recovered = (at - quality[0]) / gap if gap else points
    enough = np.flatnonzero(quality >= 0.95 * quality[-1])
    share = float(enough[0]) / len(need)
    saved = 1 - (share + (1 - share) / price_ratio)
    area = float(np.trapezoid(recovered, dx=1 / (STEPS - 1)))
    half, most = (_reaches(points, recovered, part) for part in (0.5, 0.8))
    return Figures(area, half, most, float(saved))


def _reaches(points: Any, recovered: Any, part: float) -> float:
    """Least share at which so much of the gap is recovered, linear between the points."""
    import numpy as np  # noqa: PLC0415 - as above

    above = int(np.argmax(recovered >= part)) if (recovered >= part).any() else len(points) - 1
    if above == 0:
        return 0.0
    low, high = recovered[above - 1], recovered[above]
    inside = (part - low) / (high - low) if high > low else 1.0
    return float(points[above - 1] + min(max(inside, 0.0), 1.0) * (points[above] - points[above - 1]))
