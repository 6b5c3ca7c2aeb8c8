"""Answers kept for later: equal questions first, then near-duplicates inside one namespace, never across.

Example:
    >>> import tierkit as tk
    >>> cache = tk.SemanticCache()
    >>> question = "How do I boil an egg?"
    >>> vector = tk.cache.embed(question)
    >>> id = cache.put(namespace="acme", key=b"1", text=question, embedding=vector, value=b"8 min", ttl_s=60)
    >>> again = "how do i boil an egg"
    >>> cache.get(namespace="acme", key=b"2", text=again, embedding=tk.cache.embed(again)).value
    b'8 min'

"""

from __future__ import annotations

from tierkit._core import CacheFile, CacheHit, CacheKeyer, CacheVerdict
from tierkit.cache.embedding import embed, embed_many
from tierkit.cache.store import SemanticCache

__all__ = ["CacheFile", "CacheHit", "CacheKeyer", "CacheVerdict", "SemanticCache", "embed", "embed_many"]
