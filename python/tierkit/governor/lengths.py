"""How long answers are: a bounded histogram per tier, so that a reservation is neither the worst case nor a guess."""

from __future__ import annotations

import threading

from tierkit.governor.forks import watch

__all__ = ["COLD_START_TOKENS", "OutputLengths"]

COLD_START_TOKENS = 1_024
"""Reserved for an answer until enough answers were seen."""
_ENOUGH = 20
_HALF_LIFE = 4_096
_STEPS_PER_DOUBLING = 8
_BUCKETS = 24 * _STEPS_PER_DOUBLING


class OutputLengths:
    """The 95th percentile of the output tokens of one tier.

    Lengths fall into 8 steps per doubling, so the quantile is at most 12.5 % above the truth and never below it. Counts
    are halved every 4,096 answers: old traffic fades. Memory: 192 integers.

    Example:
        >>> from tierkit.governor.lengths import OutputLengths
        >>> lengths = OutputLengths()
        >>> lengths.high()
        1024
        >>> for _ in range(100):
        ...     lengths.observe(120)
        >>> lengths.high()
        127
    """

    __slots__ = ("__weakref__", "_counts", "_high", "_lock", "_seen")

    def __init__(self) -> None:
        """Start without any answer."""
        self._counts = [0] * _BUCKETS
        self._seen = 0
        self._high = COLD_START_TOKENS
        self.start_over()
        watch(self)

    def start_over(self) -> None:
        """Make the lock anew: a thread of the parent may have held it when this process was forked."""
        self._lock = threading.Lock()

    def observe(self, output_tokens: int) -> None:
        """Count one answer."""
        with self._lock:
            self._counts[_bucket(output_tokens)] += 1
            self._seen += 1
            if self._seen >= _HALF_LIFE:
                self._counts = [count // 2 for count in self._counts]
                self._seen = sum(self._counts)
            if self._seen >= _ENOUGH and (self._seen & 15 == 0 or self._seen < 2 * _ENOUGH):
                self._high = self._quantile()

    def high(self) -> int:
        """Return the tokens to reserve for an answer of unknown length."""
        return self._high

    def _quantile(self) -> int:
        left = self._seen // 20
        for bucket in range(_BUCKETS - 1, -1, -1):
            left -= self._counts[bucket]
            if left < 0:
                return _upper(bucket)
        return COLD_START_TOKENS


def _bucket(tokens: int) -> int:
    if tokens < _STEPS_PER_DOUBLING:
        return max(tokens, 0)
    doubling = tokens.bit_length() - 4
    return min((doubling + 1) * _STEPS_PER_DOUBLING + (tokens >> doubling) - _STEPS_PER_DOUBLING, _BUCKETS - 1)


def _upper(bucket: int) -> int:
    doubling, step = divmod(bucket, _STEPS_PER_DOUBLING)
    if doubling == 0:
        return step
    return ((_STEPS_PER_DOUBLING + step + 1) << (doubling - 1)) - 1
