"""A whole trace through the real governor, on a clock that jumps from event to event.

What is real: every decision, reservation, settlement, window and cache entry; the governor is the one that serves
traffic. What is assumed, since a trace does not tell it:

- An answer takes 0.5 s and then 20 ms per output token (50 tokens/s); its reservation and its slot are held that long.
- A request without a prompt has no difficulty to read. It is given a need that is spread evenly over [0, 1) by a hash
  of its number, so that the tier shares of the policy come out, and the same trace gives the same result. `need` in the
  trace wins.
- A refused request is gone; nobody tries again.
- The baseline is what the admitted requests would cost at the dearest tier's price, those from the cache included.
"""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import islice
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from tierkit.errors import ConfigError, Refused
from tierkit.report.tally import Tally
from tierkit.request import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tierkit._core import ManualClock
    from tierkit.governor import Admission, Governor
    from tierkit.money import Money
    from tierkit.report.trace import TraceRecord

__all__ = ["FIRST_TOKEN_NS", "NS_PER_OUTPUT_TOKEN", "Replay", "Watcher"]

FIRST_TOKEN_NS = 500_000_000
NS_PER_OUTPUT_TOKEN = 20_000_000
_CHUNK = 512
# What the cache keeps for an answer that the trace does not hold; only whether it is found matters here.
_ANSWER = "(an answer of the replayed trace)"
_WORD = 2**64


class Watcher:
    """Sees a replay go by; every method may be left as it is. Times are nanoseconds since 1970 on the virtual clock."""

    def moved(self, ts_ns: int) -> None:
        """See the clock stand at a new arrival."""

    def admitted(self, record: TraceRecord, admission: Admission) -> None:
        """See a request let through, or answered from the cache."""

    def refused(self, record: TraceRecord, refusal: Refused) -> None:
        """See a request that no tier could serve."""

    def settled(self, ts_ns: int, record: TraceRecord, admission: Admission, cost: Money) -> None:
        """See an answer end and its exact cost posted."""


class Replay:
    """Feeds records to a governor and adds up what comes of them.

    Example:
        >>> from tierkit import Governor, Policy, Tier
        >>> from tierkit.report.replay import Replay
        >>> from tierkit.report.trace import TraceRecord
        >>> from tierkit.testing import ManualClock
        >>> tier = Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "2 USD/Mtok"})
        >>> clock = ManualClock(wall_ns=0)
        >>> replay = Replay(Governor(Policy(tiers=[tier]), clock=clock), clock)
        >>> replay.run([TraceRecord(0, {}, None, 1000, 100, None, None, 1)])
        >>> replay.result()["spend_usd"]
        '0.0012'

    """

    def __init__(
        self, governor: Governor, clock: ManualClock, *, place: str = "trace", watcher: Watcher | None = None
    ) -> None:
        """Take the governor and the clock that it reads; `place` names the trace in error sentences."""
        self._governor = governor
        self._clock = clock
        self._place = place
        self._watcher = watcher
        self._tally = Tally(governor)
        self._start_ns = self._now_ns = clock.wall_ns
        self._pending: list[tuple[int, int, Admission, TraceRecord]] = []
        self._admissions = 0
        self._busy_ns = 0

    def run(self, records: Iterable[TraceRecord]) -> None:
        """Replay all records, then let the running requests end. Reading the trace is not counted as deciding.

        Raises:
            ConfigError: `FILE:LINE: sentence` for a request that cannot be admitted, or is from before the clock.

        """
        source = iter(records)
        while chunk := list(islice(source, _CHUNK)):
            began = perf_counter_ns()
            for record in chunk:
                self._one(record)
            self._busy_ns += perf_counter_ns() - began
        began = perf_counter_ns()
        self._settle_until(2**63)
        self._busy_ns += perf_counter_ns() - began

    def result(self) -> dict[str, Any]:
        """Return the figures as `tierkit replay --json` prints them."""
        return self._tally.result(self._busy_ns)

    def _one(self, record: TraceRecord) -> None:
        ts_ns = record.ts_ns
        if ts_ns < self._start_ns:
            seen = f"{self._place}:{record.line}: a request of {ts_ns} ns, but the clock started at {self._start_ns}"
            raise ConfigError(f"{seen}; make it ManualClock(wall_ns={ts_ns})")
        if self._pending and self._pending[0][0] <= ts_ns:
            self._settle_until(ts_ns)
        self._advance(ts_ns)
        if self._watcher is not None:
            began = perf_counter_ns()
            self._watcher.moved(ts_ns)
            self._busy_ns -= perf_counter_ns() - began  # looking on, drawing and pacing are not deciding
        need = record.need
        if need is None and record.prompt is None:
            need = _spread(self._tally.requests)
        try:
            admission = self._governor.admit(
                record.prompt,
                labels=record.labels,
                max_output_tokens=record.max_output_tokens,
                input_tokens=record.input_tokens,
                need=need,
            )
        except Refused as refusal:
            self._tally.refuse(record, refusal)
            if self._watcher is not None:
                self._watcher.refused(record, refusal)
            return
        except ConfigError as error:
            raise ConfigError(f"{self._place}:{record.line}: {error}") from error
        self._take(record, admission)

    def _take(self, record: TraceRecord, admission: Admission) -> None:
        self._tally.admit(record, admission)
        if self._watcher is not None:
            self._watcher.admitted(record, admission)
        if admission.hit is None:
            self._admissions += 1  # breaks ties in the heap, in the order of arrival
            ends_ns = record.ts_ns + FIRST_TOKEN_NS + record.output_tokens * NS_PER_OUTPUT_TOKEN
            heappush(self._pending, (ends_ns, self._admissions, admission, record))

    def _settle_until(self, ts_ns: int) -> None:
        pending = self._pending
        while pending and pending[0][0] <= ts_ns:
            ends_ns, _, admission, record = heappop(pending)
            self._advance(ends_ns)
            usage = Usage(input_tokens=admission.input_tokens, output_tokens=record.output_tokens)
            cost = admission.settle(usage, answer=None if record.prompt is None else _ANSWER)
            self._tally.settle(record, cost)
            if self._watcher is not None:
                self._watcher.settled(ends_ns, record, admission, cost)

    def _advance(self, ts_ns: int) -> None:
        if ts_ns > self._now_ns:
            self._clock.advance(ns=ts_ns - self._now_ns)
            self._now_ns = ts_ns


def _spread(number: int) -> float:
    # splitmix64: consecutive numbers become points that fill [0, 1) evenly. Source: Steele, Lea, Flood, OOPSLA 2014.
    word = (number + 1) * 0x9E3779B97F4A7C15 % _WORD
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 % _WORD
    word = (word ^ word >> 27) * 0x94D049BB133111EB % _WORD
    return ((word ^ word >> 31) >> 11) / 2**53
