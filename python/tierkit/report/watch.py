"""Watches a replay and keeps what the picture needs: spend by group and tier, and when budgets begin anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tierkit.report.picture import BudgetLine, SpendSeries, draw
from tierkit.report.replay import Watcher
from tierkit.report.tally import UNATTRIBUTED

if TYPE_CHECKING:
    from tierkit.errors import Refused
    from tierkit.governor import Admission, Balance, Governor
    from tierkit.money import Money
    from tierkit.policy import Budget
    from tierkit.report.trace import TraceRecord

__all__ = ["SpendWatcher"]

_LOOK_EVERY_NS = 1_000_000_000
_PERIODS = {
    "hour": "per hour",
    "day": "per day",
    "week": "per week",
    "month": "per month",
    "year": "per year",
    "total": "in all",
}


class SpendWatcher(Watcher):
    """Collects the spend of a replay by one label."""

    def __init__(self, governor: Governor, *, label: str = "team") -> None:
        """Watch this governor; requests are grouped by the label's value."""
        self._governor = governor
        self._label = label
        self._series = SpendSeries(tier.name for tier in governor.policy.tiers)
        self._windows: dict[tuple[str, str], str] = {}
        self._next_look_ns = 0

    def moved(self, ts_ns: int) -> None:
        """Look, once a virtual second, whether a budget's window has changed."""
        if ts_ns < self._next_look_ns:
            return
        self._next_look_ns = ts_ns + _LOOK_EVERY_NS
        for balance in self._governor.balances():
            group = self._group_of(balance)
            if group is None:
                continue
            before = self._windows.setdefault((balance.rule, group), balance.window)
            if before != balance.window:
                self._windows[balance.rule, group] = balance.window
                self._series.window_began(ts_ns, group)

    def admitted(self, record: TraceRecord, admission: Admission) -> None:
        """Count a request that was let through."""
        self._series.admitted(self._group(record), cached=admission.hit is not None)

    def refused(self, record: TraceRecord, refusal: Refused) -> None:  # noqa: ARG002 - the picture shows when, not why
        """Count a refused request."""
        self._series.refused(record.ts_ns, self._group(record))

    def settled(self, ts_ns: int, record: TraceRecord, admission: Admission, cost: Money) -> None:
        """Add what an answer cost."""
        self._series.spent(ts_ns, self._group(record), admission.tier, cost)

    def picture(self, *, title: str, subtitle: str) -> str:
        """Draw what was seen, as SVG."""
        lines = {group: self._lines(group) for group in self._series.groups}
        return draw(self._series.panels(lines), self._series.span(), title=title, subtitle=subtitle)

    def _group(self, record: TraceRecord) -> str:
        return record.labels.get(self._label, UNATTRIBUTED)

    def _group_of(self, balance: Balance) -> str | None:
        group = balance.key.get(self._label)
        drawn = None if group is None else self._budget(group)
        return group if drawn is not None and drawn.name == balance.rule else None

    def _lines(self, group: str) -> list[BudgetLine]:
        budget = self._budget(group)
        if budget is None:
            return []
        period = _PERIODS.get(budget.period, f"per {budget.period}")
        return [BudgetLine(budget.name or "budget", float(str(budget.amount)), period)]

    def _budget(self, group: str) -> Budget | None:
        # One line per panel: a stack can begin anew with one window only, so it can be held against one budget only.
        for budget in self._governor.policy.budgets:
            values = budget.where.get(self._label)
            others = set(budget.where) - {self._label}
            if self._label in budget.per and not others and (values is None or group in values):
                return budget
        return None
