"""What an order of one's own requests is worth: figures per source, beside chance, length and the best possible."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tierkit.errors import ConfigError
from tierkit.route.curve import Figures, figures, quality_curve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from tierkit.report.labelled import LabelledRow
    from tierkit.route import TierClassifier

__all__ = ["PRICE_RATIO", "SourceReport", "judge"]

PRICE_RATIO = 24.7 / 0.24
"""Price of a strong call over a cheap one when the user gives none (RouteLLM, arXiv 2406.18665, section 5.4)."""
LEAST_GAP = 0.05
_DRAWS = 1_000
_RANDOM_DRAWS = 20
_SEED = 20261121
_FEW = 500


class SourceReport(NamedTuple):
    """One source judged.

    Attributes:
        rows: Requests with both tiers' quality.
        weak, strong: Mean quality of each tier.
        need: Figures of the classifier's order.
        low, high: 95 % interval of its APGR, by bootstrap over the rows.
        length, random, oracle: APGR of the prompt's length, of chance (mean of 20 draws), of knowing both answers.
        few: Whether the rows are too few for a claim (under 500).
        counted: Whether the source counts in the mean: a gap of less than 0.05 between the tiers divides by noise.
        curve: Mean quality at 0, 1, … 100 % of strong calls.
    """

    rows: int
    weak: float
    strong: float
    need: Figures
    low: float
    high: float
    length: float
    random: float
    oracle: float
    few: bool
    counted: bool
    curve: list[float]


def judge(
    rows: Sequence[LabelledRow], classifier: TierClassifier, *, price_ratio: float = PRICE_RATIO
) -> dict[str, SourceReport]:
    """Judge a classifier on labelled requests, per source, in the order of the names.

    Raises:
        ConfigError: No row has both tiers' quality.

    Cost: some 0.1 ms per prompt, and a second per source of 1,000 rows for the interval.
    """
    import numpy as np  # noqa: PLC0415 - 150 ms, only paid by those who evaluate

    both = [row for row in rows if row.strong is not None]
    if not both:
        raise ConfigError(
            "rows: none has the strong tier's quality; add q_strong to some of them, for the curve compares two tiers"
        )
    needs = [score.need for score in classifier.score_many([row.prompt for row in both])]
    found = {}
    for source in sorted({row.source for row in both}):
        places = [at for at, row in enumerate(both) if row.source == source]
        columns = [[needs[at], len(both[at].prompt), both[at].weak, both[at].strong] for at in places]
        found[source] = _judged(np.array(columns, dtype=float), price_ratio)
    return found


def _judged(columns: Any, price_ratio: float) -> SourceReport:
    """Judge one source. Shape: (n, 4): need, length, weak, strong."""
    import numpy as np  # noqa: PLC0415 - as above

    need, length, weak, strong = columns.T
    generator = np.random.default_rng(_SEED)

    def apgr(order: Any) -> float:
        return figures(order, weak, strong, price_ratio=price_ratio).apgr

    draws = []
    for _ in range(_DRAWS):
        some = generator.integers(0, len(need), len(need))
        draws.append(figures(need[some], weak[some], strong[some], price_ratio=price_ratio).apgr)
    low, high = np.quantile(draws, [0.025, 0.975])
    quality = quality_curve(need, weak, strong)
    return SourceReport(
        rows=len(need),
        weak=float(weak.mean()),
        strong=float(strong.mean()),
        need=figures(need, weak, strong, price_ratio=price_ratio),
        low=float(low),
        high=float(high),
        length=apgr(length),
        random=float(np.mean([apgr(generator.random(len(need))) for _ in range(_RANDOM_DRAWS)])),
        oracle=apgr(strong - weak),
        few=len(need) < _FEW,
        counted=bool(strong.mean() - weak.mean() >= LEAST_GAP),
        curve=np.interp(np.linspace(0, len(need), 101), np.arange(len(quality)), quality).tolist(),
    )
