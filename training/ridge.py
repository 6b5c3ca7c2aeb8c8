"""Six measures with a say each, and a ridge on hashed grams: two heads, the same bits on any machine."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, cg

from tierkit import _core

BUCKETS = _core.WORD_BUCKETS + _core.CHAR_BUCKETS
# What makes work for a reader, all upward: numbers; of the ask, different words, units of reading, symbols, rare words,
# sentences. Each has the same say: weights fitted to three sources carry over worse (CANDIDATES.md). Rare words have
# half of it, since a typo makes one: with a full say three typos left close prompts at a rank correlation of 0.76.
WORK = {5: 1.0, 18: 1.0, 19: 1.0, 20: 1.0, 21: 0.5, 22: 1.0}
# Say of the wording beside the work, in deviations inside a source.
WORDING = 0.2
PENALTY = 30.0
DENSE_SCALE = 0.4
LEAST_PROMPTS = 2
# Measures are held so far outside of what training saw, as a part of its range: the work goes on growing.
BEYOND = 0.5


class Features(NamedTuple):
    """What the shipped extractor sees. Shapes: grams (n, BUCKETS) sparse, `1 + ln(count)`; dense (n, 23)."""

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
    """A fitted model. Shapes: idf (BUCKETS,); grams (BUCKETS, 2); weights (23, 2); center, low, high (23,).

    `chance` is the share of unseen grams that hit a trained bucket, `usual` the mean wording in training.
    """

    idf: np.ndarray
    grams: np.ndarray
    weights: np.ndarray
    center: np.ndarray
    low: np.ndarray
    high: np.ndarray
    chance: float = 0.0
    usual: float = 0.0

    def wording(self, features: Features) -> np.ndarray:
        """Sum what the grams add to both heads. Shape: (n, 2)."""
        return unit(features.grams, self.idf) @ self.grams

    def structure(self, features: Features) -> np.ndarray:
        """Sum what the measures add to both heads. Shape: (n, 2)."""
        return (np.clip(features.dense, self.low, self.high) - self.center) @ self.weights

    def predict(self, features: Features) -> np.ndarray:
        """Difficulty and gap. Shape: (n, 2)."""
        return self.wording(features) + self.structure(features)

    def difficulty(self, features: Features) -> np.ndarray:
        """Give the difficulty as it is served: the wording counts as far as it is known. Shape: (n,)."""
        trust = np.clip((self.known(features) - self.chance) / (1 - self.chance), 0, 1)
        return self.structure(features)[:, 0] + self.usual + trust * (self.wording(features)[:, 0] - self.usual)

    def known(self, features: Features) -> np.ndarray:
        """Return the share of each row's grams that fall into a trained bucket. Shape: (n,)."""
        hits = features.grams.astype(bool).astype(float) @ (self.idf > 0).astype(float)
        return hits / np.maximum(features.grams.getnnz(axis=1), 1)


def unit(grams: sparse.csr_matrix, idf: np.ndarray) -> sparse.csr_matrix:
    """Grams times idf, each row of length 1."""
    weighted = (grams @ sparse.diags(idf)).tocsr()
    length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    return (sparse.diags(1 / np.where(length > 0, length, 1.0)) @ weighted).tocsr()


def fit(features: Features, targets: np.ndarray, source: np.ndarray, *, wording: float = WORDING) -> Model:
    """Fit both heads.

    The difficulty is the work plus some wording, which a ridge on the grams learns; the gap is a ridge on grams and
    measures.

    Args:
        features: The training rows.
        targets: Difficulty and gap, centred; NaN where unknown. Shape: (n, 2).
        source: Names, for the row weights. Shape: (n,).
        wording: Say of the wording; 0 leaves the grams out of both heads.

    """
    weight = row_weights(source)
    center = np.average(features.dense, axis=0, weights=weight)
    weights = np.zeros((features.dense.shape[1], 2))
    weights[:, 0] = work(features.dense, source)
    low, high = features.dense.min(axis=0), features.dense.max(axis=0)
    beyond = BEYOND * (high - low)
    model = Model(np.zeros(BUCKETS), np.zeros((BUCKETS, 2)), weights, center, low - beyond, high + beyond)
    return with_grams(model, features, targets, source, wording) if wording else model


def work(dense: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Weights that give each measure of the work its say, and their sum a deviation of 1 inside sources.

    Shapes: (n, 23) to (23,).
    """
    weights = np.zeros(dense.shape[1])
    measures = list(WORK)
    weights[measures] = np.array([*WORK.values()]) / within(dense[:, measures], source)
    return weights / within(dense @ weights, source)


def within(values: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Deviation inside sources, each source alike: root of the mean variance; 1 where nothing varies."""
    spread = np.sqrt(np.mean([values[source == name].var(axis=0) for name in np.unique(source)], axis=0))
    return np.where(spread > 0, spread, 1.0)


def with_grams(model: Model, features: Features, targets: np.ndarray, source: np.ndarray, wording: float) -> Model:
    """Add the wording to the difficulty, and fit the gap."""
    weight = row_weights(source)
    prompts = np.bincount(features.grams.indices, minlength=BUCKETS)
    idf = np.where(prompts >= LEAST_PROMPTS, np.log((1 + len(source)) / (1 + prompts)) + 1, 0.0)
    grams = unit(features.grams, idf)
    spread = np.sqrt(np.average((features.dense - model.center) ** 2, axis=0, weights=weight))
    scale = DENSE_SCALE / np.where(spread > 0, spread, 1.0)
    hard = solve(grams, targets[:, 0], weight, PENALTY)
    hard *= wording / within(grams @ hard, source)
    both = sparse.hstack([grams, sparse.csr_matrix((features.dense - model.center) * scale)]).tocsr()
    gap = solve(both, targets[:, 1], weight, PENALTY)
    weights = np.stack([model.weights[:, 0], gap[BUCKETS:] * scale], axis=1)
    return model._replace(
        idf=idf,
        grams=np.stack([hard, gap[:BUCKETS]], axis=1),
        weights=weights,
        chance=occupancy(idf, features),
        usual=float((grams @ hard).mean()),
    )


def occupancy(idf: np.ndarray, features: Features) -> float:
    """Return the share of unseen grams that hit a trained bucket, words and characters mixed as in training."""
    words = _core.WORD_BUCKETS
    share = float((features.grams.indices < words).mean())
    return share * float((idf[:words] > 0).mean()) + (1 - share) * float((idf[words:] > 0).mean())


def solve(design: sparse.csr_matrix, target: np.ndarray, weight: np.ndarray, penalty: float) -> np.ndarray:
    """Weighted ridge without intercept by conjugate gradients; rows without a target are left out."""
    have = np.flatnonzero(~np.isnan(target))
    rows = sparse.diags(np.sqrt(weight[have])) @ design[have]
    normal = LinearOperator((design.shape[1],) * 2, matvec=lambda at: rows.T @ (rows @ at) + penalty * at)
    found, _ = cg(normal, rows.T @ (np.sqrt(weight[have]) * target[have]), rtol=1e-5, maxiter=500)
    return found
