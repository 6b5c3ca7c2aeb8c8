"""Spend by labels, and the story of one request, read from a state directory beside whoever writes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tierkit.errors import ConfigError
from tierkit.governor.reading import ledger_spend, ledger_story
from tierkit.money import Money
from tierkit.report.place import state_directory

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

__all__ = ["explain", "spend"]


def spend(state: str | os.PathLike[str], *, by: Sequence[str]) -> dict[str, Any]:
    """Add up a ledger by labels, dearest first.

    Args:
        state: The state directory of a governor; it may be running.
        by: Label names; the governor adds `tier`, `model` and `backend` to those of the requests. A request without one
            of them stands under None. Empty: one row for everything.

    Returns:
        `rows` with the labels, `requests`, `input_tokens`, `output_tokens` and `usd`, and `total_usd`; USD as text.

    Raises:
        ConfigError: A label name that is empty, asked twice, or the name of a figure.
        StateError: No ledger is there, or it cannot be read.

    Cost: one pass over the ledger, memory for the rows of the result alone.

    """
    names = _checked(by)
    rows = ledger_spend(state_directory(state), names)
    rows.sort(key=lambda row: (-row.usd.nusd, [value or "" for value in row.values]))
    total = sum((row.usd for row in rows), Money(0))
    return {
        "rows": [
            {
                **dict(zip(names, row.values, strict=True)),
                "requests": row.requests,
                "input_tokens": row.input_tokens,
                "output_tokens": row.output_tokens,
                "usd": str(row.usd),
            }
            for row in rows
        ],
        "total_usd": str(total),
    }


def explain(state: str | os.PathLike[str], request_id: str) -> list[dict[str, Any]]:
    """Return the ledger's entries of one request, oldest first; empty when it knows no such request.

    Each has `kind` (reserve, post, void, expire, adjust), `at_ns` (since 1970), `usd`, `labels`, `usage`, `marks`
    (late, overrun, estimated, cached) and `postings`: the change that it made to each budget.

    Raises:
        StateError: No ledger is there, or it cannot be read.

    """
    return [
        {
            "kind": entry["kind"],
            "at_ns": entry["at_ns"],
            "usd": entry["usd"],
            "labels": _parsed(entry["labels"]),
            "usage": _parsed(entry["usage"]),
            "marks": entry["marks"],
            "postings": [{**posting, "key": _parsed(posting["key"])} for posting in entry["postings"]],
        }
        for entry in ledger_story(state_directory(state), request_id)
    ]


_FIGURES = frozenset({"requests", "input_tokens", "output_tokens", "usd"})


def _checked(by: Sequence[str]) -> list[str]:
    names = [name.strip() for name in by]
    for name in names:
        if not name or name in _FIGURES:
            raise ConfigError(f"by '{name}': not a label; name labels such as team, user, tier or model")
        if names.count(name) > 1:
            raise ConfigError(f"by '{name}': asked twice; name each label once")
    return names


def _parsed(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text
