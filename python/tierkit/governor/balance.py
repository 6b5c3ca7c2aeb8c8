"""Rows of `balances()`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from tierkit import _core
    from tierkit.governor.pacing import Pace, Pacing

__all__ = ["Balance", "balances"]


class Balance(NamedTuple):
    """One window of one scope of a budget.

    Attributes:
        rule: Name of the budget.
        key: Label values of the scope; None stands for a label that the requests did not carry.
        window: Start of the window as UTC text, or "total".
        limit: The budget, in USD.
        posted: Spent, in USD.
        pending: Reserved by requests that still run, in USD.
        pace: What the pace asks for where this budget sets it, else None.
    """

    rule: str
    key: Mapping[str, str | None]
    window: str
    limit: Decimal
    posted: Decimal
    pending: Decimal
    pace: Pace | None = None


def balances(gate: _core.Gate, pacing: Pacing | None = None) -> list[Balance]:
    """Read the balances of a gate, by rule, key and window."""
    paced = None if pacing is None else pacing.budget
    pace = None if pacing is None else pacing.now()
    return [
        Balance(rule, key, _instant(start_ns), limit, posted, pending, pace if rule == paced else None)
        for rule, key, start_ns, _, limit, posted, pending in gate.balances()
    ]


def _instant(start_ns: int | None) -> str:
    if start_ns is None:
        return "total"
    from datetime import UTC, datetime  # noqa: PLC0415 - only when balances are shown

    return datetime.fromtimestamp(start_ns // 1_000_000_000, UTC).isoformat().replace("+00:00", "Z")
