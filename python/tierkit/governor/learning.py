"""What a governor learns from: the features of requests, and what is said of their answers."""

from __future__ import annotations

import logging
import os
from hashlib import blake2b
from typing import TYPE_CHECKING

from tierkit.errors import ConfigError, StateError
from tierkit.route.ask import human_ask
from tierkit.route.notebook import Notebook, Noted
from tierkit.route.refit import features_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from tierkit.policy import Routing

__all__ = ["Draws", "Learning", "noted", "quality_of", "text_of"]

_log = logging.getLogger("tierkit")


class Draws:
    """Chance by request id: the same id is always drawn alike, and only who knows the key can tell which ones are."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        """Take the key."""
        self._key = key

    def falls(self, purpose: bytes, id: str, share: float) -> bool:  # noqa: A002 - the word of the ledger
        """Whether an id is among the share that is drawn for a purpose."""
        digest = blake2b(id.encode("utf-8", "surrogatepass"), digest_size=8, key=self._key, person=purpose).digest()
        return int.from_bytes(digest, "little") < share * 2**64


class Learning:
    """The notebook of a governor; a trouble of it never fails a request.

    Attributes:
        book: The notebook.
        draws: Which requests are explored, and which are answered twice.
    """

    __slots__ = ("_tiers", "_warned", "book", "draws")

    def __init__(self, routing: Routing, state: str | None, tiers: Sequence[str]) -> None:
        """Open nothing yet, unless chance needs its key; `tiers` are the names, cheapest first."""
        self.book = Notebook.at(state)
        self.draws = Draws(self.book.fact("draws", os.urandom(32))) if routing.explore or routing.shadow else None
        self._warned = False
        self._tiers = ",".join(tiers).encode()

    def note(self, noted: Noted) -> None:
        """Remember a request that was admitted."""
        self.book.note(noted)

    def write_if_due(self) -> None:
        """Write what waits, once it is enough; called when a request has ended."""
        if self.book.is_due():
            self.close()

    def close(self) -> None:
        """Write what waits."""
        try:
            self.book.write()
        except StateError as error:
            if not self._warned:
                _log.warning("%s; requests are not remembered meanwhile", error)
            self._warned = True

    def label(self, id: str, tier: str, quality: float, at_ns: int) -> bool:  # noqa: A002 - as above
        """Write what is said of an answer."""
        # Who fits from outside has no policy that says which tier is the cheapest.
        self.book.fact("tiers", self._tiers)
        return self.book.label(id, tier, quality, at_ns)


def text_of(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the ask that a request is about: the one before, where it is only a short reply."""
    ask = human_ask(messages)
    return ask.text if ask.previous is None else ask.previous


def noted(id: str, text: str, *, at_ns: int, tier: str, need: float | None, propensity: float) -> Noted:  # noqa: A002 - as above
    """Describe a request by its features."""
    ids, tf, dense = features_of(text)
    return Noted(id, at_ns, tier, need, propensity, ids, tf, dense)


def quality_of(*, ok: bool | None, quality: float | None) -> float:
    """Return the quality that is meant, in [0, 1]."""
    if (ok is None) == (quality is None):
        raise ConfigError(f"ok={ok!r}, quality={quality!r}: expected one of them")
    if ok is not None:
        return 1.0 if ok else 0.0
    if isinstance(quality, bool) or not isinstance(quality, (int, float)) or not 0 <= quality <= 1:
        raise ConfigError(f"quality={quality!r}: expected a number from 0 (useless) to 1 (as good as wanted)")
    return float(quality)
