"""Round figures for axes: ticks for amounts and for the time of day."""

from __future__ import annotations

import math
from datetime import UTC, datetime

__all__ = ["amount_ticks", "clock_ticks", "dollars"]

_STEPS = (1, 2, 2.5, 5, 10)
_SECOND_NS = 1_000_000_000
_CLOCK_STEPS_S = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200,
    86400, 172800, 604800, 1209600, 2592000, 7776000, 31536000,
)  # fmt: skip
_DAY_S = 86400


def amount_ticks(top: float, wanted: int = 4) -> list[float]:
    """Return about `wanted` round amounts from 0 up to `top`.

    Example:
        >>> from tierkit.report.picture.axis import amount_ticks
        >>> amount_ticks(0.93)
        [0.0, 0.25, 0.5, 0.75]

    """
    if not top > 0 or not math.isfinite(top):
        return [0.0]
    rough = top / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((factor * power for factor in _STEPS), key=lambda candidate: abs(candidate - rough))
    return [round(index * step, 12) for index in range(int(top / step + 1e-9) + 1)]


def dollars(amount: float) -> str:
    """Write an amount short enough for an axis: cents while they matter, more digits below a cent.

    Example:
        >>> from tierkit.report.picture.axis import dollars
        >>> dollars(0.25), dollars(12.0), dollars(0.0025), dollars(25000)
        ('$0.25', '$12', '$0.0025', '$25,000')

    """
    if amount == 0:
        return "$0"
    if amount >= 10:  # noqa: PLR2004 - from here on cents are noise
        return f"${amount:,.0f}" if amount == round(amount) else f"${amount:,.2f}"
    if amount >= 0.01:  # noqa: PLR2004 - a cent
        text = f"{amount:.3f}".rstrip("0")
        return "$" + (text + "0" * (2 - len(text.partition(".")[2])) if len(text.partition(".")[2]) < 2 else text)  # noqa: PLR2004
    return f"${amount:.2g}"


def clock_ticks(start_ns: int, end_ns: int, wanted: int = 8) -> list[tuple[int, str]]:
    """Return (instant, text) at round times of the UTC clock within the span."""
    span_s = max(1, (end_ns - start_ns) // _SECOND_NS)
    step_s = next((step for step in _CLOCK_STEPS_S if span_s / step <= wanted), _CLOCK_STEPS_S[-1])
    step = step_s * _SECOND_NS
    first = -(-start_ns // step) * step
    pattern = "%H:%M:%S" if step_s < 60 else "%H:%M" if step_s < _DAY_S else "%d %b %Y"  # noqa: PLR2004 - a minute
    return [
        (at, datetime.fromtimestamp(at // _SECOND_NS, UTC).strftime(pattern)) for at in range(first, end_ns + 1, step)
    ]
