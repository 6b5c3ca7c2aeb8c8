"""What a picture shows, as plain values: drawing decides nothing, collecting draws nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["BudgetLine", "Panel", "TimeSpan"]


class TimeSpan(NamedTuple):
    """The common time axis: `bins` steps of `bin_ns` from `start_ns` on (nanoseconds since 1970, UTC)."""

    start_ns: int
    bin_ns: int
    bins: int


class BudgetLine(NamedTuple):
    """A limit to draw: its name, its amount in USD, and its period in words."""

    name: str
    usd: float
    period: str


class Panel(NamedTuple):
    """One team's part of the picture.

    Attributes:
        name: The label's value.
        stacks: Per tier, cheapest first, the spend in USD since the budget's window began, one figure per bin.
        refused: Refused requests per bin.
        budgets: Lines to draw the spend against.
        resets: Bins at which a new budget window begins.
        totals: Per tier, the spend over the whole time, as text in USD.
        total: Their sum, as text in USD.
        facts: A short sentence of counts.

    """

    name: str
    stacks: Mapping[str, Sequence[float]]
    refused: Sequence[int]
    budgets: Sequence[BudgetLine]
    resets: Sequence[int]
    totals: Mapping[str, str]
    total: str
    facts: str
