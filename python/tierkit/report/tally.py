"""The sums of a replay, in exact amounts."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tierkit.money import Money
from tierkit.request import Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from tierkit.errors import Refused
    from tierkit.governor import Admission, Governor
    from tierkit.report.trace import TraceRecord

__all__ = ["UNATTRIBUTED", "Tally"]

# The row of a label for the requests that do not carry it, so that every label's rows add up to the whole.
UNATTRIBUTED = "unattributed"
_DEFAULT_LABEL = "team"
# A gate never admits above a budget; only a settlement above its reservation can pass it. Looking at every such
# settlement, and now and then at any, sees the worst moment without asking for all balances at each request.
_LOOK_EVERY = 2000
ZERO = Money(0)


class _Share:
    __slots__ = ("admitted", "refused", "spend")

    def __init__(self) -> None:
        self.admitted = 0
        self.refused = 0
        self.spend = ZERO


class Tally:
    """Counts requests and adds up money by cause, tier and label."""

    def __init__(self, top_price: Callable[[Usage], Money]) -> None:
        """Start at nothing; `top_price` says what a request costs at the dearest tier."""
        self.requests = 0
        self._top_price = top_price
        self._refused: Counter[str] = Counter()
        self._by_tier: Counter[str] = Counter()
        self._by_labels: dict[tuple[tuple[str, str], ...], _Share] = {}
        self._cache_hits = 0
        self._spend = ZERO
        self._baseline = ZERO
        self._overshoot = Decimal(0)
        self._until_look = _LOOK_EVERY

    def admit(self, record: TraceRecord, admission: Admission) -> None:
        """Count one admitted request."""
        self.requests += 1
        self._share(record).admitted += 1
        if admission.hit is None:
            self._by_tier[admission.tier] += 1
        else:
            self._cache_hits += 1
        self._baseline += self._top_price(
            Usage(input_tokens=admission.input_tokens, output_tokens=record.output_tokens)
        )

    def refuse(self, record: TraceRecord, refusal: Refused) -> None:
        """Count one refused request under its binding cause."""
        self.requests += 1
        self._share(record).refused += 1
        self._refused[refusal.decision.cause] += 1

    def settle(self, record: TraceRecord, cost: Money, governor: Governor, *, over: bool) -> None:
        """Add one exact cost; `over` says that it is above what was reserved."""
        self._spend += cost
        self._share(record).spend += cost
        self._until_look -= 1
        if over or self._until_look <= 0:
            self._until_look = _LOOK_EVERY
            self._look(governor)

    def result(self, governor: Governor, busy_ns: int) -> dict[str, Any]:
        """Return the figures of the whole replay."""
        self._look(governor)
        return {
            "requests": self.requests,
            "admitted": self.requests - self._refused.total(),
            "refused": dict(sorted(self._refused.items())),
            "by_tier": {tier.name: self._by_tier[tier.name] for tier in governor.policy.tiers},
            "by_label": self._labels(),
            "spend_usd": str(self._spend),
            "baseline_usd": str(self._baseline),
            "saved_usd": str(self._baseline - self._spend),
            "overshoot_usd": f"{self._overshoot:f}",
            "cache_hits": self._cache_hits,
            "decisions_per_s": round(self.requests * 1_000_000_000 / max(1, busy_ns)),
        }

    def _share(self, record: TraceRecord) -> _Share:
        key = tuple(record.labels.items())
        share = self._by_labels.get(key)
        if share is None:
            share = self._by_labels[key] = _Share()
        return share

    def _look(self, governor: Governor) -> None:
        for balance in governor.balances():
            self._overshoot = max(self._overshoot, balance.posted + balance.pending - balance.limit)

    def _labels(self) -> dict[str, dict[str, dict[str, Any]]]:
        names = sorted({name for key in self._by_labels for name, _ in key}) or [_DEFAULT_LABEL]
        return {name: self._rows(name) for name in names}

    def _rows(self, name: str) -> dict[str, dict[str, Any]]:
        rows: dict[str, _Share] = {}
        for key, share in self._by_labels.items():
            row = rows.setdefault(dict(key).get(name, UNATTRIBUTED), _Share())
            row.admitted += share.admitted
            row.refused += share.refused
            row.spend += share.spend
        dearest_first = sorted(rows.items(), key=lambda item: (-item[1].spend.nusd, item[0]))
        return {
            value: {"admitted": row.admitted, "refused": row.refused, "spend_usd": str(row.spend)}
            for value, row in dearest_first
        }
