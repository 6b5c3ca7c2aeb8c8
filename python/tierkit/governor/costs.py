"""What a request costs on the cheap and on the strong tiers: learned from every usage, whichever tier served it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tierkit import _core
    from tierkit.governor.candidate import Candidate
    from tierkit.request import Usage

__all__ = ["Costs"]

_MILLION = 1_000_000


class Costs:
    """Prices each usage for all tiers, so that it does not matter which requests went where."""

    __slots__ = ("_core", "_tiers")

    def __init__(self, share: Mapping[str, float], candidates: Mapping[str, Candidate], core: _core.Steering) -> None:
        """Keep the tiers with their shares, by which the stronger ones are averaged."""
        self._core = core
        self._tiers = [(tier, round(share.get(name, 0.0) * _MILLION)) for name, tier in candidates.items()]

    def learn(self, usage: Usage, at_ns: int) -> None:
        """Learn from one usage."""
        (cheapest, _), *others = self._tiers
        weight = sum(share for _, share in others)
        if weight:
            strong = sum(tier.cost_nusd(usage, at_ns)[0] * share for tier, share in others) // weight
            self._core.cost(cheapest.cost_nusd(usage, at_ns)[0], strong)
