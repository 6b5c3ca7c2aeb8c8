"""One picture of a replay: what each team spent on which tier over time, against its budgets."""

from __future__ import annotations

from tierkit.report.picture.draw import draw
from tierkit.report.picture.panel import BudgetLine, Panel, TimeSpan
from tierkit.report.picture.series import SpendSeries

__all__ = ["BudgetLine", "Panel", "SpendSeries", "TimeSpan", "draw"]
