"""C2: vectors: NaN, Inf, zero, denormal, wrong size, f16, strided, big-endian, read-only: error or right."""

from __future__ import annotations

import array
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tierkit as tk
from tierkit.errors import ConfigError

DIM = 8
GOOD = np.arange(1, DIM + 1, dtype=np.float32)


def put(vector: Any) -> tk.SemanticCache:
    cache = tk.SemanticCache(dim=DIM)
    cache.put(namespace="a", key=b"k", embedding=vector, value=b"v", ttl_s=60)
    return cache


def similarity(stored: Any, asked: Any) -> float:
    hit = put(stored).get(namespace="a", key=b"q", embedding=asked, min_similarity=-1.0)
    assert hit is not None
    return hit.similarity


BAD: dict[str, Any] = {
    "nan": np.where(GOOD == 3, np.nan, GOOD).astype(np.float32),
    "inf": np.where(GOOD == 3, np.inf, GOOD).astype(np.float32),
    "minus inf": np.where(GOOD == 3, -np.inf, GOOD).astype(np.float32),
    "zeros": np.zeros(DIM, np.float32),
    "minus zeros": -np.zeros(DIM, np.float32),
    "short": GOOD[:-1],
    "long": np.append(GOOD, GOOD[:1]),
    "empty": GOOD[:0],
    "f16": GOOD.astype(np.float16),
    "f64": GOOD.astype(np.float64),
    "int32": GOOD.astype(np.int32),
    "uint8": GOOD.astype(np.uint8),
    "big-endian": GOOD.astype(">f4"),
    "matrix": GOOD.reshape(1, DIM),
    "scalar": np.float32(1),
    "bytes": GOOD.tobytes(),
    "list": GOOD.tolist(),
    "text": "vector",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_vectors_are_refused_with_the_fix(name: str) -> None:
    with pytest.raises(ConfigError, match=r"expected|this cache keeps"):
        put(BAD[name])
    with pytest.raises(ConfigError, match=r"expected|this cache keeps"):
        put(GOOD).get(namespace="a", key=b"k", embedding=BAD[name])


@pytest.mark.parametrize("kind", ["f16", "f64", "big-endian", "list", "matrix"])
def test_the_sentence_names_the_conversion(kind: str) -> None:
    with pytest.raises(ConfigError, match=r"numpy\.asarray\(v, dtype=numpy\.float32\)"):
        put(BAD[kind])


def test_a_refused_vector_changes_nothing() -> None:
    cache = put(GOOD)
    with pytest.raises(ConfigError):
        cache.put(namespace="a", key=b"k", embedding=BAD["nan"], value=b"other", ttl_s=60)
    hit = cache.get(namespace="a", key=b"k")
    assert hit is not None
    assert hit.value == b"v"


def test_good_vectors_in_every_dress() -> None:
    read_only = GOOD.copy()
    read_only.flags.writeable = False
    strided = np.repeat(GOOD, 3)[::3]
    backwards = GOOD[::-1].copy()[::-1]
    column = np.stack([GOOD, -GOOD], axis=1)[:, 0]
    unaligned = np.frombuffer(b"\0" + GOOD.tobytes(), dtype=np.float32, offset=1)
    for vector in (
        read_only,
        strided,
        backwards,
        column,
        unaligned,
        array.array("f", GOOD.tolist()),
        GOOD.data,
        GOOD * 7,
    ):
        assert similarity(vector, GOOD) == 1.0


def test_denormal_and_huge() -> None:
    tiny = np.full(DIM, 1e-45, np.float32)
    huge = np.full(DIM, np.finfo(np.float32).max, np.float32)
    assert similarity(tiny, huge) == 1.0
    assert similarity(-tiny, huge) == -1.0


FLOATS = hnp.arrays(np.float32, DIM, elements=st.floats(width=32))


@given(FLOATS, FLOATS)
def test_any_float32_vector_is_refused_or_right(stored: np.ndarray, asked: np.ndarray) -> None:
    def usable(vector: np.ndarray) -> bool:
        return bool(np.isfinite(vector).all() and vector.any())

    if not (usable(stored) and usable(asked)):
        with pytest.raises(ConfigError):
            similarity(stored, asked)
        return
    one, other = stored.astype(np.float64), asked.astype(np.float64)
    exact = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    assert similarity(stored, asked) == pytest.approx(exact, abs=1e-4)
