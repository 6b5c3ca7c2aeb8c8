"""`Policy`: all rules, tiers and settings of a governor, checked together."""

from __future__ import annotations

import time
from types import MappingProxyType

from tierkit.errors import ConfigError, Problem
from tierkit.policy import numbers
from tierkit.policy.record import Record
from tierkit.policy.relations import Outline, broken_relations
from tierkit.policy.routing import Routing
from tierkit.policy.rules import Budget, Limit
from tierkit.policy.servers import BackendSettings
from tierkit.policy.settings import CacheSettings
from tierkit.policy.tiers import Tier
from tierkit.policy.words import one_of, quoted, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any, TypeVar

    from tierkit import _core

    _Part = TypeVar("_Part")
    _Rule = TypeVar("_Rule", Limit, Budget)

__all__ = ["ON_MISSING_PRICE", "ON_STATE_ERROR", "VERSION", "Policy"]

VERSION = 1
ON_MISSING_PRICE = ("refuse", "ceiling")
ON_STATE_ERROR = ("refuse", "allow")
# The longest call (ten minutes) and one minute more, so that money never comes free while a call still runs.
_RESERVATION_TTL_S = 660


class Policy(Record):
    """What a governor enforces. It never changes; a governor takes another one as a whole.

    Args:
        tiers: The models that may answer, cheapest first.
        limits: Rates and slots.
        budgets: Amounts of money per window.
        backends: Model servers, as a list or by name.
        routing: Which tier takes which part; None: no shares.
        cache: What is kept; None: the exact layer alone, for an hour.
        timezone: IANA zone of all windows that name none.
        on_missing_price: "refuse" a model without a price, or charge the "ceiling": the dearest known price.
        on_state_error: "refuse" requests while the ledger cannot be written, or "allow" and count them.
        reservation_ttl_s: Seconds after which a reservation that nobody settled is posted in full.
        version: Version of the file format.

    Raises:
        ConfigError: `.problems` lists every mistake.

    Example:
        >>> from tierkit import Limit, Policy, Tier
        >>> policy = Policy(tiers=[Tier("small", model="gpt-5-mini")], limits=[Limit("60 requests/minute")])
        >>> policy.limits[0].name
        'limit-1'

    """

    __slots__ = (
        "_loaded_ns",
        "_path",
        "_places",
        "_source",
        "backends",
        "budgets",
        "cache",
        "limits",
        "on_missing_price",
        "on_state_error",
        "reservation_ttl_s",
        "routing",
        "tiers",
        "timezone",
        "version",
    )
    __match_args__ = (
        "tiers",
        "limits",
        "budgets",
        "backends",
        "routing",
        "cache",
        "timezone",
        "on_missing_price",
        "on_state_error",
        "reservation_ttl_s",
        "version",
    )

    tiers: tuple[Tier, ...]
    limits: tuple[Limit, ...]
    budgets: tuple[Budget, ...]
    backends: Mapping[str, BackendSettings]
    routing: Routing
    cache: CacheSettings
    timezone: str
    on_missing_price: str
    on_state_error: str
    reservation_ttl_s: int
    version: int
    _loaded_ns: int
    _path: str
    _places: Mapping[tuple[str | int, ...], tuple[int, int]]
    _source: str

    def __init__(
        self,
        *,
        tiers: Sequence[Tier] = (),
        limits: Sequence[Limit] = (),
        budgets: Sequence[Budget] = (),
        backends: Iterable[BackendSettings] | Mapping[str, BackendSettings] = (),
        routing: Routing | None = None,
        cache: CacheSettings | None = None,
        timezone: str = "UTC",
        on_missing_price: str = "refuse",
        on_state_error: str = "refuse",
        reservation_ttl_s: int = _RESERVATION_TTL_S,
        version: int = VERSION,
    ) -> None:
        """Name the rules without a name, then check the parts against each other."""
        if isinstance(version, bool) or version != VERSION:
            raise ConfigError(f"version {quoted(version)}: expected {VERSION}, the only one that this tierkit reads")
        if not isinstance(timezone, str):
            raise ConfigError(f"timezone {quoted(timezone)}: expected text such as 'Europe/Berlin'")
        numbers.check_zone(timezone)
        self._keep(
            tiers=_all("tiers", tiers, Tier),
            limits=tuple(_named(limit, "limit", at) for at, limit in enumerate(_all("limits", limits, Limit))),
            budgets=tuple(_named(budget, "budget", at) for at, budget in enumerate(_all("budgets", budgets, Budget))),
            backends=_by_name(backends),
            routing=Routing() if routing is None else _one("routing", routing, Routing),
            cache=CacheSettings() if cache is None else _one("cache", cache, CacheSettings),
            timezone=timezone,
            on_missing_price=one_of("on_missing_price", on_missing_price, ON_MISSING_PRICE),
            on_state_error=one_of("on_state_error", on_state_error, ON_STATE_ERROR),
            reservation_ttl_s=whole("reservation_ttl_s", reservation_ttl_s, least=1),
            version=version,
            _loaded_ns=time.time_ns(),
            _path="",
            _places=MappingProxyType({}),
            _source="",
        )
        problems = tuple(Problem(sentence, path=path) for path, sentence in broken_relations(self._outline()))
        if problems:
            error = ConfigError("\n".join(map(str, problems)))
            error.problems = problems
            raise error

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str]) -> Policy:
        """Read a policy file.

        Args:
            path: A UTF-8 file of at most 1 MB; a byte order mark is skipped.

        Raises:
            ConfigError: One line `FILE:LINE:COLUMN: sentence` for each mistake, also in `.problems`.

        """
        from tierkit.policy.load import read_policy  # noqa: PLC0415 - a policy made in code needs no reader

        return read_policy(path)

    @classmethod
    def from_text(cls, text: str, name: str = "policy.toml") -> Policy:
        r"""Read a policy from the text of its file.

        Args:
            text: TOML.
            name: What messages call the file.

        Raises:
            ConfigError: One line `NAME:LINE:COLUMN: sentence` for each mistake, also in `.problems`.

        Example:
            >>> from tierkit import Policy
            >>> Policy.from_text('version = 1\n[[limit]]\nrate = "2 requests/second"\n').limits
            (Limit(rate='2 requests/second', name='limit-1', mode='enforce'),)

        """
        from tierkit.policy.load import parse_policy  # noqa: PLC0415 - a policy made in code needs no reader

        return parse_policy(text, name)

    @property
    def source(self) -> str:
        """The file it was read from; "" when it was made in code."""
        return self._source

    @property
    def loaded_ns(self) -> int:
        """When it was made or read, in nanoseconds since 1970; pickle and fork keep it.

        All processes of a state directory follow the policy that was loaded last.
        """
        return self._loaded_ns

    @property
    def path(self) -> str:
        """The absolute path of the file that `Governor.reload()` reads again; "" without one."""
        return self._path

    def place(self, path: tuple[str | int, ...]) -> tuple[int, int]:
        """Return line and column of `("limit", 0, "rate")` or of what is around it; (0, 0) for code."""
        while path and path not in self._places:
            path = path[:-1]
        return self._places.get(path, (0, 0))

    def limit_rules(self) -> list[_core.LimitRule]:
        """Return the limits as the core takes them, in the order of the policy."""
        return [numbers.limit_rule(limit) for limit in self.limits]

    def budget_rules(self) -> list[_core.BudgetRule]:
        """Return the budgets as the core takes them, in the order of the policy, each with its zone."""
        return [numbers.budget_rule(budget, timezone=self.timezone) for budget in self.budgets]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as every part does, with the file and the time of its loading."""
        make, arguments = super().__reduce__()
        return _loaded_before, (make, arguments, self._loaded_ns, self._path)

    def _read_from(self, path: str) -> Policy:
        """Remember the file; used once by the reader."""
        self._keep(_path=path)
        return self

    def _placed(self, source: str, places: Mapping[tuple[str | int, ...], tuple[int, int]]) -> Policy:
        """Remember where the parts stand; used once by the reader, before anyone else sees the policy."""
        self._keep(_source=source, _places=MappingProxyType(dict(places)))
        return self

    def _outline(self) -> Outline:
        limits = [(("limit", at), limit.name or "", limit.replaces) for at, limit in enumerate(self.limits)]
        budgets = [(("budget", at), budget.name or "", budget.replaces) for at, budget in enumerate(self.budgets)]
        return Outline(
            tiers=[(("tier", at), tier.name, tier.backend) for at, tier in enumerate(self.tiers)],
            backends=list(self.backends),
            rules=[*limits, *budgets],
            share=self.routing.share,
            default=self.routing.default,
            named=list(self._named_by_routing()),
            for_shadow=[budget.name or "" for budget in self.budgets if budget.where.get("purpose") == ("shadow",)],
        )

    def _named_by_routing(self) -> Iterator[tuple[tuple[str | int, ...], str, str, str]]:
        """Yield path, kind, key and name of the tiers and budgets that routing names."""
        for at, rule in enumerate(self.routing.rules):
            for key in ("pin", "at_least", "at_most"):
                if getattr(rule, key) is not None:
                    yield ("routing", "rules", at, key), "tier", key, getattr(rule, key)
        for key, kind in (("pace", "budget"), ("shadow_budget", "budget"), ("shadow_tier", "tier")):
            if getattr(self.routing, key) is not None:
                yield ("routing", key), kind, key, getattr(self.routing, key)


def _loaded_before(make: Any, arguments: tuple[Any, ...], loaded_ns: int, path: str) -> Policy:
    policy: Policy = make(*arguments)
    policy._keep(_loaded_ns=loaded_ns, _path=path)  # noqa: SLF001 - the second half of unpickling
    return policy


def _one(key: str, value: object, kind: type[_Part]) -> _Part:
    if not isinstance(value, kind):
        raise ConfigError(f"{key} {quoted(value)}: expected a {kind.__name__}")
    return value


def _all(key: str, values: Iterable[object], kind: type[_Part]) -> tuple[_Part, ...]:
    return tuple(_one(key, value, kind) for value in values)


def _named(rule: _Rule, kind: str, at: int) -> _Rule:
    return rule if rule.name is not None else rule.with_(name=f"{kind}-{at + 1}")


def _by_name(backends: Iterable[BackendSettings] | Mapping[str, BackendSettings]) -> Mapping[str, BackendSettings]:
    values = backends.values() if hasattr(backends, "values") else backends
    found: dict[str, BackendSettings] = {}
    for backend in _all("backends", values, BackendSettings):
        if backend.name in found:
            raise ConfigError(f"name {quoted(backend.name)}: two backends are called so; give each its own")
        found[backend.name] = backend
    return MappingProxyType(found)
