"""The forms of model that were tried beside the shipped one; each learns on some families and scores another."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import ridge
from scipy.optimize import nnls
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.neural_network import MLPRegressor

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

__all__ = ["FORMS", "Fold", "equal"]

OLDER = tuple(range(18))
DIFFERENT, UNITS = 18, 19


class Fold(NamedTuple):
    """Training and left-out rows of one family. Shapes: dense (n, 23); targets (n, 2); out (m, 23)."""

    dense: np.ndarray
    targets: np.ndarray
    source: np.ndarray
    out: np.ndarray

    def of(self, measures: Sequence[int]) -> Fold:
        """Keep some measures."""
        return self._replace(dense=self.dense[:, measures], out=self.out[:, measures])

    def scaled(self) -> tuple[np.ndarray, np.ndarray]:
        """Measures with mean 0 and deviation 1, the left-out ones held inside the training range."""
        spread = self.dense.std(axis=0)
        spread[spread == 0] = 1.0
        held = np.clip(self.out, self.dense.min(axis=0), self.dense.max(axis=0))
        return (self.dense - self.dense.mean(axis=0)) / spread, (held - self.dense.mean(axis=0)) / spread

    def known(self, head: int) -> np.ndarray:
        """Rows whose target is known."""
        return ~np.isnan(self.targets[:, head])


def equal(fold: Fold, measures: Collection[int], weights: np.ndarray | float = 1.0) -> np.ndarray:
    """Sum measures in deviations inside sources."""
    part = fold.of(list(measures))
    return part.out / ridge.within(part.dense, fold.source) @ np.broadcast_to(weights, len(measures))


def linear(fold: Fold, head: int = 0, *, inside: bool = False, penalty: float = 10.0) -> np.ndarray:
    """Ridge on the measures; `inside` learns from differences inside sources only."""
    design, out = fold.scaled()
    if inside:
        for name in np.unique(fold.source):
            design[fold.source == name] -= design[fold.source == name].mean(axis=0)
    known = fold.known(head)
    weighted = design[known] * ridge.row_weights(fold.source[known])[:, None]
    normal = weighted.T @ design[known] + penalty * np.eye(design.shape[1])
    return out @ np.linalg.solve(normal, weighted.T @ fold.targets[known, head])


def upward(fold: Fold) -> np.ndarray:
    """Least squares inside sources, each source one vote, no weight below zero."""
    design = fold.dense / ridge.within(fold.dense, fold.source)
    rows = [np.flatnonzero(fold.source == name) for name in np.unique(fold.source)]
    left = np.vstack([(design[row] - design[row].mean(axis=0)) / np.sqrt(len(row)) for row in rows])
    right = np.concatenate([fold.targets[row, 0] / np.sqrt(len(row)) for row in rows])
    return fold.out / ridge.within(fold.dense, fold.source) @ nnls(left, right)[0]


def single(fold: Fold) -> np.ndarray:
    """Take the measure whose correlation inside the training sources is largest in the mean."""
    measures = np.stack([ridge.centred(column, fold.source) for column in fold.dense.T], axis=1)
    names = np.unique(fold.source)
    found = np.mean(
        [(measures[fold.source == name] * fold.targets[fold.source == name, :1]).mean(axis=0) for name in names], axis=0
    )
    best = int(np.argmax(np.abs(found)))
    return np.sign(found[best]) * fold.scaled()[1][:, best]


def trees(fold: Fold, head: int = 0) -> np.ndarray:
    """Gradient-boosted trees on the measures."""
    known = fold.known(head)
    model = HistGradientBoostingRegressor(
        max_iter=60, learning_rate=0.05, max_leaf_nodes=6, min_samples_leaf=100, l2_regularization=10, random_state=0
    )
    weight = ridge.row_weights(fold.source[known])
    return model.fit(fold.dense[known], fold.targets[known, head], sample_weight=weight).predict(fold.out)


def network(fold: Fold, *, tasks: int = 1, seeds: int = 3) -> np.ndarray:
    """Average small networks; two tasks learn difficulty and gap from the same hidden units."""
    design, out = fold.scaled()
    target = np.nan_to_num(fold.targets) if tasks > 1 else fold.targets[:, 0]
    found = []
    for seed in range(seeds):
        model = MLPRegressor(random_state=seed, alpha=3.0, learning_rate_init=0.003, max_iter=20, batch_size=256)
        model.set_params(hidden_layer_sizes=(16,))
        made = model.fit(design, target).predict(out)
        found.append(made[:, 0] if tasks > 1 else made)
    return np.mean(found, axis=0)


def without(measure: int) -> list[int]:
    """Give the measures of work but one."""
    return [kept for kept in ridge.WORK if kept != measure]


FORMS: dict[str, Callable[[Fold], np.ndarray]] = {
    "different words of the ask alone": lambda fold: equal(fold, [DIFFERENT]),
    "units of the ask alone": lambda fold: equal(fold, [UNITS]),
    "six measures, equal say": lambda fold: equal(fold, ridge.WORK),
    "six measures, rare words with half a say": lambda fold: equal(fold, ridge.WORK, np.array([*ridge.WORK.values()])),
    "... without numbers": lambda fold: equal(fold, without(5)),
    "... without different words": lambda fold: equal(fold, without(18)),
    "... without units": lambda fold: equal(fold, without(19)),
    "... without symbols": lambda fold: equal(fold, without(20)),
    "... without rare words": lambda fold: equal(fold, without(21)),
    "... without sentences": lambda fold: equal(fold, without(22)),
    "six measures, fitted, none below zero": lambda fold: upward(fold.of(list(ridge.WORK))),
    "six measures, ridge": lambda fold: linear(fold.of(list(ridge.WORK))),
    "18 measures, ridge": lambda fold: linear(fold.of(OLDER)),
    "23 measures, ridge": linear,
    "23 measures, ridge inside sources": lambda fold: linear(fold, inside=True),
    "23 measures, ridge, target gap": lambda fold: linear(fold, 1),
    "best single measure": single,
    "23 measures, boosted trees": trees,
    "23 measures, boosted trees, target gap": lambda fold: trees(fold, 1),
    "23 measures, 3 networks of 16": network,
    "23 measures, networks, two tasks": lambda fold: network(fold, tasks=2),
}
