"""Collects a replay's spend over time in a bounded number of bins, however long the replay is."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tierkit.report.picture.panel import BudgetLine, Panel, TimeSpan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tierkit.money import Money

__all__ = ["SpendSeries"]

MAX_BINS = 720  # more steps than the picture has pixels for would be invisible
FIRST_BIN_NS = 1_000_000_000
CENT_NUSD = 10_000_000


class SpendSeries:
    """Spend by group and tier over time; when the bins run out, pairs are merged and each holds twice the time."""

    def __init__(self, tiers: Iterable[str]) -> None:
        """Start empty. `tiers` gives the order of the stacks, cheapest first."""
        self._tiers = tuple(tiers)
        self._start_ns: int | None = None
        self._bin_ns = FIRST_BIN_NS
        self._last = 0
        self._spend: dict[tuple[str, str], Counter[int]] = {}
        self._refused: dict[str, Counter[int]] = {}
        self._resets: dict[str, set[int]] = {}
        self._counts: dict[str, Counter[str]] = {}

    def spent(self, ts_ns: int, group: str, tier: str, cost: Money) -> None:
        """Note what one settled request cost."""
        at = self._bin(ts_ns)
        self._spend.setdefault((group, tier), Counter())[at] += cost.nusd

    def admitted(self, group: str, *, cached: bool) -> None:
        """Count a request that was let through, or answered from the cache."""
        self._counts.setdefault(group, Counter())["from cache" if cached else "by a model"] += 1

    def refused(self, ts_ns: int, group: str) -> None:
        """Count a request that no tier could serve."""
        at = self._bin(ts_ns)
        self._counts.setdefault(group, Counter())["refused"] += 1
        self._refused.setdefault(group, Counter())[at] += 1

    def window_began(self, ts_ns: int, group: str) -> None:
        """Note that the group's budget starts anew: its stack falls to zero here."""
        at = self._bin(ts_ns)
        self._resets.setdefault(group, set()).add(at)

    @property
    def groups(self) -> list[str]:
        """The groups seen, those with the largest spend first."""
        return sorted(self._counts, key=lambda group: (-self._total(group), group))

    def span(self) -> TimeSpan:
        """Return the time axis that covers everything noted."""
        return TimeSpan(self._start_ns or 0, self._bin_ns, self._last + 1)

    def panels(self, budgets: Mapping[str, Sequence[BudgetLine]]) -> list[Panel]:
        """Return one panel per group, with the given budget lines."""
        return [self._panel(group, budgets.get(group, ())) for group in self.groups]

    def _panel(self, group: str, budgets: Sequence[BudgetLine]) -> Panel:
        counts = self._counts[group]
        resets = self._resets.get(group, set())
        refused = self._refused.get(group, Counter())
        return Panel(
            name=group,
            stacks={tier: self._stack(self._spend.get((group, tier), Counter()), resets) for tier in self._tiers},
            refused=[refused[index] for index in range(self._last + 1)],
            budgets=budgets,
            resets=sorted(resets),
            totals={tier: _written(self._spend.get((group, tier), Counter()).total()) for tier in self._tiers},
            total=_written(self._total(group)),
            facts=" \N{MIDDLE DOT} ".join(
                f"{counts[word]:,} {word}" for word in ("by a model", "from cache", "refused")
            ),
        )

    def _stack(self, spend: Counter[int], resets: set[int]) -> list[float]:
        nusd, stack = 0, []
        for index in range(self._last + 1):
            nusd = (0 if index in resets else nusd) + spend[index]
            stack.append(nusd / 1e9)  # a float is good enough for a pixel
        return stack

    def _total(self, group: str) -> int:
        return sum(self._spend[key].total() for key in self._spend if key[0] == group)

    def _bin(self, ts_ns: int) -> int:
        if self._start_ns is None:
            self._start_ns = ts_ns
        index = (ts_ns - self._start_ns) // self._bin_ns
        while index >= MAX_BINS:
            self._halve()
            index //= 2
        self._last = max(self._last, index)
        return index

    def _halve(self) -> None:
        self._bin_ns *= 2
        self._last //= 2
        for table in (*self._spend.values(), *self._refused.values()):
            merged = Counter[int]()
            for index, amount in table.items():
                merged[index // 2] += amount
            table.clear()
            table.update(merged)
        self._resets = {group: {index // 2 for index in found} for group, found in self._resets.items()}


def _written(nusd: int) -> str:
    return f"${nusd / 1e9:,.2f}" if nusd >= CENT_NUSD or not nusd else f"${nusd / 1e9:.2g}"
