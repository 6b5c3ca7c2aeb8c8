"""Reads the ledger of a state directory without a governor, beside whoever writes it."""

from __future__ import annotations

from typing import NamedTuple

from tierkit import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from tierkit.money import Money

__all__ = ["SpendRow", "ledger_spend", "ledger_story"]


class SpendRow(NamedTuple):
    """What the requests with the same label values used and cost.

    Attributes:
        values: The labels' values in the order asked; None where a request lacks the label.
        requests: Settled requests, those from the cache included.
        input_tokens: Their input tokens.
        output_tokens: Their output tokens.
        usd: Their cost.
        saved: What answers from the cache had cost when they were made.
        estimated: The part of the cost that is an estimate.
    """

    values: Sequence[str | None]
    requests: int
    input_tokens: int
    output_tokens: int
    usd: Money
    saved: Money
    estimated: Money


def ledger_spend(directory: str, by: Sequence[str]) -> list[SpendRow]:
    """Add up a ledger by labels.

    Raises:
        StateError: No ledger is there, or it cannot be read.

    Cost: one pass over the ledger; memory for the result alone.
    """
    return [SpendRow(*row) for row in _core.read_spend(directory, by)]


def ledger_story(directory: str, id: str) -> list[dict[str, Any]]:  # noqa: A002 - the word that users read in the ledger
    """Return the entries of one reservation, oldest first; labels, usage and keys are JSON text.

    Raises:
        StateError: No ledger is there, or it cannot be read.
    """
    return _core.read_story(directory, id)
