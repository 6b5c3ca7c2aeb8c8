"""The store against a dict: put, get, expire, report, and the bounds."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import tierkit as tk

DIM = 16
AXES = np.eye(DIM, dtype=np.float32)
NAMESPACES = st.sampled_from(["a", "b", "ab"])
KEYS = st.integers(0, 5)


class Unbounded(RuleBasedStateMachine):
    """Nothing is evicted: the store is a dict with lives, and near questions find what the dict says.

    Each key asks along its own axis, or leans by a known angle towards its neighbour's.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.cache = tk.SemanticCache(dim=DIM, clock=lambda: self.now)
        self.model: dict[tuple[str, int], tuple[bytes, int, bool]] = {}
        self.cut: set[tuple[str, int]] = set()
        self.ids: dict[int, tuple[str, int]] = {}

    @rule(namespace=NAMESPACES, key=KEYS, value=st.binary(max_size=5), ttl_s=st.integers(0, 5), vector=st.booleans())
    def put(self, namespace: str, key: int, value: bytes, ttl_s: int, vector: bool) -> None:  # noqa: FBT001
        embedding = AXES[key] * np.float32(3) if vector else None
        entry = self.cache.put(namespace=namespace, key=bytes([key]), embedding=embedding, value=value, ttl_s=ttl_s)
        assert (entry is None) == (ttl_s == 0)
        if entry is not None:
            assert self.ids.setdefault(entry, (namespace, key)) == (namespace, key)
            place = (namespace, key)
            self.model[place] = (value, self.now + ttl_s * 10**9, vector and place not in self.cut)

    @rule(ns=st.integers(1, 3 * 10**9))
    def wait(self, ns: int) -> None:
        self.now += ns

    def alive(self, place: tuple[str, int]) -> bool:
        return place in self.model and self.now < self.model[place][1]

    @rule(namespace=NAMESPACES, key=KEYS)
    def get(self, namespace: str, key: int) -> None:
        hit = self.cache.get(namespace=namespace, key=bytes([key]))
        assert (hit is not None) == self.alive((namespace, key))
        if hit is not None:
            assert hit.exact
            assert hit.value == self.model[namespace, key][0]

    @rule(namespace=NAMESPACES, key=KEYS, lean=st.sampled_from([0.0, 0.2, 2.0]))
    def get_near(self, namespace: str, key: int, lean: float) -> None:
        """Asks with a key that is not stored, along the axis of one that may be."""
        asked = AXES[key] + np.float32(lean) * AXES[key + 1]
        hit = self.cache.get(namespace=namespace, key=b"new", embedding=asked, min_similarity=0.85)
        wanted = (namespace, key + 1 if lean > 1 else key)
        if self.alive(wanted) and self.model[wanted][2]:
            assert hit is not None
            assert not hit.exact
            assert hit.value == self.model[wanted][0]
            assert self.ids[hit.id] == wanted
        else:
            assert hit is None

    @rule(namespace=NAMESPACES, key=KEYS, ok=st.booleans())
    def report(self, namespace: str, key: int, ok: bool) -> None:  # noqa: FBT001
        for entry, place in self.ids.items():
            if place == (namespace, key):
                held = self.cache.report(entry, ok=ok)
                assert held or not self.alive(place)
                if not ok:
                    self.cut.add(place)
                    self.model.pop(place, None)

    @invariant()
    def counts(self) -> None:
        alive = sum(self.alive(place) for place in self.model)
        assert alive <= len(self.cache) <= len(self.model)
        if not len(self.cache):
            assert self.cache.stats()["bytes"] == 0
            assert self.cache.stats()["namespaces"] == 0


class Bounded(RuleBasedStateMachine):
    """Anything may be evicted, but what is found is what was put last, and both bounds hold."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.cache = tk.SemanticCache(dim=DIM, capacity=5, capacity_bytes=2_500, clock=lambda: self.now)
        self.model: dict[tuple[str, int], tuple[bytes, int]] = {}

    @rule(
        namespace=NAMESPACES,
        key=st.integers(0, 15),
        size=st.sampled_from([0, 10, 500, 2_000, 3_000]),
        saved=st.integers(0, 3),
        vector=st.booleans(),
    )
    def put(self, namespace: str, key: int, size: int, saved: int, vector: bool) -> None:  # noqa: FBT001
        value = bytes([len(self.model) % 256]) * size
        embedding = AXES[key] if vector else None
        entry = self.cache.put(
            namespace=namespace, key=bytes([key]), embedding=embedding, value=value, ttl_s=2, saved=saved
        )
        assert (entry is None) == (size >= 3_000)
        if entry is not None:
            self.model[namespace, key] = (value, self.now + 2 * 10**9)
            hit = self.cache.get(namespace=namespace, key=bytes([key]))
            assert hit is not None
            assert hit.value == value

    @rule(ns=st.integers(1, 10**9))
    def wait(self, ns: int) -> None:
        self.now += ns

    @rule(namespace=NAMESPACES, key=st.integers(0, 15))
    def get(self, namespace: str, key: int) -> None:
        for embedding in (None, AXES[key]):
            hit = self.cache.get(namespace=namespace, key=bytes([key]), embedding=embedding)
            if hit is not None:
                value, expires_ns = self.model[namespace, key]
                assert hit.value == value
                assert self.now < expires_ns

    @invariant()
    def bounds(self) -> None:
        stats = self.cache.stats()
        assert stats["entries"] == len(self.cache) <= 5
        assert stats["bytes"] <= 2_500
        assert (stats["bytes"] == 0) == (stats["entries"] == 0)


TestUnbounded = Unbounded.TestCase
TestUnbounded.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestBounded = Bounded.TestCase
TestBounded.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
