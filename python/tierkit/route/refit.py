"""Fitting to the lessons of one's own traffic, tested on the newest of them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

from tierkit import _core
from tierkit.errors import ConfigError
from tierkit.route.bound import QualityBound, quality_bound
from tierkit.route.curve import figures
from tierkit.route.fit import fitted_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from tierkit.route.classifier import TierClassifier
    from tierkit.route.notebook import Lesson

__all__ = ["LEAST_LESSONS", "Refit", "features_of", "refit"]

LEAST_LESSONS = 50
"""Fewer judged requests than this are refused: a fifth of them could not test anything."""
_TESTED = 5
_DRAWS = 1_000
_SEED = 20261121
_PRICE_RATIO = 10.0


class Refit(NamedTuple):
    """What a fit to own traffic is worth, measured on its newest fifth, which was not fitted.

    Attributes:
        fitted: Requests that were fitted.
        tested: Newer requests that tested the result.
        before, after: APGR of the order of the tested ones, by the classifier in force and by the new one; 0.5 is
            chance. Where the strong tier's answer was not judged it counts as perfect.
        low, high: 95 % interval of the difference, by bootstrap.
        bound: The promise about quality that the tested ones support, or None.
        in_force: Whether the new classifier serves now.
        why: What kept it from it, or the promise from being made; empty if nothing.
    """

    fitted: int
    tested: int
    before: float
    after: float
    low: float
    high: float
    bound: QualityBound | None
    in_force: bool
    why: str


def refit(
    base: TierClassifier,
    present: TierClassifier,
    lessons: Sequence[Lesson],
    cheapest: str,
    *,
    loss: float,
    confidence: float,
) -> tuple[TierClassifier, Refit]:
    """Fit a head on a base to the older four fifths of the lessons, and test it on the rest.

    Args:
        base: The classifier to start from, always the same, so that many fits do not pile up.
        present: The classifier in force, which it is compared with.
        lessons: Judged requests, oldest first; those without a judged answer of the cheapest tier are not used.
        cheapest: The name of that tier.
        loss: The mean loss of quality to bound, a part of 1.
        confidence: The confidence of the bound, a part of 1.

    Raises:
        ConfigError: Too few lessons.
    """
    rows = [lesson for lesson in lessons if cheapest in lesson.quality]
    if len(rows) < LEAST_LESSONS:
        raise ConfigError(
            f"{len(rows)} judged answers of tier {cheapest!r}: expected at least {LEAST_LESSONS}; give feedback on "
            "more requests, or let shadow or explore have the cheap tier judged too"
        )
    split = len(rows) - len(rows) // _TESTED
    older, newer = rows[:split], rows[split:]
    # The newest test what the older ones teach; among those, the order of time must not decide what sets the strengths.
    random.Random(_SEED).shuffle(older)  # noqa: S311 - an order, not a secret
    features = _buffers(older)
    needs = base.needs_of(features)
    made = base.with_head(fitted_numbers(features, needs, [row.quality[cheapest] for row in older]))
    tested = _buffers(newer)
    found, known = made.needs_of(tested), present.needs_of(tested)
    weak = [row.quality[cheapest] for row in newer]
    strong = [_strong(row, cheapest) for row in newer]
    before, after, low, high = _compared(known, found, weak, strong)
    bound, why = None, ""
    try:
        bound = quality_bound(found, weak, strong, loss=loss, confidence=confidence)
    except ConfigError as error:
        why = str(error)
    return made, Refit(len(older), len(newer), before, after, low, high, bound, in_force=False, why=why)


def _strong(lesson: Lesson, cheapest: str) -> float:
    """Return the best judged answer of another tier; one that nobody judged counts as perfect, as in `tierkit fit`."""
    return max((quality for tier, quality in lesson.quality.items() if tier != cheapest), default=1.0)


def _buffers(lessons: Sequence[Lesson]) -> tuple[bytes, bytes, bytes, bytes]:
    """Join the features of some requests into those of one batch, in the order given."""
    import struct  # noqa: PLC0415 - only paid by those who fit

    rows = b"".join(struct.pack("=q", at) * (len(row.noted.ids) // 8) for at, row in enumerate(lessons))
    ids, tf, dense = (b"".join(getattr(row.noted, name) for row in lessons) for name in ("ids", "tf", "dense"))
    return ids, tf, rows, dense


def _compared(
    before: list[float], after: list[float], weak: list[float], strong: list[float]
) -> tuple[float, float, float, float]:
    """Return APGR before and after, and the 95 % interval of the difference."""
    import numpy as np  # noqa: PLC0415 - 150 ms, only paid by those who fit

    columns = np.array([before, after, weak, strong], dtype=float)

    def apgr(at: Any) -> tuple[float, float]:
        known, found, low, high = columns[:, at]
        if high.mean() <= low.mean():
            return 0.5, 0.5
        return tuple(figures(need, low, high, price_ratio=_PRICE_RATIO).apgr for need in (known, found))  # type: ignore[return-value]  # two of them

    generator = np.random.default_rng(_SEED)
    draws = [apgr(generator.integers(0, len(weak), len(weak))) for _ in range(_DRAWS)]
    low, high = np.quantile([new - old for old, new in draws], [0.025, 0.975])
    return (*apgr(np.arange(len(weak))), float(low), float(high))


def features_of(text: str) -> tuple[bytes, bytes, bytes]:
    """Return the features of one text as a lesson keeps them: buckets, frequencies, measures."""
    ids, tf, _, dense = _core.features([text])
    return ids, tf, dense
