"""What the client needs from a governor, whichever one it is: in this process or behind a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from types import TracebackType

    from tierkit.money import Money
    from tierkit.request import TokenCount, Usage

__all__ = ["AdmissionLike", "GovernorLike", "HitLike", "PolicyLike", "TierLike"]


class TierLike(Protocol):
    """A tier of the policy; tiers are ordered, cheapest first."""

    @property
    def name(self) -> str:
        """The tier's name."""

    @property
    def backend(self) -> str:
        """The name of its backend."""

    @property
    def model(self) -> str:
        """The model that its backend knows."""

    @property
    def context_tokens(self) -> int | None:
        """Its context window, when the policy says it."""


class PolicyLike(Protocol):
    """The parts of a policy that the client reads."""

    @property
    def tiers(self) -> Sequence[Any]:
        """`TierLike`, cheapest first."""

    @property
    def backends(self) -> Mapping[str, Any]:
        """Settings by name."""


class HitLike(Protocol):
    """A cached answer."""

    @property
    def value(self) -> bytes:
        """The bytes that were given to `settle`."""


class AdmissionLike(Protocol):
    """An admitted attempt: a reservation that ends exactly once."""

    @property
    def id(self) -> str:
        """The attempt's id."""

    @property
    def tier(self) -> str:
        """The tier that serves."""

    @property
    def model(self) -> str:
        """Its model."""

    @property
    def backend(self) -> str:
        """Its backend."""

    @property
    def hit(self) -> Any:
        """`HitLike` or None."""

    @property
    def replayed(self) -> bool:
        """Whether its id was admitted before, so that nothing more is on hold."""

    @property
    def input_tokens(self) -> TokenCount:
        """Tokens of the prompt."""

    @property
    def max_output_tokens(self) -> int | None:
        """Upper bound of the answer."""

    @property
    def cost(self) -> Money | None:
        """What was posted, once it was."""

    def settle(self, usage: Usage | None = None, *, answer: str | bytes | None = None, cacheable: bool = True) -> Money:
        """Post what was used; None posts the reservation in full."""

    def cancel(self) -> None:
        """Give everything back: nothing was sent."""

    def __enter__(self) -> Any:
        """Hold."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        """End as the governor's rules say."""


class GovernorLike(Protocol):
    """What decides: `tierkit.Governor` or one that speaks to a sidecar."""

    @property
    def policy(self) -> Any:
        """`PolicyLike`."""

    def admit(
        self,
        prompt: str | Sequence[Mapping[str, Any]] | None,
        *,
        labels: Mapping[str, str] | None = None,
        max_output_tokens: int | None = None,
        id: str | None = None,  # noqa: A002 - the word that users read in the ledger
        params: Mapping[str, Any] | None = None,
        tiers: Collection[str] | None = None,
        cache: str = "use",
        wait_s: float = 0.0,
        priority: str = "normal",
    ) -> Any:
        """Return an `AdmissionLike`, or raise `Refused`."""

    async def admit_async(
        self,
        prompt: str | Sequence[Mapping[str, Any]] | None,
        *,
        labels: Mapping[str, str] | None = None,
        max_output_tokens: int | None = None,
        id: str | None = None,  # noqa: A002 - the word that users read in the ledger
        params: Mapping[str, Any] | None = None,
        tiers: Collection[str] | None = None,
        cache: str = "use",
        wait_s: float = 0.0,
        priority: str = "normal",
    ) -> Any:
        """Return an `AdmissionLike`, or raise `Refused`."""
