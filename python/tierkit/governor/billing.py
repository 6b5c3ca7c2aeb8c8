"""What of a request's parameters changes its price beside its length: how many answers, and how it is processed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["PLAIN", "Billing", "billing_of"]


class Billing(NamedTuple):
    """How a request is billed.

    Attributes:
        answers: How many answers the server writes, each up to the bound.
        processing: The processing that was asked for, such as "priority"; None for the provider's usual one.
    """

    answers: int
    processing: str | None


PLAIN = Billing(1, None)


def billing_of(params: Mapping[str, Any] | None) -> Billing:
    """Read what the parameters ask for; what no server would take counts as not asked.

    Example:
        >>> from tierkit.governor.billing import billing_of
        >>> billing_of({"n": 3, "service_tier": "priority"})
        Billing(answers=3, processing='priority')
    """
    if not params:
        return PLAIN
    asked = [params.get("n"), params.get("best_of")]
    answers = [count for count in asked if isinstance(count, int) and count > 1]
    processing = params.get("service_tier")
    return Billing(max(answers, default=1), processing if isinstance(processing, str) else None)
