"""From a need to the order of the tiers: shares, the pace of a budget, sessions, quotas, rules and abilities."""

from __future__ import annotations

import logging

from tierkit import _core
from tierkit.errors import ConfigError
from tierkit.governor.costs import Costs
from tierkit.governor.pacing import Pacing
from tierkit.governor.prefix import prefix_of
from tierkit.governor.steered import Steered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tierkit.governor.candidate import Candidate
    from tierkit.governor.prompt import Prompt
    from tierkit.governor.steered import Size
    from tierkit.policy import Policy, Routing
    from tierkit.request import Usage

__all__ = ["Steering"]

_MILLION = 1_000_000
_QUOTA_BURST = 5
_MONEY_BURST_NUSD = 1_000_000_000
_SESSION_IDLE_S = 300
# Token counts beyond this are held; no context is so long.
_MOST_TOKENS = 2**32 - 1

_log = logging.getLogger("tierkit")


class Steering:
    """Orders the tiers of each request; safe to share between threads, and one for all processes of a state directory.

    Attributes:
        core: The decisions, and what they remember.
        pacing: The pace of a budget, or None.
        scores: Whether a need can change the order at all.
        fixed: The order of every request without a need or a choice of tiers, when nothing in the policy can change it.
    """

    __slots__ = ("_abilities", "_costs", "_names", "_pays", "_routing", "core", "fixed", "pacing", "scores")

    def __init__(self, policy: Policy, candidates: Mapping[str, Candidate], gate: _core.Gate) -> None:
        """Make the parts that the policy asks for."""
        from tierkit.route import Router  # noqa: PLC0415 - `from tierkit import Limiter` must not load it

        routing = self._routing = policy.routing
        self._names = list(candidates)
        router = Router(self._names, routing.share, default=routing.default)
        self.scores = any(share > 0 for share in routing.share.values())
        self._abilities = {
            name: frozenset(tier.tier.supports) for name, tier in candidates.items() if tier.tier.supports is not None
        }
        self._pays = routing.quota is not None or routing.money_quota is not None
        self.core = _steering(routing, candidates, gate, default=self._names.index(router.plan(None)[0]))
        self.pacing = None if routing.pace is None else Pacing(policy, gate, self.core)
        self._costs = Costs(routing.share, candidates, self.core)
        bends = self.scores or self._abilities or self._pays or routing.session or self.pacing or routing.learns
        self.fixed = None if bends else router.plan(None)

    @property
    def mode(self) -> str:
        """Whether routing is enforced or only observed."""
        return self._routing.mode

    def allowed(self, labels: Mapping[str, str]) -> tuple[str, ...] | None:
        """Return the tiers that the rules allow for some labels, cheapest first; None: all."""
        if not self._routing.rules:
            return None
        rules = [rule for rule in self._routing.rules if _matches(rule.where, labels)]
        if not rules:
            return None
        low, high = 0, len(self._names) - 1
        for rule in rules:
            low = max(low, self._names.index(rule.at_least or rule.pin or self._names[0]))
            high = min(high, self._names.index(rule.at_most or rule.pin or self._names[-1]))
        # Where rules contradict each other the floor wins: quality was promised, cost was only wished for.
        return tuple(self._names[low : max(low, high) + 1])

    def look(self, prompt: Prompt, need: float | None, tiers: Collection[str] | None) -> list[str]:
        """Return the tiers of a request as things stand, best first. Changes nothing."""
        return self._able(prompt, [self._names[at] for at in self.core.plan(need)], tiers)

    def order(
        self,
        prompt: Prompt,
        labels: Mapping[str, str],
        need: float | None,
        tiers: Collection[str] | None,
        *,
        gain_ppm: tuple[int, int] | None,
        drawn: bool,
        size: Size,
        now_ns: int,
    ) -> tuple[list[str], tuple[str, ...], Steered | None]:
        """Return the tiers of a request, best first, why the order is not the need's alone, and what it is steered by.

        Args:
            prompt: What is asked.
            labels: Who asks.
            need: How much the strong tier is needed, or None.
            tiers: The tiers that may serve; None: all.
            gain_ppm: Expected gain of the strong tier, here and at the margin, once the classifier is fitted.
            drawn: Whether chance has picked the request for the other tier, if its need is near a threshold.
            size: How large it is.
            now_ns: Wall time, for the pace and the sessions.

        Raises:
            ConfigError: No tier that may serve can do what is asked (tools, vision, JSON).
        """
        if self.pacing is not None:
            self.pacing.arrived(now_ns)
        session, key = self.session(labels), self._key(labels)
        plan, reasons, held_nusd, other, drifts, watched = self.core.decide(
            need,
            now_ns=now_ns,
            gain_ppm=gain_ppm,
            session=session,
            prefix=0 if session is None else prefix_of(prompt),
            tokens=(0, 0) if session is None else _held(size.tokens()),
            key=key,
            ceilings_nusd=[] if key is None or self._routing.money_quota is None else size.ceilings_nusd(),
            drawn=drawn,
        )
        if drifts or watched:
            self._alert(labels, drifts=drifts)
        names = self._able(prompt, [self._names[at] for at in plan], tiers)
        steered = None
        if session is not None or key is not None or self._routing.learns:
            explored = 0.0 if other is None else self._routing.explore
            steered = Steered(plan[0], session, key, held_nusd, explored if drawn and explored else 1 - explored)
        return names, reasons, steered

    def session(self, labels: Mapping[str, str]) -> str | None:
        """Return the key of a request's session: all its labels, so that no two tenants share one by its name."""
        names = self._routing.session
        return _joined(labels) if names and all(name in labels for name in names) else None

    def _key(self, labels: Mapping[str, str]) -> str | None:
        if not self._pays:
            return None
        return _joined({name: labels.get(name, "") for name in self._routing.quota_per})

    def _alert(self, labels: Mapping[str, str], *, drifts: bool) -> None:
        if drifts:
            _log.warning("routing: needs are no longer distributed as they were; see what changed in the traffic")
        else:
            who = {name: labels.get(name) for name in self._routing.quota_per}
            _log.warning("routing: %s asks for the strong tier more than three times as often as all do", who)

    def _able(self, prompt: Prompt, names: list[str], tiers: Collection[str] | None) -> list[str]:
        wants = prompt.wants if self._abilities else frozenset()
        able = self._within(names, tiers, wants)
        # A quota left the cheapest only, which the rules forbid or which cannot do it: they go before the quota.
        able = able or self._within(self._names, tiers, wants)
        if not able:
            found = [name for name in self._names if tiers is None or name in tiers]
            raise ConfigError(
                f"request that needs {', '.join(sorted(wants))}: none of {', '.join(found)} supports it; add it to "
                "`supports` of a tier that does"
            )
        return able

    def _within(self, names: list[str], tiers: Collection[str] | None, wants: frozenset[str]) -> list[str]:
        found = [name for name in names if tiers is None or name in tiers]
        return [name for name in found if wants <= self._abilities.get(name, wants)] if wants else found

    def admitted(self, steered: Steered, tier: str) -> None:
        """Let a session go on where it was admitted: the tier that it was on had no room."""
        served = self._names.index(tier)
        if steered.session is not None and served < steered.tier:
            self.core.move_to(steered.session, served)

    def evidence(self, labels: Mapping[str, str], tier: str) -> bool:
        """Let a session rise one tier, since an answer of the one that it is on was not good enough."""
        session, at = self.session(labels), self._names.index(tier)
        if session is None or self.core.pinned(session) != at or at + 1 == len(self._names):
            return False
        self.core.move_to(session, at + 1)
        return True

    def ended(self, steered: Steered, tier: str, cost_nusd: int, tokens: int | None) -> None:
        """Book what a request cost its key, and how much of its session the tier has cached now."""
        if steered.session is None and steered.key is None:
            return
        self.core.settle(
            key=steered.key,
            session=steered.session,
            held_nusd=steered.held_nusd,
            strong=self._names.index(tier) > 0,
            cost_nusd=cost_nusd,
            cached_tokens=None if tokens is None else min(tokens, _MOST_TOKENS),
        )

    def given_up(self, steered: Steered) -> None:
        """Give back what was on hold for a request that no tier had room for."""
        if steered.held_nusd:
            self.core.settle(key=steered.key, held_nusd=steered.held_nusd)

    def settled(self, usage: Usage, at_ns: int) -> None:
        """Learn what a request with such a usage costs on each tier."""
        if self.pacing is not None or self._routing.session:
            self._costs.learn(usage, at_ns)


def _steering(
    routing: Routing, candidates: Mapping[str, Candidate], gate: _core.Gate, *, default: int
) -> _core.Steering:
    quota = money = None
    if routing.quota is not None:
        burst = _QUOTA_BURST if routing.quota_burst is None else routing.quota_burst
        quota = (round(routing.quota * _MILLION), burst)
    if routing.money_quota is not None:
        burst = _MONEY_BURST_NUSD if routing.money_burst is None else routing.money_burst.nusd
        money = (round(routing.money_quota * _MILLION), burst)
    idle_s = routing.session_idle_s or _SESSION_IDLE_S
    return _core.Steering(
        gate,
        [float(routing.share.get(name, 0.0)) for name in candidates],
        default=default,
        quota=quota,
        money=money,
        idle_ns=idle_s * 1_000_000_000 if routing.session else None,
        prices=[tier.pusd_per_token() for tier in candidates.values()] if routing.session else [],
        paced=routing.pace is not None,
        pace_observes=routing.pace_mode == "observe",
        observes=routing.mode == "observe",
    )


def _held(tokens: tuple[int, int]) -> tuple[int, int]:
    return min(tokens[0], _MOST_TOKENS), min(tokens[1], _MOST_TOKENS)


def _matches(where: Mapping[str, tuple[str, ...]], labels: Mapping[str, str]) -> bool:
    return all(labels.get(label) in values for label, values in where.items())


def _joined(labels: Mapping[str, str]) -> str:
    """Write labels as one key; lengths in front, so that no value can pass for another label."""
    return "".join(f"{len(name)}:{name}{len(labels[name])}:{labels[name]}" for name in sorted(labels))
