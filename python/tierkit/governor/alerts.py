"""Thresholds of budgets that were crossed, told to the log."""

from __future__ import annotations

import logging

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["tell"]

_log = logging.getLogger("tierkit")


def tell(alerts: Sequence[tuple[str, Any, int, Any, Any]]) -> None:
    """Log what a post raised, as (rule, key, permille, spent, limit); a gate tells each only once."""
    for rule, key, permille, spent, limit in alerts:
        _log.warning("budget %s %s: %s of %s USD spent (threshold %g %%)", rule, key, spent, limit, permille / 10)
