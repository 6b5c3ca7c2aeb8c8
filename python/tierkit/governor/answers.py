"""Answers kept by the governor: the canonical key of a request, and which tier answered."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from tierkit.cache import CacheHit, SemanticCache
    from tierkit.governor.prompt import Prompt
    from tierkit.policy import CacheSettings

__all__ = ["Answers", "Place"]

_FILE = "cache.db"
"""The cache's file in a state directory: its own, so that bulk never delays the ledger."""

_ENCODER = "tierkit-grams-1"
"""What makes the vectors: the embedder in the package."""


class Place:
    """Where the answer to one request is kept."""

    __slots__ = ("embedding", "key", "owner", "partition", "text")

    def __init__(self, owner: str, partition: bytes, key: bytes, text: str, embedding: Any) -> None:
        """Keep the parts; the owner is for people, the partition decides."""
        self.owner = owner
        self.partition = partition
        self.key = key
        self.text = text
        self.embedding = embedding


class Answers:
    """The cache behind a governor. Partitions are digests under the cache's own secret, compared by equality."""

    __slots__ = ("_cache", "_clock", "_keyer", "_path", "_settings")

    def __init__(self, settings: CacheSettings, clock: Callable[[], int] | None, state: str | None) -> None:
        """Open the cache of a state directory; one in memory is made when the first request can use it.

        Raises:
            StateError: The file in the directory cannot be used.

        """
        self._settings = settings
        self._clock = clock
        self._cache: SemanticCache | None = None
        self._keyer: Any = None
        self._path = None if state is None else Path(state) / _FILE
        self._open_file()

    def _open_file(self) -> None:
        if self._path is not None and self._cache is None and self._keeps:
            with suppress(OSError):  # a directory that cannot be used is refused by the gate, in its words
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._open(self._path)

    @property
    def _keeps(self) -> bool:
        return self._settings.enabled and self._settings.ttl_s > 0

    def under(self, settings: CacheSettings) -> Answers:
        """Return the cache under other settings, with the same answers. One that is open keeps its size."""
        following = Answers(settings, self._clock, None)
        following._path, following._cache, following._keyer = self._path, self._cache, self._keyer
        following._open_file()
        return following

    def place(self, prompt: Prompt, labels: Mapping[str, str], asked: str, params: dict[str, Any]) -> Place | None:
        """Return where the answer belongs; None when this request must not share answers.

        A request without one of the `per` labels has no tenant to be kept for, so it is not cached.
        """
        settings = self._settings
        if not self._keeps or prompt.content is None:
            return None
        tenant = {name: labels[name] for name in settings.per if name in labels} if settings.per else {}
        if len(tenant) < len(settings.per):
            return None
        keyer = self._keyer or self._open(None)
        partition, key, text = keyer.keys(list(tenant.values()), asked, prompt.messages, params)
        return Place(_owner(tenant), partition, key, text, self._embedding(text) if settings.semantic else None)

    def get(self, place: Place) -> tuple[CacheHit, str, bytes] | None:
        """Return a hit with the tier that answered and the answer, or None."""
        if self._cache is None:
            return None
        hit = self._cache.get(
            namespace=place.partition,
            key=place.key,
            text=place.text,
            embedding=place.embedding,
            min_similarity=self._settings.min_similarity,
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
                owner=place.owner,
            )

    def report(self, id: int, *, ok: bool) -> bool:  # noqa: A002 - the word of CacheHit.id
        """Tell whether a hit was right; see `SemanticCache.report`."""
        return self._cache is not None and self._cache.report(id, ok=ok)

    def flush(self) -> None:
        """Wait until the file holds every answer kept so far."""
        if self._cache is not None:
            self._cache.flush()

    def close(self) -> None:
        """Write what waits and let the file go."""
        if self._cache is not None:
            self._cache.close()

    def _open(self, path: Path | None) -> Any:
        from tierkit.cache import SemanticCache  # noqa: PLC0415 - a policy without a cache never needs it

        self._cache = SemanticCache(
            capacity_bytes=self._settings.capacity_bytes, path=path, encoder=_ENCODER, clock=self._clock
        )
        self._keyer = self._cache.keyer()
        return self._keyer

    @staticmethod
    def _embedding(text: str) -> Any:
        from tierkit.cache import embed  # noqa: PLC0415 - only when the policy turns semantic hits on

        return embed(text)


def _owner(tenant: Mapping[str, str]) -> str:
    """Name a tenant for people: its labels as JSON, which no value can imitate."""
    return json.dumps(tenant, ensure_ascii=False) if tenant else ""
