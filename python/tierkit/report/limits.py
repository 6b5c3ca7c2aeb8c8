"""How every live scope of a state directory stands, read beside the processes that share it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tierkit import _core
from tierkit.report.place import state_directory

if TYPE_CHECKING:
    import os

__all__ = ["live_limits", "tightness"]


def live_limits(state: str | os.PathLike[str]) -> dict[str, Any]:
    """Return every scope that was used since the start of the machine, tightest first.

    Without a shared state of this boot, the budgets that the ledger holds; their limits stand in no ledger.

    Returns:
        `source` ("segment" or "ledger"), `table` (its scopes `kept`, its `slots`, and how many requests were `refused`
        because there was none for a new key; None from the ledger) and `scopes`.

        Each scope has its `rule` and `key`, `kind` ("rate", "concurrency",
        "budget"), `dimension`, whether it only `observes`, `limit` (the burst of a rate) and `left` (None: unknown;
        below 0: in debt), `held` (slots, or money on hold), `posted`, `start_ns` and `end_ns` of a budget's window, and
        `frees_in_ns`, after which all of it is free if nothing else happens (None: when requests end, or never).
        Money is decimal text.

    Example:
        >>> import tempfile, tierkit as tk
        >>> folder = tempfile.TemporaryDirectory()
        >>> tier = tk.Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "0 USD/Mtok"})
        >>> policy = tk.Policy(tiers=[tier], budgets=[tk.Budget("5 USD", name="all", period="total")])
        >>> with tk.Governor(policy, state=folder.name) as governor:
        ...     _ = governor.admit(None, input_tokens=1_000_000, max_output_tokens=1)
        ...     [(row["rule"], row["left"], row["held"]) for row in live_limits(folder.name)["scopes"]]
        [('all', '4', '1')]
        >>> folder.cleanup()

    Raises:
        StateError: Neither a shared state nor a ledger is there, or it cannot be read.

    Cost: milliseconds; no process of the governor waits for it.

    """
    live, rows = _core.read_limits(state_directory(state))
    scopes = [{**row, "key": json.loads(row["key"])} for row in rows]
    scopes.sort(key=lambda row: (-tightness(row), row["rule"], json.dumps(row["key"]), row["start_ns"] or 0))
    crowd = _core.read_crowd(state_directory(state)) if live else None
    table = disk = None
    if crowd is not None:
        table = dict(zip(("kept", "slots", "refused"), crowd[0], strict=True))
        fault, unwritten, posted = crowd[1]
        disk = {"fault": fault, "unwritten": unwritten, "unwritten_usd": str(posted)}
    return {"source": "segment" if live else "ledger", "table": table, "disk": disk, "scopes": scopes}


def tightness(scope: dict[str, Any]) -> Decimal:
    """Return which part of a scope's limit is taken: 0 nothing, 1 all, more in debt; 0 where the limit is unknown.

    Example:
        >>> tightness({"limit": "5", "left": "4"})
        Decimal('0.2')

    """
    limit = Decimal(scope["limit"] or 0)
    return (limit - Decimal(scope["left"])) / limit if limit > 0 else Decimal(0)
