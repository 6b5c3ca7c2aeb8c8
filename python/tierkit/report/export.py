"""The entries of a ledger, in full and in order, for bookkeepers and their programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tierkit import _core
from tierkit.errors import StateError
from tierkit.money import Money
from tierkit.report.place import state_directory

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

__all__ = ["ledger_entries", "utc_text"]

_PORTION = 1_000
_FIRST_NS, _END_NS = -(2**63), 2**63 - 1


def ledger_entries(
    state: str | os.PathLike[str], *, since_ns: int | None = None, until_ns: int | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the entries of a ledger from `since_ns` to before `until_ns` (since 1970), oldest first.

    Each has `seq`, `at` (UTC) and `at_ns`, `id`, `kind` (reserve, post, void, expire, adjust), `usd` and `saved_usd` as
    decimal text (of an adjustment: the change), `marks` (late, overrun, estimated, cached), `labels`, `units` (with its
    `usd` as decimal text), `usage` (None but for a post), `adjustment` (its own id, if it is one) and `postings`: for
    each budget its `rule`, `key`, window (`start_ns`, `end_ns`; None: none) and change.

    Example:
        >>> import tempfile, tierkit as tk
        >>> folder = tempfile.TemporaryDirectory()
        >>> tier = tk.Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "2 USD/Mtok"})
        >>> with tk.Governor(tk.Policy(tiers=[tier]), state=folder.name) as governor:
        ...     governor.admit(None, input_tokens=9, max_output_tokens=9).cancel()
        >>> [(entry["seq"], entry["kind"], entry["usd"]) for entry in ledger_entries(folder.name)]
        [(1, 'reserve', '0.000027'), (2, 'void', '0')]
        >>> folder.cleanup()

    Raises:
        StateError: No ledger is there, or it cannot be read.

    Cost: one pass over the ledger, memory for a thousand entries. Entries that are written meanwhile are left out.

    """
    first, end = _FIRST_NS if since_ns is None else since_ns, _END_NS if until_ns is None else until_ns
    walk = _core.LedgerEntries(state_directory(state), first, end)
    return _rows(walk)


def _rows(walk: _core.LedgerEntries) -> Iterator[dict[str, Any]]:
    while entries := walk.portion(_PORTION):
        for entry in entries:
            try:
                yield _row(entry)
            except (ValueError, TypeError, KeyError) as error:
                fix = "see what `tierkit ledger verify` says"
                raise StateError(f"ledger entry {entry['seq']}: cannot be read; {fix}", fix=fix) from error


def _row(entry: dict[str, Any]) -> dict[str, Any]:
    units = json.loads(entry["units"])
    units["usd"] = str(Money.from_nusd(units["usd"]))
    usage = entry["usage"]
    return {
        "seq": entry["seq"],
        "at": utc_text(entry["at_ns"]),
        **entry,
        "labels": json.loads(entry["labels"]),
        "units": units,
        "usage": None if usage is None else json.loads(usage),
        "postings": [{**posting, "key": json.loads(posting["key"])} for posting in entry["postings"]],
    }


def utc_text(at_ns: int) -> str:
    """Write an instant in ns since 1970 as ISO 8601 in UTC, to the nanosecond.

    Example:
        >>> utc_text(1_767_225_600_000_000_001)
        '2026-01-01T00:00:00.000000001Z'

    """
    seconds, ns = divmod(at_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ns:09}Z"
