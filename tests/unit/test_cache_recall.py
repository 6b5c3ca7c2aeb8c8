"""The nearest row is the exact nearest row."""

from __future__ import annotations

import numpy as np
import pytest

import tierkit as tk
from tierkit.cache import embed_many


def recall(rows: np.ndarray, queries: np.ndarray, floor: float) -> tuple[float, int]:
    """Share of queries whose f32 best row at or above the floor is found, ties in f32 counted as right."""
    cache = tk.SemanticCache(dim=rows.shape[1], capacity=len(rows))
    for at, row in enumerate(rows):
        cache.put(namespace="a", key=at.to_bytes(4, "little"), embedding=row, value=at.to_bytes(4, "little"), ttl_s=60)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    right = seen = 0
    for query in queries:
        exact = rows @ query
        if exact.max() < floor:
            continue
        seen += 1
        hit = cache.get(namespace="a", key=b"?", embedding=query.astype(np.float32), min_similarity=floor - 4e-3)
        assert hit is not None
        found = int.from_bytes(hit.value, "little")
        right += bool(exact[found] >= exact.max() - 1e-6)
        assert hit.similarity == pytest.approx(exact[found], abs=4e-3)
    return right / max(seen, 1), seen


@pytest.mark.parametrize("dim", [64, 256, 384, 1536])
def test_recall_is_one_on_crowded_vectors(dim: int) -> None:
    rng = np.random.default_rng(dim)
    centres = rng.standard_normal((20, dim))
    rows = (centres[rng.integers(20, size=2000)] + 0.25 * rng.standard_normal((2000, dim))).astype(np.float32)
    queries = (rows[rng.integers(2000, size=150)] + 0.25 * rng.standard_normal((150, dim))).astype(np.float32)
    share, seen = recall(rows, queries, 0.80)
    assert seen > 100
    assert share == 1.0


def test_recall_is_one_on_texts() -> None:
    verbs = ["reset", "change", "recover", "find", "delete", "rename", "export", "share"]
    things = ["password", "account", "invoice", "photo library", "billing address", "team", "project key", "calendar"]
    ends = ["", " please", " on my phone", " in the app", " without support", " again", " for a friend", " today"]
    texts = [f"how do I {verb} my {thing}{end}" for verb in verbs for thing in things for end in ends]
    queries = [text.replace("how do I", "How can I") + "?" for text in texts[::3]]
    share, seen = recall(embed_many(texts), embed_many(queries), 0.80)
    assert seen > 50
    assert share == 1.0


def test_equal_vectors_of_any_length_are_one() -> None:
    cache = tk.SemanticCache(dim=64)
    vector = np.random.default_rng(1).standard_normal(64).astype(np.float32)
    cache.put(namespace="a", key=b"k", embedding=vector * np.float32(1e-20), value=b"v", ttl_s=60)
    hit = cache.get(namespace="a", key=b"q", embedding=vector * np.float32(1e20), min_similarity=1.0)
    assert hit is not None
    assert hit.similarity == 1.0
