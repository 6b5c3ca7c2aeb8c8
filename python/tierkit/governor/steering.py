"""From a need to the order of the tiers: shares, the pace of a budget, sessions, quotas, rules and abilities."""

from __future__ import annotations

from tierkit import _core
from tierkit.errors import ConfigError
from tierkit.governor.pacing import Pacing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tierkit.governor.candidate import Candidate
    from tierkit.governor.prompt import Prompt
    from tierkit.policy import Policy
    from tierkit.request import Usage

__all__ = ["Steering"]

_MILLION = 1_000_000
_QUOTA_BURST = 5
_SESSION_IDLE_S = 300


class Steering:
    """Orders the tiers of each request; one per governor, safe to share between threads.

    Attributes:
        scores: Whether a need can change the order at all.
        fixed: The order of every request without a need or a choice of tiers, when nothing in the policy can change it.
    """

    __slots__ = ("_abilities", "_names", "_pacing", "_pins", "_quota", "_router", "_routing", "fixed", "scores")

    def __init__(self, policy: Policy, candidates: Mapping[str, Candidate], gate: _core.Gate) -> None:
        """Make the parts that the policy asks for."""
        from tierkit.route import Router  # noqa: PLC0415 - `from tierkit import Limiter` must not load it

        routing = self._routing = policy.routing
        self._names = list(candidates)
        self._router = Router(self._names, routing.share, default=routing.default)
        self.scores = any(share > 0 for share in routing.share.values())
        self._abilities = {
            name: frozenset(tier.tier.supports) for name, tier in candidates.items() if tier.tier.supports is not None
        }
        burst = _QUOTA_BURST if routing.quota_burst is None else routing.quota_burst
        self._quota = None if routing.quota is None else _core.ShareQuota(round(routing.quota * _MILLION), burst)
        idle_s = routing.session_idle_s or _SESSION_IDLE_S
        self._pins = _core.SessionPins(idle_s * 1_000_000_000) if routing.session else None
        self._pacing = None if routing.pace is None else Pacing(policy, candidates, gate, self._router)
        bends = self.scores or self._abilities or self._quota or self._pins or self._pacing
        self.fixed = None if bends else self._router.plan(None)

    def allowed(self, labels: Mapping[str, str]) -> tuple[str, ...] | None:
        """Return the tiers that the rules allow for some labels, cheapest first; None: all."""
        rules = [rule for rule in self._routing.rules if _matches(rule.where, labels)]
        if not rules:
            return None
        low, high = 0, len(self._names) - 1
        for rule in rules:
            low = max(low, self._names.index(rule.at_least or rule.pin or self._names[0]))
            high = min(high, self._names.index(rule.at_most or rule.pin or self._names[-1]))
        # Where rules contradict each other the floor wins: quality was promised, cost was only wished for.
        return tuple(self._names[low : max(low, high) + 1])

    def order(
        self,
        prompt: Prompt,
        labels: Mapping[str, str],
        need: float | None,
        tiers: Collection[str] | None,
        *,
        now_ns: int,
        count: bool,
    ) -> tuple[list[str], tuple[str, ...]]:
        """Return the tiers of a request, best first, and why the order is not the need's alone.

        Args:
            prompt: What is asked.
            labels: Who asks.
            need: How much the strong tier is needed, or None.
            tiers: The tiers that may serve; None: all.
            now_ns: Wall time, for the pace and the sessions.
            count: False changes no state: a look at what would be.

        Raises:
            ConfigError: No tier that may serve can do what is asked (tools, vision, JSON).
        """
        if count and self._pacing is not None:
            self._pacing.arrived(now_ns)
        names = self._router.plan(need)
        if count and need is not None:
            self._router.observe(need)
        reasons = ["pace"] if self._pacing is not None and self._pacing.lowered else []
        if count:
            names = self._bent(names, labels, need, reasons, now_ns)
        return self._able(prompt, names, tiers), tuple(reasons)

    def _bent(
        self, names: tuple[str, ...], labels: Mapping[str, str], need: float | None, reasons: list[str], now_ns: int
    ) -> tuple[str, ...]:
        """Keep the session's tier, then the key's quota: a quota is the harder of the two."""
        chosen = self._names.index(names[0])
        if self._pins is not None and all(name in labels for name in self._routing.session):
            threshold = self._router.threshold(names[0]) if need is not None else 0.0
            kept = self._pins.keep(_joined(labels), chosen, above=(need or 0.0) - threshold, now_ns=now_ns)
            if kept != chosen:
                reasons.append("session")
                chosen = kept
        if self._quota is not None:
            key = _joined({name: labels.get(name, "") for name in self._routing.quota_per})
            if not self._quota.ask(key, strong=chosen > 0):
                if chosen > 0:
                    reasons.append("share")
                # Nor when the cheapest has no room: a key without credit must not get up by crowding it.
                return (self._names[0],)
        if chosen == self._names.index(names[0]):
            return names
        return (*reversed(self._names[: chosen + 1]), *self._names[chosen + 1 :])

    def _able(self, prompt: Prompt, names: tuple[str, ...], tiers: Collection[str] | None) -> list[str]:
        wants = prompt.wants if self._abilities else frozenset()
        able = self._within(names, tiers, wants)
        # A quota left the cheapest only, which the rules forbid or which cannot do it: they go before the quota.
        able = able or self._within(tuple(self._names), tiers, wants)
        if not able:
            found = [name for name in self._names if tiers is None or name in tiers]
            raise ConfigError(
                f"request that needs {', '.join(sorted(wants))}: none of {', '.join(found)} supports it; add it to "
                "`supports` of a tier that does"
            )
        return able

    def _within(self, names: tuple[str, ...], tiers: Collection[str] | None, wants: frozenset[str]) -> list[str]:
        found = [name for name in names if tiers is None or name in tiers]
        return [name for name in found if wants <= self._abilities.get(name, wants)] if wants else found

    def settled(self, usage: Usage, at_ns: int) -> None:
        """Learn what a request with such a usage costs on each tier."""
        if self._pacing is not None:
            self._pacing.settled(usage, at_ns)


def _matches(where: Mapping[str, tuple[str, ...]], labels: Mapping[str, str]) -> bool:
    return all(labels.get(label) in values for label, values in where.items())


def _joined(labels: Mapping[str, str]) -> str:
    """Write labels as one key; lengths in front, so that no value can pass for another label."""
    return "".join(f"{len(name)}:{name}{len(labels[name])}:{labels[name]}" for name in sorted(labels))
