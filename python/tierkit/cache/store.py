"""`SemanticCache`: the store with a clock."""

from __future__ import annotations

import logging
import os
import time
import weakref

from tierkit import _core
from tierkit.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal
    from types import TracebackType
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Buffer

    from tierkit._core import CacheHit, CacheKeyer, CacheVerdict, Money

__all__ = ["CAPACITY_BYTES", "MEMORY_BYTES", "SemanticCache"]

CAPACITY_BYTES = 256 * 1024 * 1024
"""Most bytes of a cache unless the caller says otherwise."""

MEMORY_BYTES = 64 * 1024 * 1024
"""Most bytes of values in memory where a file holds them too, unless the caller says otherwise."""

_SECRET_BYTES = 32
_log = logging.getLogger("tierkit")

_AGES_S = 1e9


class SemanticCache:
    """Cached answers by equal key and by near-duplicate question, of one process or of all that open one file.

    A namespace is compared by equality, and no method takes two: an answer never crosses. Entries and bytes are
    bounded; when full, the entry that saves the least money per byte leaves. All methods may be called from many
    threads, and in a child after a fork.

    With a `path`, entries outlive the process and are shared by all that open the file: a put is found by the others
    within milliseconds, and so is a report or a purge. `put` never waits for the disk; a crash loses at most the puts
    of the last moment, which are then misses.

    Example:
        >>> from tierkit import SemanticCache
        >>> cache = SemanticCache(capacity=1_000)
        >>> id = cache.put(namespace="acme", key=b"k", text="Hi", value=b"Hello", ttl_s=3600, saved="0.01")
        >>> hit = cache.get(namespace="acme", key=b"k")
        >>> hit.value, hit.exact, str(hit.saved)
        (b'Hello', True, '0.01')

    """

    __slots__ = ("__weakref__", "_clock", "_store")

    def __init__(
        self,
        *,
        dim: int = 256,
        capacity: int = 100_000,
        path: str | os.PathLike[str] | None = None,
        capacity_bytes: int = CAPACITY_BYTES,
        memory_bytes: int = MEMORY_BYTES,
        encoder: str = "",
        clock: Callable[[], int] | None = None,
    ) -> None:
        """Open a cache: an empty one, or what its file holds.

        Args:
            dim: Values per vector, 1 to 16,384; 256 is what `embed_many` makes.
            capacity: Most entries.
            path: A file in a folder that is there, made for this user alone; None: this process's memory.
            capacity_bytes: Most bytes, keys, texts and vectors included.
            memory_bytes: With a path, most bytes of values in memory, of those that wait for the disk, and of one
                value; the others are read from the file when they are hit.
            encoder: With a path, the name of what makes the vectors. A file of another name is refused, since vectors
                of two encoders cannot be compared.
            clock: Gives the time in ns and never runs backwards; None reads the machine's time since boot.

        Raises:
            ConfigError: A bound is zero or the dimension is out of range.
            StateError: The file is of another program, format, encoder or dimension, or cannot be used. A damaged one
                is moved aside with a warning on the logger `tierkit`, and an empty one takes its place.

        Cost: With a path, reads all but the values: 10 to 20 µs per entry.

        """
        if min(dim, capacity, capacity_bytes, memory_bytes) < 1:
            seen = f"dim {dim}, capacity {capacity}, capacity_bytes {capacity_bytes}, memory_bytes {memory_bytes}"
            raise ConfigError(f"{seen}: expected 1 or more each; leave the cache out instead")
        self._clock = clock or _boot_ns
        self._store = _core.CacheStore(
            dim=dim,
            capacity=capacity,
            capacity_bytes=capacity_bytes,
            memory_bytes=memory_bytes,
            secret=os.urandom(_SECRET_BYTES),
            path=path,
            encoder=encoder,
            own_now_ns=None if clock is None else clock(),
        )
        if path is not None:
            if self._store.notice is not None:
                _log.warning("%s", self._store.notice)
            # A program that just ends keeps what it put.
            weakref.finalize(self, self._store.close)

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
        owner: str | None = None,
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
            owner: With a path, whom the answer is kept for, as `tierkit cache stats` names them; it decides nothing.
                None: the namespace.

        Returns:
            The entry's id; None when nothing is kept, since the life is 0, the entry alone is larger than the cache, or
            the disk is so far behind that no more may wait for it.

        Raises:
            ConfigError: The namespace is empty, the vector unusable, or the life or the saving negative.

        Cost: One copy of the value; evictions look at 8 entries each. No file is written here. Detached from the
        interpreter.

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
            owner=owner,
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

        No network, no sleep. The best 8 candidates at or above the similarity are tried, best first. Where several
        entries hold equal answers, the 3 nearest at 0.77 or more that no changed fact keeps apart are heard too: all
        three with one answer are a hit, and one with another shared answer than the candidate's is none.

        Args:
            namespace: Equality key; hits never cross namespaces.
            key: Exact key of the request.
            text: The question, for the guards.
            embedding: Its vector, any length above zero; None looks at equal keys only. Shapes: (dim,), float32.
            min_similarity: Least cosine in [-1, 1], dimensionless; it can only tighten the decision. None: 0.4 where
                both questions have a text, since their words carry most of the decision, 0.95 where one has none.

        Returns:
            CacheHit with `.value .similarity .exact .id .saved`, or None.

        Raises:
            ConfigError: The namespace is empty, the vector unusable, or the similarity no cosine.

        Units: Stored times in ns.
        Cost: One hash for an equal key; O(rows of the namespace · dim) else; with a path, one read of the file where
        the value is not in memory. Detached from the interpreter.

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
        are answered again once a new answer is put. The last 65,536 such reports are remembered, in the file too; a
        bad report returns when the file has it.

        Returns:
            Whether the entry was still held.

        Raises:
            StateError: The file cannot be written; this process follows the report all the same.

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
            StateError: The file cannot be written; this process has dropped the entries all the same.

        Cost: One look at each entry; lookups wait meanwhile. With a path, waits until the file has it; the other
        processes follow within milliseconds.

        Example:
            >>> from tierkit import SemanticCache
            >>> cache = SemanticCache()
            >>> id = cache.put(namespace="acme", key=b"k", value=b"v", ttl_s=60, tag="manual v3")
            >>> cache.purge(tag="manual v3"), len(cache)
            (1, 0)

        """
        now_ns = self._clock()
        if older_than_s is None:
            return self._store.purge(namespace=namespace, tag=tag, put_before_ns=None, now_ns=now_ns)
        if not 0 <= older_than_s < _AGES_S:
            raise ConfigError(f"older_than_s {older_than_s}: expected seconds, 0 or more and below {_AGES_S:.0e}")
        instant = now_ns - int(older_than_s * 1e9)
        return self._store.purge(namespace=namespace, tag=tag, put_before_ns=instant, now_ns=now_ns)

    def keyer(self) -> CacheKeyer:
        """Make keys for requests under this cache's secret, which its file keeps for the next process."""
        return self._store.keyer()

    def flush(self) -> None:
        """Wait until the file holds everything put and reported so far; does nothing without a path.

        Raises:
            StateError: The file cannot be written.

        """
        self._store.flush()

    def close(self) -> None:
        """Write what waits and let the file go. What is in memory is still answered; what is put is not kept."""
        self._store.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def stats(self) -> dict[str, int]:
        """Count what is held and what happened: entries, bytes, hits, misses, and what hits saved in nano-USD.

        With a path also: `waiting` for the disk, `dropped` on the way there, `faults` of it, `damaged` rows passed
        over, `cold_hits` read from the file and those of them that were `lost` there.
        """
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
