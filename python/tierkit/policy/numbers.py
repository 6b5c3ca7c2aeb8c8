"""The way from a rule as written to the core, which reads and checks its numbers: rates, amounts, periods, zones."""

from __future__ import annotations

from tierkit import _core
from tierkit.errors import ConfigError
from tierkit.policy.words import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tierkit.policy.rules import Budget, Limit

__all__ = [
    "budget_rule",
    "bytes_of",
    "check_budget",
    "check_limit",
    "check_zone",
    "limit_rule",
    "price_of",
    "seconds",
    "whole_seconds",
]

_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000


def limit_rule(limit: Limit) -> _core.LimitRule:
    """Return the rule as the core holds it."""
    return _core.LimitRule(
        limit.name or "limit",
        rate=limit.rate,
        per=list(limit.per),
        where={label: list(values) for label, values in limit.where.items()},
        burst=limit.burst,
        concurrency=limit.concurrency,
        mode=limit.mode,
        replaces=list(limit.replaces),
    )


def budget_rule(budget: Budget, *, timezone: str) -> _core.BudgetRule:
    """Return the rule as the core holds it; `timezone` is used when the budget names none."""
    return _core.BudgetRule(
        budget.name or "budget",
        amount=budget.amount,
        period=budget.period,
        per=list(budget.per),
        where={label: list(values) for label, values in budget.where.items()},
        on_exhausted=budget.on_exhausted,
        warn_at=list(budget.warn_at),
        mode=budget.mode,
        replaces=list(budget.replaces),
        timezone=budget.timezone or timezone,
    )


def check_limit(limit: Limit) -> None:
    """Raise ConfigError, beginning with the key, when the core cannot read the limit's numbers."""
    limit_rule(limit)


def check_budget(budget: Budget) -> None:
    """Raise ConfigError, beginning with the key, when the core cannot read the budget's numbers."""
    budget_rule(budget, timezone="UTC")


def check_zone(zone: str) -> None:
    """Raise ConfigError for a name that is no IANA zone; the zones are those compiled into the core."""
    _core.BudgetRule("zone", amount="1 USD", period="day", timezone=zone)


def seconds(key: str, text: str) -> float:
    """Return a length of time above zero in seconds, exact to the millisecond.

    Example:
        >>> from tierkit.policy.numbers import seconds
        >>> seconds("timeout", "1500ms")
        1.5

    """
    return _positive_ns(key, text) // _NS_PER_MS / 1000


def whole_seconds(key: str, text: str, *, least: int) -> int:
    """Return a length of time in whole seconds."""
    ns = _core.duration_ns(key, text)
    if ns % _NS_PER_S or ns < least * _NS_PER_S:
        bound = f", at least {least}s" if least else ""
        raise ConfigError(f"{key} {quoted(text)}: expected whole seconds{bound}")
    return ns // _NS_PER_S


def bytes_of(key: str, text: str) -> int:
    """Return a size in bytes."""
    return _core.size_bytes(key, text)


def price_of(key: str, text: str) -> int:
    """Return a price in pico-USD per token."""
    try:
        price = _core.price_pusd_per_token(text)
    except ConfigError:
        price = -1
    if price < 0:
        raise ConfigError(f"{key} {quoted(text)}: expected USD per million tokens from 0 on, such as '0.05 USD/Mtok'")
    return price


def _positive_ns(key: str, text: str) -> int:
    ns = _core.duration_ns(key, text)
    if ns <= 0:
        raise ConfigError(f"{key} {quoted(text)}: expected more than zero")
    return ns
