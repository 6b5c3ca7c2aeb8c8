"""The embedder in the package."""

from __future__ import annotations

import hashlib
import time

import numpy as np
import pytest

from tierkit.cache import embed, embed_many
from tierkit.errors import ConfigError

TEXTS = ["", " ", "?", "a", "How do I boil an egg?", "Grüße aus Köln", "日本語", "😀", "\ud800", "x" * 5000, "\x00"]


def test_shape_length_and_sameness() -> None:
    vectors = embed_many(TEXTS)
    assert vectors.shape == (len(TEXTS), 256)
    assert vectors.dtype == np.float32
    assert vectors.flags["C_CONTIGUOUS"]
    assert vectors.flags["WRITEABLE"]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(vectors, embed_many(TEXTS))
    np.testing.assert_array_equal(vectors[4], embed(TEXTS[4]))


def test_nothing_to_embed() -> None:
    assert embed_many([]).shape == (0, 256)
    assert embed("").tolist() == [1.0] + [0.0] * 255


def test_the_bits_are_a_contract() -> None:
    """Stored vectors outlive a release: a change of these figures needs a new encoder id."""
    vector = embed("How do I boil an egg?")
    np.testing.assert_allclose(vector[[18, 37, 42]], [0.14002801, -0.56011206, 0.56011206], rtol=1e-7)
    assert hashlib.blake2b(vector.astype("<f4").tobytes(), digest_size=8).hexdigest() == "8c4a2e04ab99018d"


def test_near_is_near() -> None:
    a, b, c = embed_many(["How do I reset my password?", "how do i reset my passwords", "Translate this contract"])
    assert a @ b > 0.65
    assert a @ c < 0.3


def test_only_texts() -> None:
    with pytest.raises(ConfigError, match="expected a list of str"):
        embed_many([b"bytes"])  # type: ignore[list-item]


def test_a_megabyte_is_bounded() -> None:
    text = "word soup " * 100_000
    start = time.perf_counter()
    vector = embed(text)
    assert time.perf_counter() - start < 2
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
