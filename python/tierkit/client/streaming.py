"""What a stream knows while it runs, for the blocking and the asyncio one alike."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from tierkit.client.answer import Attempt, CachedAnswer, total_cost
from tierkit.client.settlement import known_usage
from tierkit.request import Chunk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tierkit.client.flights import Flight
    from tierkit.client.ports import AdmissionLike
    from tierkit.client.walk import Walk
    from tierkit.errors import BackendError
    from tierkit.money import Money
    from tierkit.request import Usage

__all__ = ["StreamState"]

_REPLAY_CHARACTERS = 256


class StreamState:
    """Accumulates chunks and settles exactly once.

    Attributes:
        text: All text that arrived so far.
        id: The request's id.
        tier: The tier that serves.
        model: Its model.
        usage: What was posted; None until the stream ended.
        finish_reason: What ended the answer, once known.
        from_cache: True when a cached answer is replayed.

    """

    def __init__(self, walk: Walk) -> None:
        """Start before the first attempt."""
        self._walk = walk
        self._admission: AdmissionLike | None = None
        self._flight: Flight | None = None
        self._texts: list[str] = []
        self._last_usage: Usage | None = None
        self._tool_calls = False
        self._limits: Sequence[Any] = ()
        self._waiting: deque[Chunk] = deque()
        self._settled = False
        self._shown = False
        self.id = walk.id
        self.tier = ""
        self.model = ""
        self.usage: Usage | None = None
        self.finish_reason: str | None = None
        self.from_cache = False

    @property
    def text(self) -> str:
        """All text that arrived so far."""
        if len(self._texts) > 1:
            self._texts = ["".join(self._texts)]
        return self._texts[0] if self._texts else ""

    @property
    def cost(self) -> Money | None:
        """USD of all attempts together; None until the stream ended."""
        return total_cost(self._walk.attempts) if self._settled else None

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every attempt that ended."""
        return tuple(self._walk.attempts)

    def _start(self, admission: AdmissionLike) -> None:
        self._admission = admission
        self.tier, self.model = admission.tier, admission.model
        self._texts.clear()
        self._waiting.clear()
        self._last_usage, self.finish_reason, self._tool_calls = None, None, False

    def _replay(self, found: CachedAnswer) -> None:
        """Give a cached answer in pieces; readers of a stream expect more than one."""
        self.from_cache = self._settled = self._shown = True
        self.usage, self.finish_reason = found.usage, found.finish_reason
        for start in range(0, len(found.text), _REPLAY_CHARACTERS):
            self._waiting.append(Chunk(found.text[start : start + _REPLAY_CHARACTERS]))
        self._waiting.append(Chunk(usage=found.usage, finish_reason=found.finish_reason, final=True))
        self._land(failed=False)

    def _step(self, *, waits: bool) -> None:
        """Tell who waits for this stream whether it waits for its server or for its reader."""
        if self._flight is not None:
            self._flight.step(waits=waits)

    def _land(self, *, failed: bool) -> None:
        """Let those go on who wait for this stream; only the first call counts."""
        flight, self._flight = self._flight, None
        if flight is not None:
            flight.land(failed=failed)

    def _take(self, chunk: Chunk) -> None:
        """Count a chunk that arrived; the final one settles, even if nobody reads it any more."""
        if chunk.text:
            self._texts.append(chunk.text)
        self._limits = chunk.limits or self._limits
        self._last_usage = chunk.usage or self._last_usage
        self.finish_reason = chunk.finish_reason or self.finish_reason
        self._tool_calls = self._tool_calls or chunk.tool_calls
        self._shown = self._shown or bool(chunk.text) or chunk.tool_calls
        if chunk.final:
            self._settle_whole()

    def _settle_whole(self) -> None:
        if self._settled or self._admission is None:
            return
        self._settled = True
        self.usage = known_usage(self._admission, self._last_usage, self.text, whole=True)
        try:
            self._walk.settle(
                self._admission,
                self.usage,
                text=self.text,
                finish_reason=self.finish_reason,
                tool_calls=self._tool_calls,
                outcome="answered",
                limits=self._limits,
            )
        except BaseException:
            self._land(failed=True)
            raise
        self._land(failed=False)

    def _settle_dropped(self) -> None:
        try:
            if not self._settled and self._admission is not None:
                self._settled = True
                self.usage = self._walk.dropped(self._admission, self._last_usage, self.text)
        finally:
            self._land(failed=True)

    def _settle_failed(self, error: BackendError) -> None:
        """End the attempt; return if another one is to follow."""
        if self._settled or self._admission is None:  # after the final frame nothing can fail any more
            return
        if error.usage is None:
            error.usage = self._last_usage
        if self._shown and error.outcome != "partial":
            error.outcome = "partial"
        self._settled = True
        try:
            self._walk.failed(self._admission, error, text=self.text, shown=self._shown)
        except BaseException:
            self._land(failed=True)
            raise
        finally:
            self.usage = self._walk.attempts[-1].usage
        self._settled = False
        self._admission = None

    def _unknown(self, error: BaseException) -> None:
        """End the attempt that something else than the server ended."""
        if self._settled or self._admission is None:
            return
        if isinstance(error, Exception) and not self._shown:
            self._settled = True
            self._walk.abandoned(self._admission, error)
            self._land(failed=True)
        else:
            self._settle_dropped()
