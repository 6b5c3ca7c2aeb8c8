"""`Routing` and `RoutingRule`: which tier is chosen, and what no score may overrule."""

from __future__ import annotations

from types import MappingProxyType

from tierkit.errors import ConfigError
from tierkit.money import Money
from tierkit.policy.record import Record
from tierkit.policy.words import check_name, label_names, one_of, quoted, ratio, values_by_label, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Routing", "RoutingRule"]

_MODES = ("enforce", "observe")
# Shares are written with a few decimals: 0.334 + 0.333 + 0.334 is meant as one.
_SLACK = 0.001


class RoutingRule(Record):
    """What holds for some requests, whatever they score. Of several matching rules all hold.

    Args:
        where: When it applies: label to value or list of values; empty: always.
        pin: The only tier that may serve.
        at_least: The cheapest tier that may serve; a request is rather refused than served below it.
        at_most: The strongest tier that may serve.

    Example:
        >>> from tierkit.policy import RoutingRule
        >>> RoutingRule(where={"feature": "legal"}, at_least="large")
        RoutingRule(where={'feature': ('legal',)}, at_least='large')

    """

    __slots__ = ("at_least", "at_most", "pin", "where")
    __match_args__ = ("where", "pin", "at_least", "at_most")

    where: Mapping[str, tuple[str, ...]]
    pin: str | None
    at_least: str | None
    at_most: str | None

    def __init__(
        self,
        *,
        where: Mapping[str, str | Sequence[str]] | None = None,
        pin: str | None = None,
        at_least: str | None = None,
        at_most: str | None = None,
    ) -> None:
        """Check each value."""
        tiers = {"pin": pin, "at_least": at_least, "at_most": at_most}
        if not any(tiers.values()):
            raise ConfigError('pin: missing; a rule needs pin, at_least or at_most, such as at_least = "large"')
        if pin is not None and (at_least or at_most):
            raise ConfigError(f"pin {quoted(pin)}: a pinned tier has no bounds; leave at_least and at_most out")
        named = {key: None if tier is None else check_name(key, tier) for key, tier in tiers.items()}
        self._keep(where=values_by_label("where", where), **named)


class Routing(Record):
    """How much of the traffic each stronger tier may take, and what bends that.

    Args:
        share: Tier name to its part of the requests, from 0 to 1; what is left goes to the cheapest tier.
        default: Tier for requests that cannot be scored; None: the cheapest that fits.
        rules: What no score may overrule.
        mode: "enforce", or "observe": every request goes to the default tier, and what routing would do is counted.
        pace: Name of a budget without `per`: its money is spread over its period by lowering the shares.
        pace_mode: "enforce", or "observe": the pace is computed and shown, and changes no share.
        quota: Most of each key's requests that tiers above the cheapest may serve, from 0 to 1, whatever they score.
        quota_per: Labels whose values are the key of the quotas.
        quota_burst: Requests that a key may send to them ahead of its quota.
        money_quota: Most of each key's money that tiers above the cheapest may take, from 0 to 1.
        feedback: Keep the features of requests, never their text, so that `Governor.feedback` and `refit` can learn.
        explore: Part of the requests near a threshold that chance sends to the tier beyond it, to learn.
        shadow: Part of the requests that a second tier answers too, off the caller's path, to be judged.
        shadow_tier: That tier; None: the cheapest for requests that a stronger one served, else the strongest.
        shadow_budget: Name of the budget that pays for it, with `where = { purpose = "shadow" }`.
        money_burst: USD that a key may spend there ahead of its money_quota; None: 1 USD.
        session: Labels that name a session, with all others equal: it keeps its tier, moving up only. Empty: none does.
        session_idle_s: Seconds of silence after which a session may fall again: the life of the server's prompt cache.

    Example:
        >>> from tierkit.policy import Routing
        >>> Routing(share={"large": 0.2}).share["large"]
        0.2

    """

    __slots__ = (
        "default",
        "explore",
        "feedback",
        "mode",
        "money_burst",
        "money_quota",
        "pace",
        "pace_mode",
        "quota",
        "quota_burst",
        "quota_per",
        "rules",
        "session",
        "session_idle_s",
        "shadow",
        "shadow_budget",
        "shadow_tier",
        "share",
    )
    __match_args__ = (
        "share",
        "default",
        "rules",
        "pace",
        "quota",
        "quota_per",
        "quota_burst",
        "session",
        "session_idle_s",
        "mode",
        "pace_mode",
        "money_quota",
        "money_burst",
        "feedback",
        "explore",
        "shadow",
        "shadow_tier",
        "shadow_budget",
    )

    share: Mapping[str, float]
    default: str | None
    rules: tuple[RoutingRule, ...]
    pace: str | None
    quota: float | None
    quota_per: tuple[str, ...]
    quota_burst: int | None
    session: tuple[str, ...]
    session_idle_s: int | None
    mode: str
    pace_mode: str
    money_quota: float | None
    money_burst: Money | None
    feedback: bool
    explore: float
    shadow: float
    shadow_tier: str | None
    shadow_budget: str | None

    def __init__(
        self,
        *,
        share: Mapping[str, float] | None = None,
        default: str | None = None,
        rules: Sequence[RoutingRule] = (),
        pace: str | None = None,
        quota: float | None = None,
        quota_per: Sequence[str] = (),
        quota_burst: int | None = None,
        session: Sequence[str] = (),
        session_idle_s: int | None = None,
        mode: str = "enforce",
        pace_mode: str = "enforce",
        money_quota: float | None = None,
        money_burst: str | Money | int | None = None,
        feedback: bool = False,
        explore: float = 0.0,
        shadow: float = 0.0,
        shadow_tier: str | None = None,
        shadow_budget: str | None = None,
    ) -> None:
        """Check each share and their sum."""
        found = {}
        for tier, part in dict(share or {}).items():
            try:
                found[check_name("tier", tier)] = ratio("share", part)
            except ConfigError as error:
                raise ConfigError(f"share of {quoted(tier)}: {str(error).partition(': ')[2]}") from None
        total = sum(found.values())
        if total > 1 + _SLACK:
            raise ConfigError(f"share: the parts sum to {total:g}, expected at most 1; lower one of them")
        if quota is None and money_quota is None and (quota_per or quota_burst is not None):
            raise ConfigError("quota_per: there is no quota; add the line quota = 0.30")
        if money_quota is None and money_burst is not None:
            raise ConfigError("money_burst: there is no money_quota; add the line money_quota = 0.50")
        if not isinstance(feedback, bool):
            raise ConfigError(f"feedback {quoted(feedback)}: expected true or false")
        if shadow and shadow_budget is None:
            raise ConfigError(
                'shadow_budget: missing; name a budget with where = { purpose = "shadow" } that pays for the shadow'
            )
        for rule in rules:
            if not isinstance(rule, RoutingRule):
                raise ConfigError(f"rules {quoted(rule)}: expected RoutingRule")
        self._keep(
            share=MappingProxyType(found),
            default=default if default is None else check_name("default", default),
            rules=tuple(rules),
            pace=pace if pace is None else check_name("pace", pace),
            quota=quota if quota is None else ratio("quota", quota),
            quota_per=label_names("quota_per", quota_per),
            quota_burst=whole("quota_burst", quota_burst, least=0),
            session=label_names("session", session),
            session_idle_s=whole("session_idle_s", session_idle_s, least=1),
            mode=one_of("mode", mode, _MODES),
            pace_mode=one_of("pace_mode", pace_mode, _MODES),
            money_quota=money_quota if money_quota is None else ratio("money_quota", money_quota),
            money_burst=None if money_burst is None else _burst(money_burst),
            feedback=feedback,
            explore=ratio("explore", explore),
            shadow=ratio("shadow", shadow),
            shadow_tier=shadow_tier if shadow_tier is None else check_name("shadow_tier", shadow_tier),
            shadow_budget=shadow_budget if shadow_budget is None else check_name("shadow_budget", shadow_budget),
        )

    @property
    def learns(self) -> bool:
        """Whether requests are remembered, so that they can be judged."""
        return self.feedback or self.explore > 0 or self.shadow > 0


def _burst(amount: str | Money | int) -> Money:
    found = Money(amount)
    if found.nusd < 0:
        raise ConfigError(f"money_burst '{found}': below zero; expected an amount from 0 on such as '1 USD'")
    return found
