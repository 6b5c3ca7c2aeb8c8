"""Answers kept by the governor: the canonical key of a request, and which tier answered."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from tierkit.cache import CacheHit, SemanticCache
    from tierkit.governor.prompt import Prompt
    from tierkit.policy import CacheSettings

__all__ = ["Answers", "Place"]

_SECRET_BYTES = 32


class Place:
    """Where the answer to one request is kept."""

    __slots__ = ("embedding", "key", "partition", "text")

    def __init__(self, partition: bytes, key: bytes, text: str, embedding: Any) -> None:
        """Keep the parts."""
        self.partition = partition
        self.key = key
        self.text = text
        self.embedding = embedding


class Answers:
    """The cache behind a governor. Partitions are digests keyed by a secret of this process, compared by equality."""

    __slots__ = ("_cache", "_clock", "_keyer", "_settings")

    def __init__(self, settings: CacheSettings, clock: Callable[[], int] | None) -> None:
        """Make nothing yet: the cache is built when the first request can use it."""
        self._settings = settings
        self._clock = clock
        self._cache: SemanticCache | None = None
        self._keyer: Any = None

    def place(self, prompt: Prompt, labels: Mapping[str, str], asked: str, params: Mapping[str, Any]) -> Place | None:
        """Return where the answer belongs; None when this request must not share answers.

        A request without one of the `per` labels has no tenant to be kept for, so it is not cached.
        """
        settings = self._settings
        if not settings.enabled or settings.ttl_s == 0 or prompt.content is None:
            return None
        namespace = [labels[name] for name in settings.per if name in labels]
        if len(namespace) < len(settings.per):
            return None
        keyer = self._keyer or self._open()
        partition, key, text = keyer.keys(namespace, asked, prompt.messages, dict(params))
        return Place(partition, key, text, self._embedding(text) if settings.semantic else None)

    def get(self, place: Place) -> tuple[CacheHit, str, bytes] | None:
        """Return a hit with the tier that answered and the answer, or None."""
        if self._cache is None:
            return None
        settings = self._settings
        bound = {} if settings.min_similarity is None else {"min_similarity": settings.min_similarity}
        hit = self._cache.get(
            namespace=place.partition, key=place.key, text=place.text, embedding=place.embedding, **bound
        )
        if hit is None:
            return None
        tier, _, value = hit.value.partition(b"\0")
        return hit, tier.decode(), value

    def put(self, place: Place, tier: str, value: bytes, saved: Any) -> None:
        """Keep an answer for the policy's time."""
        if self._cache is not None:
            self._cache.put(
                namespace=place.partition,
                key=place.key,
                text=place.text,
                embedding=place.embedding,
                value=tier.encode() + b"\0" + value,
                ttl_s=self._settings.ttl_s,
                saved=saved,
            )

    def report(self, id: int, *, ok: bool) -> bool:  # noqa: A002 - the word of CacheHit.id
        """Tell whether a hit was right; see `SemanticCache.report`."""
        return self._cache is not None and self._cache.report(id, ok=ok)

    def _open(self) -> Any:
        from tierkit.cache import CacheKeyer, SemanticCache  # noqa: PLC0415 - a policy without a cache never needs it

        self._keyer = CacheKeyer(os.urandom(_SECRET_BYTES))
        self._cache = SemanticCache(capacity_bytes=self._settings.capacity_bytes, clock=self._clock)
        return self._keyer

    @staticmethod
    def _embedding(text: str) -> Any:
        from tierkit.cache import embed  # noqa: PLC0415 - only when the policy turns semantic hits on

        return embed(text)
