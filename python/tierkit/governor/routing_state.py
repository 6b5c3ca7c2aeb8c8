"""What routing does as a whole, for people who watch it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tierkit.governor.pacing import Pace

__all__ = ["RoutingState", "as_json"]


class RoutingState(NamedTuple):
    """Routing as it is now; with a state directory, over all its processes.

    Attributes:
        mode: "enforce", or "observe": what is counted was not done.
        thresholds: By tier, the need above which it is chosen; infinite without a share.
        pace: What the budget's pace asks for, or None.
        shadow_price: Quality that one more USD buys at the margin of the shares, in [0, 1] per USD; None unless the
            classifier is fitted and costs are known.
        turns: Turns that a session goes on for.
        drift: How far the last 1,000 needs lie from those before (population stability index; above 0.2 is an alert).
        counts: Since the state was made: `requests`, those for a `strong` tier, and how many were changed by `pace`,
            `session`, `switch` (a rise not worth the prompt cache), `share` and `money` (quotas) and `explore`;
            `drifts` and `keys` count alerts.
    """

    mode: str
    thresholds: Mapping[str, float]
    pace: Pace | None
    shadow_price: float | None
    turns: int
    drift: float
    counts: Mapping[str, int]


def as_json(state: RoutingState) -> dict[str, object]:
    """Write it with the types of JSON: a tier without a share has no threshold."""
    thresholds = {tier: None if need > 1 else need for tier, need in state.thresholds.items()}
    pace = None if state.pace is None else state.pace._asdict()
    return {**state._asdict(), "thresholds": thresholds, "pace": pace}
