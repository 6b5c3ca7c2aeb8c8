"""Targets with less noise than the cheap tier's success: the failure of all models, and the length of the answers."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import ridge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rows import Rows

__all__ = ["other_targets"]


def other_targets(path: Path, rows: Rows) -> dict[str, np.ndarray]:
    """Give each target in deviations inside its source; NaN where a source has none. Shapes: (n,)."""
    raw = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    return {
        "failure of all models": -over_models([row.get("scores", {}) for row in raw], rows.source, float),
        "length of the answers": over_models([row.get("out_chars", {}) for row in raw], rows.source, np.log1p),
    }


def over_models(rows: list[dict[str, Any]], source: np.ndarray, value: Callable[[Any], float]) -> np.ndarray:
    """Average over models, each centred inside its source, so that a missing one shifts nothing. Shape: (n,)."""
    found = np.full(len(rows), np.nan)
    for name in np.unique(source):
        places = np.flatnonzero(source == name)
        models = sorted({model for place in places for model, seen in rows[place].items() if seen is not None})
        if not models:
            continue
        table = np.array([
            [np.nan if rows[place].get(model) is None else value(rows[place][model]) for model in models]
            for place in places
        ])  # fmt: skip
        means = np.nanmean(table - np.nanmean(table, axis=0), axis=1)
        found[places] = ridge.centred(np.nan_to_num(means), source[places])
    return found
