"""`Limit` and `Budget`: what a user writes about rates, slots and money."""

from __future__ import annotations

from tierkit.errors import ConfigError
from tierkit.money import Money
from tierkit.policy import numbers
from tierkit.policy.record import Record
from tierkit.policy.words import check_name, label_names, one_of, quoted, ratio, values_by_label, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

__all__ = ["MODES", "Budget", "Limit"]

MODES = ("enforce", "observe")
_ON_EXHAUSTED = ("refuse", "downgrade")


class Limit(Record):
    """A rate, or a number of slots, for each key of some labels.

    Args:
        rate: `AMOUNT DIMENSION/PERIOD`, such as "60 requests/minute", "200k total_tokens/minute" or "2 USD/hour".
        name: Unique in the policy; None is numbered there (`limit-1`).
        per: Labels whose values choose the bucket; empty: one bucket for all.
        where: When it applies: label to value or list of values.
        burst: How much may pass at once: a whole number in the rate's own unit, or an amount such as "0.05 USD" where
            that is money; None: the amount of one period.
        concurrency: Requests that may run at once, instead of a rate.
        mode: "enforce" refuses, "observe" only counts what it would refuse.
        replaces: Names of rules that are switched off where this one matches.

    Raises:
        ConfigError: The sentence begins with the argument that is wrong.

    Example:
        >>> from tierkit import Limit
        >>> Limit("60 requests/minute", name="user-rpm", per=["user"], burst=10)
        Limit(rate='60 requests/minute', name='user-rpm', per=('user',), burst=10, mode='enforce')
        >>> Limit(concurrency=32, where={"backend": "mi355x"})
        Limit(where={'backend': ('mi355x',)}, concurrency=32, mode='enforce')

    """

    __slots__ = ("burst", "concurrency", "mode", "name", "per", "rate", "replaces", "where")
    __match_args__ = (
        "rate",
        "name",
        "per",
        "where",
        "burst",
        "concurrency",
        "mode",
        "replaces",
    )

    rate: str | None
    name: str | None
    per: tuple[str, ...]
    where: Mapping[str, tuple[str, ...]]
    burst: int | Money | None
    concurrency: int | None
    mode: str
    replaces: tuple[str, ...]

    def __init__(
        self,
        rate: str | None = None,
        *,
        name: str | None = None,
        per: Sequence[str] = (),
        where: Mapping[str, str | Sequence[str]] | None = None,
        burst: int | str | Decimal | Money | None = None,
        concurrency: int | None = None,
        mode: str = "enforce",
        replaces: Sequence[str] = (),
    ) -> None:
        """Check everything that can be checked without the rest of the policy."""
        if rate is None and concurrency is None:
            raise ConfigError('rate: missing; write rate = "60 requests/minute", or concurrency = 32 for slots')
        if rate is not None and concurrency is not None:
            raise ConfigError("concurrency: stands beside a rate; write two limits, one for each")
        if rate is not None and not isinstance(rate, str):
            raise ConfigError(f'rate {quoted(rate)}: expected text such as "60 requests/minute"')
        if burst is not None and rate is None:
            raise ConfigError("burst: slots have no burst; leave it out or give a rate")
        self._keep(
            rate=rate,
            name=name if name is None else check_name("name", name),
            per=label_names("per", per),
            where=values_by_label("where", where),
            burst=_burst(burst),
            concurrency=whole("concurrency", concurrency, least=1),
            mode=one_of("mode", mode, MODES),
            replaces=label_names("replaces", replaces),
        )
        numbers.check_limit(self)


def _burst(value: int | str | Decimal | Money | None) -> int | Money | None:
    if value is None or isinstance(value, (int, float)):
        return whole("burst", value, least=1)
    return Money(value)


class Budget(Record):
    """An amount of money per window, for each key of some labels.

    Args:
        amount: USD as text ("25 USD"), `Decimal`, `Money` or whole number; never a float.
        period: "hour", "day", "week", "month", "year", "total", or elapsed time such as "30d".
        name: Unique in the policy; None is numbered there (`budget-1`).
        per: Labels whose values choose the account; empty: one account for all.
        where: When it applies: label to value or list of values.
        on_exhausted: "refuse", or "downgrade": cheaper tiers are tried before refusing.
        warn_at: Parts of the amount in (0, 1] that raise an alert once per window.
        mode: "enforce" refuses, "observe" only counts what it would refuse.
        replaces: Names of rules that are switched off where this one matches.
        timezone: IANA zone of the window; None: the policy's.

    Raises:
        ConfigError: The sentence begins with the argument that is wrong.

    Example:
        >>> from tierkit import Budget
        >>> Budget("25 USD", period="day", per=["team"]).amount
        Money('25')

    """

    __slots__ = ("amount", "mode", "name", "on_exhausted", "per", "period", "replaces", "timezone", "warn_at", "where")
    __match_args__ = (
        "amount",
        "period",
        "name",
        "per",
        "where",
        "on_exhausted",
        "warn_at",
        "mode",
        "replaces",
        "timezone",
    )

    amount: Money
    period: str
    name: str | None
    per: tuple[str, ...]
    where: Mapping[str, tuple[str, ...]]
    on_exhausted: str
    warn_at: tuple[float, ...]
    mode: str
    replaces: tuple[str, ...]
    timezone: str | None

    def __init__(
        self,
        amount: str | Decimal | Money | int,
        *,
        period: str,
        name: str | None = None,
        per: Sequence[str] = (),
        where: Mapping[str, str | Sequence[str]] | None = None,
        on_exhausted: str = "refuse",
        warn_at: Sequence[float] = (),
        mode: str = "enforce",
        replaces: Sequence[str] = (),
        timezone: str | None = None,
    ) -> None:
        """Check everything that can be checked without the rest of the policy."""
        if isinstance(amount, bool):
            raise ConfigError(f"amount {quoted(amount)}: expected an amount such as '25 USD'")
        if not isinstance(period, str):
            raise ConfigError(f"period {quoted(period)}: expected text such as 'day' or '30d'")
        if timezone is not None and not isinstance(timezone, str):
            raise ConfigError(f"timezone {quoted(timezone)}: expected text such as 'Europe/Berlin'")
        self._keep(
            amount=Money(amount),
            period=period,
            name=name if name is None else check_name("name", name),
            per=label_names("per", per),
            where=values_by_label("where", where),
            on_exhausted=one_of("on_exhausted", on_exhausted, _ON_EXHAUSTED),
            warn_at=_alerts(warn_at),
            mode=one_of("mode", mode, MODES),
            replaces=label_names("replaces", replaces),
            timezone=timezone,
        )
        if self.amount.nusd < 0:
            raise ConfigError(f"amount '{self.amount}': below zero; expected an amount from 0 on such as '25 USD'")
        numbers.check_budget(self)


def _alerts(parts: Sequence[float]) -> tuple[float, ...]:
    if isinstance(parts, (str, int, float)):
        raise ConfigError(f"warn_at {quoted(parts)}: expected a list such as warn_at = [0.5, 0.8]")
    found = tuple(ratio("warn_at", part) for part in parts)
    if 0 in found:
        raise ConfigError("warn_at '0': would warn before anything is spent; expected numbers above 0 up to 1")
    return found
