"""A ridge on hashed grams and measures: two heads, weights that any machine fits to the same bits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, cg

from tierkit import _core

BUCKETS = _core.WORD_BUCKETS + _core.CHAR_BUCKETS
# Chosen by leave-one-family-out over {3, 10, 30} x {0.05, 0.15, 0.4} x {1, 2}: mean APGR from 0.518 to 0.528.
PENALTY = 30.0
DENSE_SCALE = 0.4
LEAST_PROMPTS = 2
DENSE_PENALTY = 10.0


class Features(NamedTuple):
    """What the shipped extractor sees. Shapes: grams (n, BUCKETS) sparse, `1 + ln(count)`; dense (n, 18)."""

    grams: sparse.csr_matrix
    dense: np.ndarray

    def take(self, rows: np.ndarray) -> Features:
        """Pick rows by number."""
        return Features(self.grams[rows], self.dense[rows])


def extract(prompts: list[str]) -> Features:
    """Read prompts with the code that serves."""
    ids, tf, row, dense = _core.features(prompts)
    shape = (len(prompts), BUCKETS)
    place = (np.frombuffer(row, np.int64), np.frombuffer(ids, np.int64))
    grams = sparse.csr_matrix((np.frombuffer(tf, np.float32).astype(float), place), shape=shape)
    return Features(grams, np.frombuffer(dense, np.float32).reshape(len(prompts), -1).astype(float))


def centred(values: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Values with mean 0 and deviation 1 inside each source, so that no source's level or scale is learned."""
    out = np.empty_like(values)
    for name in np.unique(source):
        where = source == name
        out[where] = (values[where] - values[where].mean()) / (values[where].std() or 1.0)
    return out


def row_weights(source: np.ndarray) -> np.ndarray:
    """One over the root of the source's size, with mean 1: large sources count more, but not in proportion."""
    _, place, size = np.unique(source, return_inverse=True, return_counts=True)
    weights = 1 / np.sqrt(size[place])
    return weights / weights.mean()


class Model(NamedTuple):
    """A fitted model. Shapes: idf (BUCKETS,); grams (BUCKETS, 2); weights (18, 2); center, low, high (18,)."""

    idf: np.ndarray
    grams: np.ndarray
    weights: np.ndarray
    center: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def wording(self, features: Features) -> np.ndarray:
        """Sum what the grams add to both heads. Shape: (n, 2)."""
        return unit(features.grams, self.idf) @ self.grams

    def structure(self, features: Features) -> np.ndarray:
        """Sum what the measures add to both heads. Shape: (n, 2)."""
        return (np.clip(features.dense, self.low, self.high) - self.center) @ self.weights

    def predict(self, features: Features) -> np.ndarray:
        """Difficulty and gap. Shape: (n, 2)."""
        return self.wording(features) + self.structure(features)

    def known(self, features: Features) -> np.ndarray:
        """Return the share of each row's grams that fall into a trained bucket. Shape: (n,)."""
        hits = features.grams.astype(bool).astype(float) @ (self.idf > 0).astype(float)
        return hits / np.maximum(features.grams.getnnz(axis=1), 1)


def unit(grams: sparse.csr_matrix, idf: np.ndarray) -> sparse.csr_matrix:
    """Grams times idf, each row of length 1."""
    weighted = (grams @ sparse.diags(idf)).tocsr()
    length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    return (sparse.diags(1 / np.where(length > 0, length, 1.0)) @ weighted).tocsr()


def fit(
    features: Features, targets: np.ndarray, source: np.ndarray, *, grams: bool = True, single: bool = True
) -> Model:
    """Fit both heads.

    Args:
        features: The training rows.
        targets: Difficulty and gap, centred; NaN where unknown. Shape: (n, 2).
        source: Names, for the row weights. Shape: (n,).
        grams: False fits the measures alone.
        single: Whether the best single measure is added with as much say as the rest.

    """
    weight = row_weights(source)
    center = np.average(features.dense, axis=0, weights=weight)
    spread = np.sqrt(np.average((features.dense - center) ** 2, axis=0, weights=weight))
    scale = DENSE_SCALE / np.where(spread > 0, spread, 1.0)
    prompts = np.bincount(features.grams.indices, minlength=BUCKETS)
    idf = (
        np.where(prompts >= LEAST_PROMPTS, np.log((1 + len(source)) / (1 + prompts)) + 1, 0.0)
        if grams
        else np.zeros(BUCKETS)
    )
    design = sparse.csr_matrix((features.dense - center) * scale)
    if grams:
        design = sparse.hstack([unit(features.grams, idf), design]).tocsr()
    penalty = PENALTY if grams else DENSE_PENALTY * DENSE_SCALE**2
    found = np.stack([solve(design, targets[:, head], weight, penalty) for head in (0, 1)], axis=1)
    on_grams = found[:BUCKETS] if grams else np.zeros((BUCKETS, 2))
    on_dense = found[-features.dense.shape[1] :] * scale[:, None]
    model = Model(idf, on_grams, on_dense, center, features.dense.min(axis=0), features.dense.max(axis=0))
    return with_single(model, features, targets[:, 0], source) if single else model


def with_single(model: Model, features: Features, difficulty: np.ndarray, source: np.ndarray) -> Model:
    """Give the best single measure as much say over the difficulty as all that was fitted.

    The measure is the one whose correlation with the difficulty inside the training sources is largest in the mean. One
    measure carries over to unseen families better than weights of many, and its errors are others: see REPORT.md.
    """
    measures = np.stack([centred(column, source) for column in features.dense.T], axis=1)
    names = np.unique(source)
    found = np.mean(
        [(measures[source == name] * difficulty[source == name, None]).mean(axis=0) for name in names], axis=0
    )
    best = int(np.argmax(np.abs(found)))
    spread = features.dense[:, best].std() or 1.0
    weights = model.weights.copy()
    weights[best, 0] += np.sign(found[best]) * model.predict(features)[:, 0].std() / spread
    return model._replace(weights=weights)


def solve(design: sparse.csr_matrix, target: np.ndarray, weight: np.ndarray, penalty: float) -> np.ndarray:
    """Weighted ridge without intercept by conjugate gradients; rows without a target are left out."""
    have = np.flatnonzero(~np.isnan(target))
    rows = sparse.diags(np.sqrt(weight[have])) @ design[have]
    normal = LinearOperator((design.shape[1],) * 2, matvec=lambda at: rows.T @ (rows @ at) + penalty * at)
    found, _ = cg(normal, rows.T @ (np.sqrt(weight[have]) * target[have]), rtol=1e-5, maxiter=500)
    return found
