"""`CacheSettings`: what is answered again without a call."""

from __future__ import annotations

from tierkit.errors import ConfigError
from tierkit.policy.record import Record
from tierkit.policy.words import label_names, quoted, ratio, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CacheSettings"]


class CacheSettings(Record):
    """What the cache keeps, for whom and how long.

    Args:
        enabled: False switches both layers off.
        semantic: True also answers from near-equal questions; False: equal ones only.
        ttl_s: Seconds that an answer lives; 0 stores nothing.
        per: Labels that must be equal for an answer to be shared; empty: all callers share.
        capacity_bytes: Bytes kept, answers and vectors together.
        min_similarity: Cosine from 0 to 1 below which nothing is a hit; None: the calibrated value of the embedder.

    Example:
        >>> from tierkit.policy import CacheSettings
        >>> CacheSettings(semantic=True, per=["org"]).ttl_s
        3600

    """

    __slots__ = ("capacity_bytes", "enabled", "min_similarity", "per", "semantic", "ttl_s")
    __match_args__ = (
        "enabled",
        "semantic",
        "ttl_s",
        "per",
        "capacity_bytes",
        "min_similarity",
    )

    enabled: bool
    semantic: bool
    ttl_s: int
    per: tuple[str, ...]
    capacity_bytes: int
    min_similarity: float | None

    def __init__(
        self,
        *,
        enabled: bool = True,
        semantic: bool = False,
        ttl_s: int = 3600,
        per: Sequence[str] = (),
        capacity_bytes: int = 268_435_456,
        min_similarity: float | None = None,
    ) -> None:
        """Check each value."""
        for key, flag in (("enabled", enabled), ("semantic", semantic)):
            if not isinstance(flag, bool):
                raise ConfigError(f"{key} {quoted(flag)}: expected true or false")
        self._keep(
            enabled=enabled,
            semantic=semantic,
            ttl_s=whole("ttl_s", ttl_s, least=0),
            per=label_names("per", per),
            capacity_bytes=whole("capacity_bytes", capacity_bytes, least=1),
            min_similarity=min_similarity if min_similarity is None else ratio("min_similarity", min_similarity),
        )
