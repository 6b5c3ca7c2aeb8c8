"""A budget's money spread over its period: the shares of the stronger tiers follow what is left."""

from __future__ import annotations

from tierkit import _core
from tierkit.errors import ConfigError
from tierkit.money import Money

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tierkit.governor.candidate import Candidate
    from tierkit.policy import Policy
    from tierkit.request import Usage
    from tierkit.route import Router

__all__ = ["Pacing"]

_MILLION = 1_000_000
# The money that is left is read once in so many requests, and after so long a silence.
_EVERY = 16
_SILENCE_NS = 1_000_000_000


class Pacing:
    """Moves a router's shares with the pace of one budget.

    Attributes:
        lowered: Whether the shares are now below what the policy asks for.
    """

    __slots__ = ("_asked_ppm", "_budget", "_gate", "_last_ns", "_pace", "_router", "_since", "_tiers", "lowered")

    def __init__(self, policy: Policy, candidates: Mapping[str, Candidate], gate: _core.Gate, router: Router) -> None:
        """Find the budget.

        Raises:
            ConfigError: The budget has an account per label value: there would be no one pace.
        """
        name = policy.routing.pace
        budget = next(budget for budget in policy.budgets if budget.name == name)
        if budget.per or budget.period == "total":
            raise ConfigError(
                f"pace '{name}': expected a budget with one account and a period; leave `per` out, and give it a "
                'period such as "month"'
            )
        self._budget = name
        self._gate = gate
        self._router = router
        self._asked_ppm = router.asked_ppm
        shares = policy.routing.share
        self._tiers = [(tier, round(shares.get(name, 0.0) * _MILLION)) for name, tier in candidates.items()]
        self._pace: _core.Pace | None = None
        self._since, self._last_ns = 0, 0
        self.lowered = False

    def arrived(self, now_ns: int) -> None:
        """Count a request; now and then the shares follow the money."""
        if self._pace is not None:
            self._pace.arrived(now_ns)
        self._since += 1
        if self._since >= _EVERY or self._pace is None or now_ns - self._last_ns > _SILENCE_NS:
            self._since, self._last_ns = 0, now_ns
            self._follow(now_ns)

    def settled(self, usage: Usage, at_ns: int) -> None:
        """Learn from a usage what such a request costs on the cheapest tier and, by their shares, on the others."""
        if self._pace is None:
            return
        (cheapest, _), *others = self._tiers
        weight = sum(share for _, share in others)
        if weight:
            strong = sum(tier.cost_nusd(usage, at_ns)[0] * share for tier, share in others) // weight
            self._pace.settled(cheapest.cost_nusd(usage, at_ns)[0], strong)

    def _follow(self, now_ns: int) -> None:
        rows = [row for row in self._gate.balances() if row[0] == self._budget and row[2] is not None]
        if not rows or not self._asked_ppm:
            return
        _, _, start_ns, end_ns, limit, posted, pending = max(rows, key=lambda row: row[2] or 0)
        if start_ns is None or end_ns is None:
            return
        if self._pace is None:
            self._pace = _core.Pace(start_ns, end_ns)
            self._pace.arrived(now_ns)
        self._pace.enter(start_ns, end_ns)
        if now_ns >= end_ns:
            # The new window has no account yet: it begins whole.
            posted = pending = limit - limit
            self._pace.enter(end_ns, end_ns + (end_ns - start_ns))
        left_nusd = Money(limit - posted - pending).nusd
        share = self._pace.share_ppm(now_ns, left_nusd, most_ppm=self._asked_ppm)
        self._router.scale(share * _MILLION // self._asked_ppm)
        self.lowered = share < self._asked_ppm
