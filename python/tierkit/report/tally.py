"""The sums of a replay, in exact amounts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tierkit.governor.candidate import Candidate
from tierkit.governor.prompt import Prompt
from tierkit.money import Money
from tierkit.prices import PriceBook
from tierkit.request import Usage

if TYPE_CHECKING:
    from tierkit.errors import Refused
    from tierkit.governor import Admission, Governor
    from tierkit.report.trace import TraceRecord

__all__ = ["UNATTRIBUTED", "Tally"]

# The row of a label for the requests that do not carry it, so that every label's rows add up to the whole.
UNATTRIBUTED = "unattributed"
_DEFAULT_LABEL = "team"
ZERO = Money(0)


class _Share:
    __slots__ = ("admitted", "refused", "spend")

    def __init__(self) -> None:
        self.admitted = 0
        self.refused = 0
        self.spend = ZERO


class Tally:
    """Counts requests and adds up money by cause, tier and label."""

    def __init__(self, governor: Governor) -> None:
        """Start at nothing."""
        policy = governor.policy
        self.requests = 0
        self._governor = governor
        # The dearest tier stands last; its price is asked as the governor asks it, without reserving anything.
        self._top = Candidate(policy.tiers[-1], PriceBook.default(), on_missing_price=policy.on_missing_price)
        self._refused: Counter[str] = Counter()
        self._by_tier: Counter[str] = Counter()
        self._by_labels: dict[tuple[tuple[str, str], ...], _Share] = {}
        self._cache_hits = 0
        self._spend = ZERO
        self._baseline = ZERO

    def admit(self, record: TraceRecord, admission: Admission) -> None:
        """Count one admitted request."""
        self.requests += 1
        self._share(record).admitted += 1
        if admission.hit is None:
            self._by_tier[admission.tier] += 1
        else:
            self._cache_hits += 1
        self._baseline += self._top_cost(record)

    def refuse(self, record: TraceRecord, refusal: Refused) -> None:
        """Count one refused request under its binding cause."""
        self.requests += 1
        self._share(record).refused += 1
        cause = None if refusal.decision is None else refusal.decision.cause
        self._refused[cause or "too_large"] += 1  # without a decision: no tier's context holds the request

    def settle(self, record: TraceRecord, cost: Money) -> None:
        """Add one exact cost."""
        self._spend += cost
        self._share(record).spend += cost

    def result(self, busy_ns: int) -> dict[str, Any]:
        """Return the figures of the whole replay."""
        return {
            "requests": self.requests,
            "admitted": self.requests - self._refused.total(),
            "refused": dict(sorted(self._refused.items())),
            "by_tier": {tier.name: self._by_tier[tier.name] for tier in self._governor.policy.tiers},
            "by_label": self._labels(),
            "spend_usd": str(self._spend),
            "baseline_usd": str(self._baseline),
            "saved_usd": str(self._baseline - self._spend),
            "overshoot_usd": str(self._governor.worst_overshoot),
            "cache_hits": self._cache_hits,
            "decisions_per_s": round(self.requests * 1_000_000_000 / max(1, busy_ns)),
        }

    def _share(self, record: TraceRecord) -> _Share:
        key = tuple(record.labels.items())
        share = self._by_labels.get(key)
        if share is None:
            share = self._by_labels[key] = _Share()
        return share

    def _top_cost(self, record: TraceRecord) -> Money:
        tokens = record.input_tokens
        if tokens is None:
            tokens = Prompt(record.prompt, None).tokens(self._top.tier.model)
        nusd, _ = self._top.cost_nusd(Usage(input_tokens=tokens, output_tokens=record.output_tokens), record.ts_ns)
        return Money.from_nusd(nusd)

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
