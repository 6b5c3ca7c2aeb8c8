"""What is known of one request."""

from __future__ import annotations

from tierkit import _core
from tierkit.errors import UnknownReservation

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from typing import Any

__all__ = ["story"]


def story(gate: _core.Gate, state: str | os.PathLike[str] | None, id: str) -> dict[str, Any]:  # noqa: A002
    """Return state, labels and accounts of a reservation, and its ledger entries when there is a ledger."""
    known = gate.reservation(id)
    entries: list[dict[str, Any]] = []
    if state is not None:
        gate.flush()
        entries = _core.read_story(str(state), id)
    if known is None and not entries:
        raise UnknownReservation(f"reservation '{id}' was never made here, or ended too long ago to be remembered")
    answer: dict[str, Any] = {"id": id, "entries": entries}
    if known is not None:
        name, labels, reserved, takes, _ = known
        answer |= {
            "state": name,
            "labels": labels,
            "reserved_usd": str(reserved),
            "scopes": [{"rule": rule, "key": key, "amount": amount} for rule, key, amount in takes],
        }
    return answer
