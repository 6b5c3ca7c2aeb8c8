"""Tell once that the ledger cannot be written while requests are admitted all the same, and once that it can again."""

from __future__ import annotations

import logging

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tierkit import _core

__all__ = ["tell_trouble"]

_log = logging.getLogger("tierkit")


def tell_trouble(gate: _core.Gate) -> None:
    """Log a change of the disk's state, once per process; costs a word of memory to look at while there is none."""
    news = gate.trouble()
    if news is None:
        return
    fault, lacking, posted = news
    if fault is not None:
        _log.warning('%s; requests are admitted meanwhile (on_state_error = "allow")', fault)
    elif lacking:
        _log.warning("the ledger is written again; it lacks %d requests, with %s USD posted so far", lacking, posted)
    else:
        _log.warning("the ledger is written again, and has everything")
