"""Proves a ledger whole, or names the first thing in it that does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tierkit import _core
from tierkit.report.place import state_directory

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

__all__ = ["LedgerProof"]

_STEP_ENTRIES = 20_000


class LedgerProof:
    """A check of the ledger in a state directory, as it is at the moment that this is made; its writer may go on.

    The hash of every entry is computed again from its columns and postings, every account and the list of open
    reservations from the entries, and SQLite checks its pages and indexes.

    Example:
        >>> import tempfile, tierkit as tk
        >>> folder = tempfile.TemporaryDirectory()
        >>> tier = tk.Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "2 USD/Mtok"})
        >>> with tk.Governor(tk.Policy(tiers=[tier]), state=folder.name) as governor:
        ...     governor.admit(None, input_tokens=9, max_output_tokens=9).cancel()
        >>> proof = LedgerProof(folder.name)
        >>> proof.run()["ok"], proof.total
        (True, 2)
        >>> folder.cleanup()

    Raises:
        StateError: No ledger is there, or the file is none.

    Cost: one pass over the ledger, some 200,000 entries per second; memory for the reservations that were open at once.

    """

    def __init__(self, state: str | os.PathLike[str]) -> None:
        """Open the ledger of a state directory."""
        self._check = _core.LedgerCheck(state_directory(state))

    @property
    def total(self) -> int:
        """The number of entries."""
        return self._check.total

    def run(self, watch: Callable[[int], None] | None = None) -> dict[str, Any]:
        """Check everything; `watch` is told how many entries are done.

        Returns:
            `ok`; `entries`, those that were checked and fit; `hash` of the last of them, in hex; and `finding`, None or
            the `table`, the entry's `seq` (None where it is no entry's) and `what` differs.

        """
        while self._check.step(_STEP_ENTRIES):
            if watch is not None:
                watch(self._check.checked)
        found = self._check.finding
        return {
            "ok": found is None,
            "entries": self._check.checked,
            "hash": self._check.chain.hex(),
            "finding": found and dict(zip(("table", "seq", "what"), found, strict=True)),
        }
