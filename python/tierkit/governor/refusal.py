"""From a decision that refuses to the exception that says so."""

from __future__ import annotations

from tierkit.errors import BudgetExceeded, ConcurrencyLimited, RateLimited, Refused, RequestTooLarge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tierkit._core import Decision

__all__ = ["refused", "soonest"]

_BY_CAUSE = {
    "rate": RateLimited,
    "concurrency": ConcurrencyLimited,
    "budget": BudgetExceeded,
    "too_large": RequestTooLarge,
    "full": ConcurrencyLimited,
    "queued": RateLimited,
    "paused": RateLimited,
}


def refused(decision: Decision) -> Refused:
    """Return the exception for a refusal; its class follows the binding cause."""
    return _BY_CAUSE.get(decision.cause or "", Refused)(str(decision), decision)


def soonest(refusals: list[Decision]) -> Decision:
    """Choose what a caller should hear of several candidates: the one that fits first."""
    return min(refusals, key=_waiting)


def _waiting(decision: Decision) -> tuple[int, int]:
    order = {"for": 0, "until_released": 1, "never": 2}
    return order.get(decision.wait or "", 3), decision.wait_ns or 0
