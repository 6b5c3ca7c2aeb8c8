"""What a steered request takes with it until it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Size", "Steered"]


class Size(NamedTuple):
    """How large a request is; each part is asked for only when the policy needs it.

    Attributes:
        tokens: Gives its input tokens and those reserved for the answer, on the cheapest tier.
        ceilings_nusd: Gives what it can cost at most on each tier, cheapest first.
    """

    tokens: Callable[[], tuple[int, int]]
    ceilings_nusd: Callable[[], list[int]]


class Steered(NamedTuple):
    """What routing is told when the request is admitted and when it ends.

    Attributes:
        tier: The tier that was chosen for it.
        session: Its session, as a key, or None.
        key: The key of its quotas, or None.
        held_nusd: What is on hold of the key's quota on money.
        propensity: Probability with which that tier was chosen; below 1 only near a threshold that is explored.
    """

    tier: int
    session: str | None
    key: str | None
    held_nusd: int
    propensity: float = 1.0
