"""A governor that admits what it is told to and writes down how every admission ended. The only double of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Self

from tierkit.errors import RateLimited
from tierkit.money import Money
from tierkit.request import TokenCount, Usage

INPUT_TOKENS = 11
RESERVED = Money("0.01")


def tier(name: str, *, backend: str | None = None, context_tokens: int | None = None) -> SimpleNamespace:
    return SimpleNamespace(name=name, backend=backend or name, model=f"{name}-model", context_tokens=context_tokens)


class FakeAdmission:
    def __init__(self, governor: FakeGovernor, served: Any, attempt_id: str, asked: dict[str, Any]) -> None:
        self.id = attempt_id
        self.tier, self.backend, self.model = served.name, served.backend, served.model
        self.input_tokens = TokenCount(INPUT_TOKENS)
        self.max_output_tokens = asked["max_output_tokens"]
        self.hit = None
        self.replayed = False
        self.cost: Money | None = None
        self.endings: list[tuple[str, Usage | None]] = []
        self._governor = governor
        self._key = repr(asked["messages"])

    def settle(self, usage: Usage | None = None, *, answer: bytes | None = None, cacheable: bool = True) -> Money:
        self.endings.append(("settle", usage))
        if answer is not None:
            assert cacheable
            self._governor.cache[self._key] = answer
        # A nano-dollar a token, so that tests can read the cost.
        self.cost = RESERVED if usage is None else Money.from_nusd(usage.total_tokens)
        return self.cost

    def cancel(self) -> None:
        self.endings.append(("cancel", None))
        self.cost = Money("0")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.endings:
            assert self.hit is not None, "a client ends every admission that is no cache hit by itself"
            self.endings.append(("hit", None))
            self.cost = Money("0")


class FakeGovernor:
    """Serves the first tier that is allowed and not full."""

    def __init__(self, *tiers: Any, full: tuple[str, ...] = ()) -> None:
        self.policy = SimpleNamespace(tiers=tiers or (tier("small"), tier("large")), backends={})
        self.full = full
        self.admissions: list[FakeAdmission] = []
        self.asked: list[dict[str, Any]] = []
        self.cache: dict[str, bytes] = {}

    def admit(self, prompt: Any, *, id: str | None = None, tiers: Any = None, **asked: Any) -> FakeAdmission:  # noqa: A002
        self.asked.append({**asked, "messages": prompt, "id": id, "tiers": tiers})
        for candidate in self.policy.tiers:
            if (tiers is None or candidate.name in tiers) and candidate.name not in self.full:
                return self._admission(candidate, id or "", {**asked, "messages": prompt})
        raise RateLimited("no tier has room", SimpleNamespace(rule="fake", retry_after_s=1.0))  # type: ignore[arg-type]

    async def admit_async(self, prompt: Any, **asked: Any) -> FakeAdmission:
        return self.admit(prompt, **asked)

    def _admission(self, served: Any, attempt_id: str, asked: dict[str, Any]) -> FakeAdmission:
        admission = FakeAdmission(self, served, attempt_id, asked)
        value = self.cache.get(repr(asked["messages"])) if asked["cache"] == "use" else None
        if value is not None:
            admission.hit = SimpleNamespace(value=value)
        self.admissions.append(admission)
        return admission

    def endings(self) -> list[tuple[str, Usage | None]]:
        """How every admission ended; fails unless each ended exactly once."""
        assert all(len(admission.endings) == 1 for admission in self.admissions), [a.endings for a in self.admissions]
        return [admission.endings[0] for admission in self.admissions]
