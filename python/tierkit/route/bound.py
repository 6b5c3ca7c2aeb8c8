"""A promise about quality that the user's own data supports, or a refusal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from tierkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["QualityBound", "quality_bound"]


class QualityBound(NamedTuple):
    """At this threshold the quality lost is at most so much, with so much confidence.

    Attributes:
        threshold: Requests with a need at or above it go to the strong tier.
        strong_share: Part of the rows that then do.
        loss: Mean loss on the rows: what the strong tier would have done better, per request.
        most: The bound on the mean loss of traffic like the rows.
        confidence: Probability with which the bound holds.
        rows: Rows that it rests on.
    """

    threshold: float
    strong_share: float
    loss: float
    most: float
    confidence: float
    rows: int


def quality_bound(
    needs: Sequence[float],
    weak: Sequence[float],
    strong: Sequence[float] | None = None,
    *,
    loss: float = 0.02,
    confidence: float = 0.9,
) -> QualityBound:
    """Find the largest threshold whose loss of quality is at most `loss` with the confidence that is asked for.

    The loss of a request is what the strong tier's answer is better than the cheap one's, if the cheap one is given.
    The bound holds for traffic like the rows (drawn alike, in any order); the rows must not have been fitted on.

    Args:
        needs: Scores of labelled requests that the classifier was not fitted on.
        weak: Quality of the cheap tier's answers, in [0, 1].
        strong: Quality of the strong tier's answers; None: taken as perfect, which asks for more.
        loss: Most mean loss, a part of 1: 0.02 is two points of 100.
        confidence: Between 0 and 1.

    Raises:
        ConfigError: The rows cannot support such a bound for any use of the cheap tier.

    Cost: O(n log n).
    Source: Bates et al. 2021, "Distribution-free, risk-controlling prediction sets" (theorem 1), with the
        Hoeffding-Bentkus bound.

    Example:
        >>> from tierkit.route import quality_bound
        >>> needs = [at / 1000 for at in range(1000)]
        >>> weak = [1.0] * 700 + [0.0] * 300
        >>> bound = quality_bound(needs, weak, loss=0.05, confidence=0.9)
        >>> 0.70 < bound.threshold < 0.75
        True
    """
    losses = _losses(needs, weak, strong)
    if not (0 < loss < 1 and 0 < confidence < 1):
        raise ConfigError(f"loss={loss!r}, confidence={confidence!r}: expected parts of 1, such as 0.02 and 0.9")
    rows, doubt = len(losses), 1 - confidence
    least = math.ceil(math.log(doubt) / math.log(1 - loss))
    if rows < least:
        raise ConfigError(
            f"{rows} rows: even without any loss, a loss of at most {loss:.1%} with confidence {confidence:.0%} needs "
            f"{least}; label more of your traffic, or ask for less"
        )
    order = sorted(range(rows), key=lambda at: needs[at])
    total, best = 0.0, None
    for place, at in enumerate(order, start=1):
        total += losses[at]
        if place < rows and needs[order[place]] == needs[at]:
            continue
        if _tail(total / rows, loss, rows) > doubt:
            break
        threshold = needs[order[place]] if place < rows else math.inf
        best = QualityBound(threshold, 1 - place / rows, total / rows, loss, confidence, rows)
    if best is None:
        raise ConfigError(
            f"{rows} rows: on the requests with the least need the cheap tier already loses too much for a loss of at "
            f"most {loss:.1%} with confidence {confidence:.0%}; send all to the strong tier, or ask for less"
        )
    return best


def _losses(needs: Sequence[float], weak: Sequence[float], strong: Sequence[float] | None) -> list[float]:
    best = [1.0] * len(weak) if strong is None else strong
    if not len(needs) == len(weak) == len(best):
        raise ConfigError(f"{len(needs)} needs, {len(weak)} weak and {len(best)} strong qualities: expected as many")
    for name, values in (("weak", weak), ("strong", best)):
        bad = next((value for value in values if not 0 <= value <= 1), None)
        if bad is not None:
            raise ConfigError(f"{name}: {bad!r}, expected qualities from 0 to 1")
    # A cheap answer that is better than the strong one makes good for nothing: the bound stays on the safe side.
    return [max(0.0, good - cheap) for cheap, good in zip(weak, best, strict=True)]


def _tail(mean: float, most: float, rows: int) -> float:
    """Bound the probability of so small a mean if the true loss were `most` (Hoeffding and Bentkus, the smaller)."""
    if mean >= most:
        return 1.0
    apart = (1 - mean) * math.log((1 - mean) / (1 - most))
    if mean > 0:
        apart += mean * math.log(mean / most)
    return min(math.exp(-rows * apart), math.e * _binomial_below(math.ceil(mean * rows - 1e-9), most, rows))


def _binomial_below(count: int, chance: float, rows: int) -> float:
    """Probability of at most `count` of `rows`."""
    logs = (
        math.lgamma(rows + 1)
        - math.lgamma(at + 1)
        - math.lgamma(rows - at + 1)
        + at * math.log(chance)
        + (rows - at) * math.log1p(-chance)
        for at in range(count + 1)
    )
    return min(1.0, sum(map(math.exp, logs)))
