"""Leave one family out: every prompt is scored by a model that saw none of its family."""

from __future__ import annotations

from typing import TYPE_CHECKING

import metrics
import numpy as np
import ridge

if TYPE_CHECKING:
    from rows import Rows

RANDOM_DRAWS = 20


def targets(rows: Rows) -> np.ndarray:
    """Difficulty (1 - quality of the cheap tier) and gap, centred and scaled inside each source. Shape: (n, 2)."""
    gap = np.full(len(rows.weak), np.nan)
    have = ~np.isnan(rows.strong)
    gap[have] = ridge.centred(rows.strong[have] - rows.weak[have], rows.source[have])
    return np.stack([ridge.centred(1 - rows.weak, rows.source), gap], axis=1)


def left_out(rows: Rows, features: ridge.Features, train: np.ndarray, *, wording: float = ridge.WORDING) -> np.ndarray:
    """Difficulty of every row from a model without its family. Shape: (n,)."""
    score = np.empty(len(rows.prompts))
    fitted: dict[bytes, ridge.Model] = {}
    for family in np.unique(rows.family):
        kept = np.flatnonzero(train & (rows.family != family))
        if kept.tobytes() not in fitted:
            part = rows.take(np.isin(np.arange(len(train)), kept))
            fitted[kept.tobytes()] = ridge.fit(features.take(kept), targets(part), part.source, wording=wording)
        out = np.flatnonzero(rows.family == family)
        score[out] = fitted[kept.tobytes()].difficulty(features.take(out))
    return score


def out_of_fold(rows: Rows, features: ridge.Features, *, seed: int, folds: int = 5) -> np.ndarray:
    """Difficulty of every row from a model that saw the other folds. Shape: (n,)."""
    fold = np.random.default_rng(seed).permutation(len(rows.prompts)) % folds
    score = np.empty(len(rows.prompts))
    for number in range(folds):
        kept, out = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        part = rows.take(fold != number)
        score[out] = ridge.fit(features.take(kept), targets(part), part.source).difficulty(features.take(out))
    return score


def counted(rows: Rows) -> np.ndarray:
    """Return the places of the rows that a frontier model answered."""
    return np.flatnonzero(~np.isnan(rows.strong))


def view(rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give source and both qualities of the rows that count."""
    have = counted(rows)
    return rows.source[have], rows.weak[have], rows.strong[have]


def table(rows: Rows, features: ridge.Features, *, seed: int) -> dict[str, dict[str, float]]:
    """APGR per source and mean for the shipped recipe, its variants and what it must beat."""
    have, seen = counted(rows), view(rows)
    every = np.ones(len(rows.prompts), dtype=bool)
    length = np.array([len(prompt) for prompt in rows.prompts], dtype=float)
    scores = {
        "shipped": left_out(rows, features, rows.clear),
        "all rows": left_out(rows, features, every),
        "measures": left_out(rows, features, rows.clear, wording=0),
        "length": length,
        "oracle": np.nan_to_num(rows.strong - rows.weak),
    }
    found = {name: with_mean(metrics.by_source(score[have], *seen)) for name, score in scores.items()}
    generator = np.random.default_rng(seed)
    draws = [with_mean(metrics.by_source(generator.random(len(have)), *seen)) for _ in range(RANDOM_DRAWS)]
    found["random"] = {name: float(np.mean([draw[name] for draw in draws])) for name in draws[0]}
    found["random"]["spread of the mean"] = float(np.std([draw["mean"] for draw in draws], ddof=1))
    for other in ("length", "measures"):
        low, high = metrics.difference(scores["shipped"][have], scores[other][have], *seen, seed=seed)
        gain = found["shipped"]["mean"] - found[other]["mean"]
        found[f"shipped minus {other}"] = {"low": low, "high": high, "mean": gain}
    return found


def with_mean(values: dict[str, float]) -> dict[str, float]:
    """Add the plain mean to the values."""
    return {**values, "mean": float(np.mean(list(values.values())))}
