"""C5: 100,000 puts over capacity, large answers, a life of zero: entries and bytes stay bounded."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import tierkit as tk

if TYPE_CHECKING:
    from pathlib import Path

VECTOR = np.ones(64, dtype=np.float32)


@pytest.mark.parametrize("with_vector", [False, True])
def test_a_hundred_thousand_puts(with_vector: bool) -> None:  # noqa: FBT001
    cache = tk.SemanticCache(dim=64, capacity=1_000, capacity_bytes=600_000)
    for n in range(100_000):
        cache.put(
            namespace=f"tenant {n % 7}",
            key=n.to_bytes(4, "little"),
            embedding=VECTOR if with_vector else None,
            value=bytes(n % 500),
            ttl_s=60,
        )
        if n % 997 == 0:
            stats = cache.stats()
            assert len(cache) <= 1_000
            assert stats["bytes"] <= 600_000
    stats = cache.stats()
    assert stats["entries"] + stats["evicted"] == 100_000
    assert stats["namespaces"] <= 7
    assert stats["entries"] > 500


@pytest.mark.parametrize("room", [{}, {"capacity_bytes": 1 << 33}])
def test_an_answer_of_a_gigabyte_is_kept_out_without_a_copy(tmp_path: Path, room: dict[str, int]) -> None:
    huge = bytes(1 << 30)  # zero pages that nobody touches take no memory
    before = resident_bytes()
    with tk.SemanticCache(path=tmp_path / "cache.db", **room) as cache:
        assert cache.put(namespace="a", key=b"k", value=huge, ttl_s=60) is None
        stats = cache.stats()
        assert stats["dropped"] + stats["refused"] == 1
        assert stats["entries"] == stats["bytes"] == stats["hot_bytes"] == 0
        assert cache.put(namespace="a", key=b"k", value=b"small", ttl_s=60) is not None
    assert tk.SemanticCache().put(namespace="a", key=b"k", value=huge, ttl_s=60) is None
    assert resident_bytes() - before < 200_000_000


def resident_bytes() -> int:
    """The most that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_all_bytes_are_counted() -> None:
    cache = tk.SemanticCache(dim=64)
    sizes = [0]
    parts: tuple[dict[str, Any], ...] = ({}, {"text": "t" * 100_000}, {"embedding": VECTOR}, {"value": b"v" * 100_000})
    for part in parts:
        cache.put(**{"namespace": "n" * 10, "key": b"k", "value": b"", "ttl_s": 60, **part})
        sizes.append(cache.stats()["bytes"])
    assert sizes[1] > 0
    assert sizes[2] - sizes[1] == 100_000
    assert sizes[3] - sizes[1] >= 2 * 64
    assert sizes[4] - sizes[1] == 100_000
    cache.put(namespace="n" * 10, key=b"x" * 50_000, value=b"", ttl_s=60)
    assert cache.stats()["bytes"] - sizes[4] > 49_000


def test_large_answers_are_bounded_and_larger_ones_refused() -> None:
    cache = tk.SemanticCache(capacity_bytes=1 << 20)
    large = bytes(400_000)
    for n in range(200):
        assert cache.put(namespace="a", key=bytes([n]), value=large, ttl_s=60) is not None
        assert cache.stats()["bytes"] <= 1 << 20
    assert len(cache) == 2
    assert cache.put(namespace="a", key=b"big", value=bytes(1 << 20), ttl_s=60) is None
    assert len(cache) == 2
    assert cache.stats()["refused"] == 1


@pytest.mark.parametrize("ttl_s", [0, 0.0, 1e-12])
def test_a_life_of_zero_keeps_nothing(ttl_s: float) -> None:
    cache = tk.SemanticCache()
    assert cache.put(namespace="a", key=b"k", value=b"v", ttl_s=ttl_s) is None
    assert (len(cache), cache.stats()["bytes"]) == (0, 0)
    assert cache.get(namespace="a", key=b"k") is None


def test_reports_of_unknown_ids_are_bounded() -> None:
    cache = tk.SemanticCache(dim=64)
    for entry in range(70_000):
        cache.report(entry, ok=False)
    assert len(cache) == 0


def test_dear_answers_outlive_cheap_ones() -> None:
    cache = tk.SemanticCache(capacity=100)
    for n in range(20):
        cache.put(namespace="a", key=b"dear" + bytes([n]), value=b"v", ttl_s=60, saved="1")
    for n in range(5_000):
        cache.put(namespace="a", key=n.to_bytes(4, "little"), value=b"v", ttl_s=60, saved="0.000001")
    kept = sum(cache.get(namespace="a", key=b"dear" + bytes([n])) is not None for n in range(20))
    assert kept == 20


def test_one_tenant_cannot_push_out_another() -> None:
    cache = tk.SemanticCache(capacity=100, capacity_bytes=60_000)
    for n in range(10):
        cache.put(namespace="quiet", key=bytes([n]), value=bytes(200), ttl_s=60, saved="0.01")
    for n in range(5_000):
        cache.put(namespace="loud", key=n.to_bytes(4, "little"), value=bytes(200), ttl_s=60, saved="0.01")
    assert all(cache.get(namespace="quiet", key=bytes([n])) is not None for n in range(10))


def test_a_gigabyte_is_refused_without_a_copy() -> None:
    cache = tk.SemanticCache()
    huge = bytes(1 << 30)
    assert cache.put(namespace="a", key=b"k", value=huge, ttl_s=60) is None
    assert cache.put(namespace="a", key=huge[: 1 << 29], value=b"", ttl_s=60) is None
    assert (len(cache), cache.stats()["bytes"], cache.stats()["refused"]) == (0, 0, 2)
