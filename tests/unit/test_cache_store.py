"""`SemanticCache`: exact, near, expired, reported, bounded."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import tierkit as tk
from tierkit.errors import ConfigError

EAST = np.array([1, 0, 0, 0], dtype=np.float32)
NEARLY = np.array([1, 0.1, 0, 0], dtype=np.float32)


class Clock:
    now = 0

    def __call__(self) -> int:
        return self.now


def test_exact_hit() -> None:
    cache = tk.SemanticCache(dim=4)
    entry = cache.put(namespace="acme", key=b"k", value=b"v", ttl_s=60, saved=Decimal("0.01"))
    hit = cache.get(namespace="acme", key=b"k")
    assert hit is not None
    assert (hit.id, hit.value, hit.exact, hit.similarity, hit.saved) == (entry, b"v", True, 1.0, tk.Money("0.01"))
    assert "5 bytes" not in repr(hit)
    assert "exact=True" in repr(hit)
    assert cache.get(namespace="acme", key=b"other") is None


def test_near_hit_needs_its_similarity() -> None:
    cache = tk.SemanticCache(dim=4)
    cache.put(namespace="a", key=b"1", text="what is this", embedding=EAST, value=b"v", ttl_s=60)
    ask: dict[str, Any] = {"namespace": "a", "key": b"2", "text": "what is this?", "embedding": NEARLY}
    hit = cache.get(**ask, min_similarity=0.9)
    assert hit is not None
    assert not hit.exact
    assert hit.similarity == pytest.approx(1 / np.sqrt(1.01), abs=1e-4)
    assert cache.get(**ask, min_similarity=0.999) is None
    assert cache.get(**{**ask, "embedding": None}) is None
    assert cache.get(**{**ask, "namespace": "b"}) is None
    assert cache.get(**{**ask, "embedding": -EAST}, min_similarity=-1.0) is not None
    assert cache.get(**{**ask, "embedding": -EAST}, min_similarity=0) is None


def test_a_blocked_candidate_gives_way_to_the_next() -> None:
    cache = tk.SemanticCache(dim=4)
    cache.put(namespace="a", key=b"1", text="boil 3 eggs", embedding=EAST, value=b"three", ttl_s=60)
    cache.put(namespace="a", key=b"2", text="boil 2 eggs", embedding=NEARLY, value=b"two", ttl_s=60)
    hit = cache.get(namespace="a", key=b"3", text="Boil two eggs!", embedding=EAST, min_similarity=0.9)
    assert hit is not None
    assert hit.value == b"two"
    assert cache.stats()["blocked"] == 1


def test_life_is_absolute() -> None:
    clock = Clock()
    cache = tk.SemanticCache(dim=4, clock=clock)
    cache.put(namespace="a", key=b"k", value=b"v", ttl_s=0.5)
    clock.now = 499_999_999
    assert cache.get(namespace="a", key=b"k") is not None
    clock.now = 500_000_000
    assert cache.get(namespace="a", key=b"k") is None


def test_a_put_replaces() -> None:
    cache = tk.SemanticCache(dim=4)
    first = cache.put(namespace="a", key=b"k", embedding=EAST, value=b"old", ttl_s=60)
    assert cache.put(namespace="a", key=b"k", value=b"new", ttl_s=60) == first
    hit = cache.get(namespace="a", key=b"k")
    assert hit is not None
    assert hit.value == b"new"
    assert len(cache) == 1
    assert cache.get(namespace="a", key=b"q", embedding=EAST) is None


def test_a_reported_pair_never_hits_again() -> None:
    cache = tk.SemanticCache(dim=4)
    put: dict[str, Any] = {"namespace": "a", "key": b"k", "embedding": EAST, "ttl_s": 60}
    ask: dict[str, Any] = {"namespace": "a", "key": b"q", "embedding": NEARLY, "min_similarity": 0.9}
    cache.put(**put, value=b"v")
    hit = cache.get(**ask)
    assert hit is not None
    assert cache.report(hit.id, ok=True)
    assert cache.get(**ask) is not None
    assert cache.report(hit.id, ok=False)
    assert cache.get(**ask) is None
    cache.put(**put, value=b"again")
    assert cache.get(**ask) is None
    assert cache.get(namespace="a", key=b"k") is not None
    cache.put(namespace="a", key=b"q", embedding=NEARLY, value=b"q", ttl_s=60)
    assert cache.report(hit.id, ok=False)
    assert cache.get(namespace="a", key=b"k", embedding=EAST, min_similarity=0.9) is None
    assert not cache.report(12345, ok=False)


def test_decide() -> None:
    cache = tk.SemanticCache()
    assert cache.decide("Boil an egg", "boil an egg", 0.97).hit
    verdict = cache.decide("Can I eat it", "Can't I eat it", 0.5)
    assert not verdict
    assert verdict.reasons == ("negation differs: 0 against 1 negating words",)
    assert cache.decide("Boil an egg", "boil an egg", 0.8, min_similarity=0.8).hit
    with pytest.raises(ConfigError, match="expected a cosine"):
        cache.decide("a", "b", 1.5)


@pytest.mark.parametrize(
    "bad", [{"dim": 0}, {"capacity": 0}, {"capacity_bytes": 0}, {"dim": 1 << 20}, {"capacity": -1}]
)
def test_bounds_are_checked(bad: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="expected"):
        tk.SemanticCache(**bad)


@pytest.mark.parametrize("ttl_s", [-1, -0.5, float("nan"), "soon"])
def test_bad_lives_are_refused(ttl_s: float) -> None:
    with pytest.raises(ConfigError, match="ttl_s"):
        tk.SemanticCache().put(namespace="a", key=b"k", value=b"v", ttl_s=ttl_s)


@pytest.mark.parametrize("ttl_s", [float("inf"), 1e300, 10**12, 10**30])
def test_endless_lives_saturate(ttl_s: float) -> None:
    cache = tk.SemanticCache()
    cache.put(namespace="a", key=b"k", value=b"v", ttl_s=ttl_s)
    assert cache.get(namespace="a", key=b"k") is not None


@pytest.mark.parametrize("saved", [-1, "-0.01", 0.5, "ten"])
def test_bad_savings_are_refused(saved: Any) -> None:
    with pytest.raises(ConfigError):
        tk.SemanticCache().put(namespace="a", key=b"k", value=b"v", ttl_s=1, saved=saved)


@pytest.mark.parametrize("similarity", [float("nan"), 1.1, -1.1, float("inf")])
def test_bad_similarities_are_refused(similarity: float) -> None:
    with pytest.raises(ConfigError, match="expected a cosine"):
        tk.SemanticCache().get(namespace="a", key=b"k", min_similarity=similarity)


def test_stats_count() -> None:
    cache = tk.SemanticCache(dim=4)
    cache.put(namespace="a", key=b"k", value=b"v", ttl_s=60, saved="0.5", embedding=EAST)
    cache.get(namespace="a", key=b"k")
    cache.get(namespace="a", key=b"q", embedding=EAST)
    cache.get(namespace="b", key=b"k")
    stats = cache.stats()
    assert (stats["exact_hits"], stats["semantic_hits"], stats["misses"]) == (1, 1, 1)
    assert (stats["entries"], stats["namespaces"], stats["saved_nusd"]) == (1, 1, 1_000_000_000)
    assert "1 of 100000 entries" in repr(cache)


def test_many_threads() -> None:
    cache = tk.SemanticCache(dim=4, capacity=50)
    errors: list[BaseException] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        try:
            for _ in range(400):
                key = bytes([int(rng.integers(100))])
                vector = rng.standard_normal(4).astype(np.float32)
                cache.put(namespace="a", key=key, embedding=vector, value=key * 3, ttl_s=60)
                key = bytes([int(rng.integers(100))])
                hit = cache.get(namespace="a", key=key, embedding=vector, min_similarity=0.5)
                if hit is not None and hit.exact:
                    assert hit.value == key * 3
                if hit is not None and rng.random() < 0.05:
                    cache.report(hit.id, ok=False)
        except BaseException as error:  # noqa: BLE001 - handed to the main thread
            errors.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(cache) <= 50
