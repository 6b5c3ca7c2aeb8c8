"""The figures of a replay as tables for people."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tierkit.cli.output import plain, table, usd

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rich.console import Console

__all__ = ["saved_percent", "tell_summary"]

_MOST_ROWS = 12


def tell_summary(out: Console, result: Mapping[str, Any], *, labels: Collection[str] | None = None) -> None:
    """Print what was admitted and refused, where it went, and what it cost; by these labels, or by all."""
    refused = sum(result["refused"].values())
    causes = ", ".join(f"{count:,} {plain(cause)}" for cause, count in result["refused"].items())
    out.print(f"{'requests':<13}{result['requests']:>12,}")
    out.print(f"{'admitted':<13}{result['admitted']:>12,}   {result['cache_hits']:,} of them from the cache")
    out.print(f"{'refused':<13}{refused:>12,}   {causes}".rstrip())
    out.print(f"{'spent':<13}{usd(result['spend_usd']):>12}")
    out.print(f"{'saved':<13}{usd(result['saved_usd']):>12}   {saved_percent(result)} of {_baseline(result)}")
    over = Decimal(result["overshoot_usd"])
    passed = "past a budget at worst, by answers longer than reserved" if over else "no budget was passed"
    out.print(f"{'overshoot':<13}{usd(over):>12}   {passed}")
    out.print(f"{'speed':<13}{result['decisions_per_s']:>12,}   decisions/s")
    out.print(_tiers(result))
    for label, rows in result["by_label"].items():
        if labels is None or label in labels:
            out.print(_labels(label, rows))


def saved_percent(result: Mapping[str, Any]) -> str:
    """Say which part of the baseline was saved."""
    baseline = Decimal(result["baseline_usd"])
    return f"{Decimal(result['saved_usd']) / baseline:.0%}" if baseline else "0%"


def _baseline(result: Mapping[str, Any]) -> str:
    return f"the {usd(result['baseline_usd'])} that the top tier alone would cost"


def _tiers(result: Mapping[str, Any]) -> Any:
    made = table("tier", ">requests", ">share")
    total = sum(result["by_tier"].values()) or 1
    for tier, count in result["by_tier"].items():
        made.add_row(plain(tier), f"{count:,}", f"{count / total:.0%}")
    return made


def _labels(label: str, rows: Mapping[str, Mapping[str, Any]]) -> Any:
    made = table(label, ">admitted", ">refused", ">spent")
    for value, row in list(rows.items())[:_MOST_ROWS]:
        made.add_row(plain(value), f"{row['admitted']:,}", f"{row['refused']:,}", usd(row["spend_usd"]))
    if len(rows) > _MOST_ROWS:
        made.add_row(f"... {len(rows) - _MOST_ROWS:,} more", "", "", "")
    return made
