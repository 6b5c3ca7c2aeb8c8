"""The table that moves while the demo runs, and the pace that lets people see it."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from rich.live import Live

from tierkit.cli.output import plain, table, usd
from tierkit.money import Money
from tierkit.report.replay import Watcher

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from rich.console import Console
    from rich.table import Table

    from tierkit.errors import Refused
    from tierkit.governor import Admission
    from tierkit.report.trace import TraceRecord

__all__ = ["LiveTable"]

_FRAMES_PER_S = 12
_SHOW_S = 5.0  # long enough to follow, short enough to wait for
_ZERO = Money(0)


class LiveTable(Watcher, AbstractContextManager["LiveTable"]):
    """Shows counts and spend per team, and slows the replay so that the whole trace takes a few seconds."""

    def __init__(self, out: Console, behind: Watcher, *, tiers: Sequence[str], span_ns: tuple[int, int]) -> None:
        """Show on `out`; pass everything on to the watcher `behind`. `span_ns`: first and last arrival."""
        self._behind = behind
        self._kinds = (*tiers, "cache", "refused")
        self._first_ns = span_ns[0]
        self._length_ns = max(1, span_ns[1] - span_ns[0])
        self._began = time.monotonic()
        self._drawn = 0.0
        self._counts: dict[str, Counter[str]] = {}
        self._spend: dict[str, Money] = {}
        self._live = Live(console=out, auto_refresh=False)

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._live.__enter__()
        self._began = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Draw the last state and leave it on the screen."""
        self._live.update(self._table(self._first_ns + self._length_ns), refresh=True)
        self._live.__exit__(kind, error, trace)

    def moved(self, ts_ns: int) -> None:
        """Wait until this moment's turn has come, drawing on the way."""
        self._behind.moved(ts_ns)
        due = self._began + _SHOW_S * (ts_ns - self._first_ns) / self._length_ns
        while (now := time.monotonic()) < due:
            self._draw(ts_ns, now)
            time.sleep(min(due - now, 1 / _FRAMES_PER_S))
        self._draw(ts_ns, now)

    def admitted(self, record: TraceRecord, admission: Admission) -> None:
        """Count under the tier, or under the cache."""
        self._behind.admitted(record, admission)
        self._count(record, "cache" if admission.hit is not None else admission.tier)

    def refused(self, record: TraceRecord, refusal: Refused) -> None:
        """Count a refusal."""
        self._behind.refused(record, refusal)
        self._count(record, "refused")

    def settled(self, ts_ns: int, record: TraceRecord, admission: Admission, cost: Money) -> None:
        """Add to the team's spend."""
        self._behind.settled(ts_ns, record, admission, cost)
        team = record.labels.get("team", "-")
        self._spend[team] = self._spend.get(team, _ZERO) + cost

    def _count(self, record: TraceRecord, what: str) -> None:
        self._counts.setdefault(record.labels.get("team", "-"), Counter())[what] += 1

    def _draw(self, ts_ns: int, now: float) -> None:
        if now - self._drawn >= 1 / _FRAMES_PER_S:
            self._drawn = now
            self._live.update(self._table(ts_ns), refresh=True)

    def _table(self, ts_ns: int) -> Table:
        when = f"{datetime.fromtimestamp(ts_ns // 1_000_000_000, UTC):%H:%M:%S} UTC"
        made = table("team", *(f">{kind}" for kind in self._kinds), ">spent", title=when)
        for team in sorted(self._counts):
            counts = self._counts[team]
            spent = usd(self._spend.get(team, _ZERO))
            made.add_row(plain(team), *(f"{counts[kind]:,}" for kind in self._kinds), spent)
        return made
