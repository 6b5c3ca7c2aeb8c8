"""A budget's money spread over its period: the shares of the stronger tiers follow what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tierkit.errors import ConfigError
from tierkit.money import Money

if TYPE_CHECKING:
    from tierkit import _core
    from tierkit.policy import Policy

__all__ = ["Pace", "Pacing"]

_MILLION = 1_000_000
# The money that is left is read once in so many requests, and after so long a silence.
_EVERY = 16
_SILENCE_NS = 1_000_000_000


class Pace(NamedTuple):
    """What the pace of a budget asks of the shares.

    Attributes:
        mode: "enforce", or "observe": it changes nothing.
        asked: Part of the requests that tiers above the cheapest may serve by the policy.
        affordable: Part that the money left pays for until the period ends, at most `asked`.
        in_force: Part that they may serve now.
    """

    mode: str
    asked: float
    affordable: float
    in_force: float


class Pacing:
    """Moves the shares with the pace of one budget, whose account and traffic all processes of a state directory share.

    Attributes:
        budget: The budget's name.
    """

    __slots__ = ("_core", "_gate", "_last_ns", "_mode", "_share_ppm", "_since", "budget")

    def __init__(self, policy: Policy, gate: _core.Gate, core: _core.Steering) -> None:
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
        self.budget = budget.name or ""
        self._gate: _core.Gate | None = gate
        self._core = core
        self._mode = policy.routing.pace_mode
        self._share_ppm = core.asked_ppm
        self._since, self._last_ns = _EVERY, 0

    def arrived(self, now_ns: int) -> None:
        """Let the shares follow the money now and then; the request itself is counted by its decision."""
        self._since += 1
        if self._since >= _EVERY or now_ns - self._last_ns > _SILENCE_NS:
            self._since, self._last_ns = 0, now_ns
            self._follow(now_ns)

    def close(self) -> None:
        """Let the gate go: a closed governor holds no state directory."""
        self._gate = None

    def now(self) -> Pace:
        """Return what the pace asks for, as it was last computed."""
        asked, affordable = self._core.asked_ppm / _MILLION, self._share_ppm / _MILLION
        return Pace(self._mode, asked, affordable, asked if self._mode == "observe" else affordable)

    def _follow(self, now_ns: int) -> None:
        balances = [] if self._gate is None else self._gate.balances()
        rows = [row for row in balances if row[0] == self.budget and row[2] is not None]
        if not rows or not self._core.asked_ppm:
            return
        _, _, start_ns, end_ns, limit, posted, pending = max(rows, key=lambda row: row[2] or 0)
        if start_ns is None or end_ns is None:
            return
        if now_ns >= end_ns:
            # The new window has no account yet: it begins whole, and is as long as the last until it says otherwise.
            posted = pending = limit - limit
            start_ns, end_ns = end_ns, end_ns + (end_ns - start_ns)
        self._share_ppm = self._core.follow(now_ns, (start_ns, end_ns), Money(limit - posted - pending).nusd)
