"""What a cache would do to labelled pairs of questions, and which threshold keeps a promise on them."""

from __future__ import annotations

import math

from tierkit.cache.embedding import embed_many
from tierkit.cache.store import SemanticCache
from tierkit.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Calibration", "Pair", "calibrate"]

_STEPS = tuple(step / 100 for step in range(40, 100))
_PRECISION = 60  # halvings of the interval in which the bound lies


class Pair:
    """Two questions and whether one answer serves both."""

    __slots__ = ("cached", "new", "same")

    def __init__(self, cached: str, new: str, *, same: bool) -> None:
        """Keep the parts."""
        self.cached = cached
        self.new = new
        self.same = same


class Calibration:
    """A threshold, what it did on the pairs, and the bound that holds with the confidence asked for.

    `min_similarity` is None when no threshold keeps the promise; the counts are then those of the strictest one.
    """

    __slots__ = ("bound", "false_hits", "hits", "min_similarity", "negatives", "positives")

    def __init__(self, min_similarity: float | None, counts: tuple[int, int, int, int], bound: float) -> None:
        """Keep the parts; counts are right hits, false hits, pairs that should hit, pairs that should not."""
        self.min_similarity = min_similarity
        self.hits, self.false_hits, self.positives, self.negatives = counts
        self.bound = bound

    @property
    def recall(self) -> float:
        """Share of the pairs that should hit and do."""
        return self.hits / self.positives

    @property
    def precision(self) -> float | None:
        """Share of the hits that are right; None without hits."""
        hits = self.hits + self.false_hits
        return self.hits / hits if hits else None

    def __repr__(self) -> str:
        """Show the threshold and the bound."""
        return f"Calibration(min_similarity={self.min_similarity}, recall={self.recall:.3f}, bound={self.bound:.4f})"


def calibrate(pairs: Sequence[Pair], *, max_false_hits: float = 0.01, confidence: float = 0.95) -> Calibration:
    """Find the lowest `min_similarity` whose share of false hits stays below a bound with the confidence asked for.

    Similarities are those of the built-in encoder. The bound is exact for pairs drawn like later traffic; pairs of
    other kinds promise nothing about it. Trying 60 thresholds is paid for by dividing the error among them.

    Args:
        pairs: At least one pair that should hit and one that should not.
        max_false_hits: Most false hits per pair that should not hit, above 0 and below 1.
        confidence: How sure the bound is, above 0 and below 1.

    Raises:
        ConfigError: A kind of pair is missing or a share is out of range.

    Cost: About 20 µs per pair, once.
    Source: Clopper and Pearson 1934 (exact binomial bound); Bonferroni for the choice among thresholds.

    Example:
        >>> from tierkit.cache.calibration import Pair, calibrate
        >>> same = [Pair("How do I reset my password?", "how can I reset my password", same=True)] * 9
        >>> other = [Pair("Boil 2 eggs", "Boil 3 eggs", same=False)] * 900
        >>> calibrate(same + other).min_similarity
        0.4

    """
    for name, share in (("max_false_hits", max_false_hits), ("confidence", confidence)):
        if not 0 < share < 1:
            raise ConfigError(f"{name} {share}: expected a share above 0 and below 1, such as 0.01")
    positives = sum(pair.same for pair in pairs)
    negatives = len(pairs) - positives
    if not positives or not negatives:
        raise ConfigError(
            f"{positives} pairs that should hit and {negatives} that should not: expected at least one of each"
        )
    scored = _scored(pairs)
    alpha = (1 - confidence) / len(_STEPS)
    for step in _STEPS:
        hits = sum(same and similarity >= step for same, similarity in scored)
        false_hits = sum(not same and similarity >= step for same, similarity in scored)
        found = (hits, false_hits, positives, negatives)
        bound = _upper(false_hits, negatives, alpha)
        if bound <= max_false_hits:
            return Calibration(step, found, bound)
    return Calibration(None, found, bound)


def _scored(pairs: Sequence[Pair]) -> list[tuple[bool, float]]:
    """Each pair's label and the similarity up to which it hits; below any threshold if the decision says no."""
    cache = SemanticCache()
    olds, news = embed_many([pair.cached for pair in pairs]), embed_many([pair.new for pair in pairs])
    scored = []
    for pair, similarity in zip(pairs, (olds * news).sum(axis=1).tolist(), strict=True):
        close = max(-1.0, min(1.0, similarity))
        scored.append((pair.same, close if cache.decide(pair.cached, pair.new, close) else -2.0))
    return scored


def _upper(seen: int, tries: int, alpha: float) -> float:
    """The share above which so few events would have a probability below alpha."""
    if seen >= tries:
        return 1.0
    low, high = seen / tries, 1.0
    for _ in range(_PRECISION):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(seen, tries, middle) > alpha else (low, middle)
    return high


def _at_most(seen: int, tries: int, share: float) -> float:
    """The probability of at most so many events."""
    if share >= 1:
        return 0.0
    logs = math.log(share), math.log1p(-share)
    whole = math.lgamma(tries + 1)
    return sum(
        math.exp(whole - math.lgamma(k + 1) - math.lgamma(tries - k + 1) + k * logs[0] + (tries - k) * logs[1])
        for k in range(seen + 1)
    )
