"""What the strong tier gains on the request that the shares only just give it: the price of quality at the margin."""

from __future__ import annotations

import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tierkit import _core
    from tierkit.route import TierClassifier

__all__ = ["Margin"]

_MILLION = 1_000_000
# Thresholds move slowly: they are asked for once in so many requests.
_EVERY = 64


class Margin:
    """Gains of a fitted classifier, in millionths of quality."""

    __slots__ = ("_core", "_ppm", "_since")

    def __init__(self, core: _core.Steering) -> None:
        """Know nothing yet."""
        self._core = core
        self._ppm: int | None = None
        self._since = _EVERY

    def gain_ppm(self, score: _core.TierScore, classifier: TierClassifier) -> tuple[int, int] | None:
        """Return the gain of a request and of the one at the margin; None for a classifier that was not fitted."""
        if not score.calibrated:
            return None
        self._since += 1
        if self._since > _EVERY:
            self._since = 0
            self._ppm = self.at_margin_ppm(classifier)
        return None if self._ppm is None else (max(0, round(score.gap * _MILLION)), self._ppm)

    def at_margin_ppm(self, classifier: TierClassifier) -> int | None:
        """Return the gain at the lowest threshold; None without one."""
        thresholds = [need for need in self._core.figures()["thresholds"][1:] if math.isfinite(need)]
        gain = classifier.gain_at(min(thresholds)) if thresholds else None
        return None if gain is None else max(0, round(gain * _MILLION))
