"""Which tiers are tried for a request, in which order, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tierkit.governor.candidate import Candidate
    from tierkit.governor.steered import Steered
    from tierkit.money import Money
    from tierkit.request import TokenCount

__all__ = ["Plan", "Ranking"]


class Plan(NamedTuple):
    """What the governor would do with a request, without doing it.

    Attributes:
        tier: The tier tried first.
        model: Its model.
        backend: Its backend.
        tiers: All tiers in the order of the walk.
        need: How much the strong tier is needed, in [0, 1]; None when nothing was scored.
        reasons: The largest contributions to the need, and flags.
        input_tokens: Tokens of the prompt for that model.
        output_tokens: Tokens reserved for the answer.
        price_ceiling: The most that the call can cost.
    """

    tier: str
    model: str
    backend: str
    tiers: tuple[str, ...]
    need: float | None
    reasons: tuple[str, ...]
    input_tokens: TokenCount
    output_tokens: int
    price_ceiling: Money


class Ranking(NamedTuple):
    """Candidates in the order of the walk, with the score behind it and what it is steered by."""

    candidates: list[Candidate]
    need: float | None
    reasons: tuple[str, ...]
    steered: Steered | None = None
