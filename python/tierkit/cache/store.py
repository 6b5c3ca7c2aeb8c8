"""`SemanticCache`: the store with a clock."""

from __future__ import annotations

import time

from tierkit import _core
from tierkit.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from decimal import Decimal

    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Buffer

    from tierkit._core import CacheHit, CacheVerdict, Money

__all__ = ["CAPACITY_BYTES", "SemanticCache"]

CAPACITY_BYTES = 256 * 1024 * 1024
"""Most bytes of a cache unless the caller says otherwise."""

_AGES_S = 1e9


class SemanticCache:
    """Cached answers of one process, by equal key and by near-duplicate question.

    A namespace is compared by equality, and no method takes two: an answer never crosses. Entries and bytes are
    bounded; when full, the entry that saves the least money per byte leaves. All methods may be called from many
    threads.

    Example:
        >>> from tierkit import SemanticCache
        >>> cache = SemanticCache(capacity=1_000)
        >>> id = cache.put(namespace="acme", key=b"k", text="Hi", value=b"Hello", ttl_s=3600, saved="0.01")
        >>> hit = cache.get(namespace="acme", key=b"k")
        >>> hit.value, hit.exact, str(hit.saved)
        (b'Hello', True, '0.01')

    """

    __slots__ = ("_clock", "_store")

    def __init__(
        self,
        *,
        dim: int = 256,
        capacity: int = 100_000,
        path: str | os.PathLike[str] | None = None,
        capacity_bytes: int = CAPACITY_BYTES,
        clock: Callable[[], int] | None = None,
    ) -> None:
        """Make an empty cache.

        Args:
            dim: Values per vector, 1 to 16,384; 256 is what `embed_many` makes.
            capacity: Most entries.
            path: None: this process's memory. A file is not supported yet.
            capacity_bytes: Most bytes, keys, texts and vectors included.
            clock: Gives the time in ns and never runs backwards; None reads the machine's time since boot.

        Raises:
            ConfigError: A bound is zero, the dimension is out of range, or a path is given.

        """
        if path is not None:
            raise ConfigError(f"path {path!r}: this version keeps the cache in memory only; leave path out")
        if min(dim, capacity, capacity_bytes) < 1:
            seen = f"dim {dim}, capacity {capacity}, capacity_bytes {capacity_bytes}"
            raise ConfigError(f"{seen}: expected 1 or more each; leave the cache out instead")
        self._store = _core.CacheStore(dim=dim, capacity=capacity, capacity_bytes=capacity_bytes)
        self._clock = clock or _boot_ns

    def put(
        self,
        *,
        namespace: str | bytes,
        key: bytes,
        value: bytes,
        ttl_s: float,
        text: str = "",
        embedding: NDArray[np.float32] | Buffer | None = None,
        saved: Money | Decimal | int | str = 0,
        tag: str = "",
    ) -> int | None:
        """Keep an answer, in place of an older one with the same namespace and key.

        Args:
            namespace: Whose answer it is, not empty.
            key: Exact key of the request, such as `CacheKeyer.keys` makes.
            value: The answer.
            ttl_s: Life in seconds from now; hits do not extend it, and 0 keeps nothing.
            text: The question, for the guards.
            embedding: The question's vector, of any length above zero; None: found by equal key only.
                Shapes: (dim,), float32.
            saved: What one hit saves, in USD.
            tag: What to find the entry by when it must go, such as the version of a document; see `purge`.

        Returns:
            The entry's id; None when nothing changed, since the life is 0 or the entry alone is larger than the cache.

        Raises:
            ConfigError: The namespace is empty, the vector unusable, or the life or the saving negative.

        Cost: One copy of the value; evictions look at 8 entries each. Detached from the interpreter.

        """
        return self._store.put(
            namespace=namespace,
            key=key,
            text=text,
            embedding=embedding,
            value=value,
            ttl_s=ttl_s,
            saved=saved,
            now_ns=self._clock(),
            tag=tag,
        )

    def get(
        self,
        *,
        namespace: str | bytes,
        key: bytes,
        text: str = "",
        embedding: NDArray[np.float32] | Buffer | None = None,
        min_similarity: float | None = None,
    ) -> CacheHit | None:
        """Return the answer under an equal key, else the nearest one that the guards let through, or None.

        No network, no sleep. The best 8 candidates at or above the similarity are tried, best first.

        Args:
            namespace: Equality key; hits never cross namespaces.
            key: Exact key of the request.
            text: The question, for the guards.
            embedding: Its vector, any length above zero; None looks at equal keys only. Shapes: (dim,), float32.
            min_similarity: Least cosine in [-1, 1], dimensionless; it can only tighten the decision. None: 0.5 where
                both questions have a text, since their words carry most of the decision, 0.95 where one has none.

        Returns:
            CacheHit with `.value .similarity .exact .id .saved`, or None.

        Raises:
            ConfigError: The namespace is empty, the vector unusable, or the similarity no cosine.

        Units: Stored times in ns.
        Cost: One hash for an equal key; O(rows of the namespace · dim) else. Detached from the interpreter.

        """
        return self._store.get(
            namespace=namespace,
            key=key,
            text=text,
            embedding=embedding,
            min_similarity=min_similarity,
            now_ns=self._clock(),
        )

    def report(self, id: int, *, ok: bool) -> bool:  # noqa: A002 - the word of CacheHit.id
        """Note whether a hit was right.

        A right one raises the odds of the entry's later hits, at most three times. A wrong one drops the entry, and
        its key takes part in no semantic hit any more, neither as the stored nor as the new question; equal questions
        are answered again once a new answer is put. The last 65,536 such reports are remembered.

        Returns:
            Whether the entry was still held.

        Example:
            >>> from tierkit import SemanticCache
            >>> cache = SemanticCache()
            >>> id = cache.put(namespace="acme", key=b"k", value=b"wrong", ttl_s=60)
            >>> cache.report(id, ok=False), cache.get(namespace="acme", key=b"k")
            (True, None)

        """
        return self._store.report(id, ok=ok)

    def decide(
        self, text_cached: str, text_new: str, similarity: float, *, min_similarity: float | None = None
    ) -> CacheVerdict:
        """Say whether the answer to one question may serve another, without looking anything up.

        Args:
            text_cached: The question that was answered.
            text_new: The question that is asked.
            similarity: Their cosine in [-1, 1].
            min_similarity: Least cosine of a hit; None as for `get`.

        Returns:
            CacheVerdict with `.hit` and `.reasons`, sentences that say why not.

        Example:
            >>> from tierkit import SemanticCache
            >>> SemanticCache().decide("Boil 2 eggs", "Boil 3 eggs", 0.99).reasons
            ('numbers differ: 2 against 3',)

        """
        return _core.cache_decide(text_cached, text_new, similarity, min_similarity)

    def purge(
        self, *, namespace: str | bytes | None = None, tag: str | None = None, older_than_s: float | None = None
    ) -> int:
        """Drop every entry that fits all that is given, and say how many.

        Args:
            namespace: Of this namespace.
            tag: With this tag.
            older_than_s: Put longer ago than this, in seconds.

        Raises:
            ConfigError: Nothing is given, or the age is negative or no number.

        Cost: One look at each entry; lookups wait meanwhile.

        Example:
            >>> from tierkit import SemanticCache
            >>> cache = SemanticCache()
            >>> id = cache.put(namespace="acme", key=b"k", value=b"v", ttl_s=60, tag="manual v3")
            >>> cache.purge(tag="manual v3"), len(cache)
            (1, 0)

        """
        if older_than_s is None:
            return self._store.purge(namespace=namespace, tag=tag, put_before_ns=None)
        if not 0 <= older_than_s < _AGES_S:
            raise ConfigError(f"older_than_s {older_than_s}: expected seconds, 0 or more and below {_AGES_S:.0e}")
        instant = self._clock() - int(older_than_s * 1e9)
        return self._store.purge(namespace=namespace, tag=tag, put_before_ns=instant)

    def stats(self) -> dict[str, int]:
        """Count what is held and what happened: entries, bytes, hits, misses, and what hits saved in nano-USD."""
        return self._store.stats()

    def __len__(self) -> int:
        """Count the entries, including expired ones that no put has swept yet."""
        return len(self._store)

    def __repr__(self) -> str:
        """Show how full it is."""
        stats = self.stats()
        entries, most_entries = stats["entries"], stats["capacity"]
        size, most_size = stats["bytes"], stats["capacity_bytes"]
        return f"SemanticCache({entries} of {most_entries} entries, {size} of {most_size} bytes)"


def _boot_ns() -> int:
    """Time that goes on while the machine sleeps, so that a life of an hour is an hour."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic_ns() if clock is None else time.clock_gettime_ns(clock)
