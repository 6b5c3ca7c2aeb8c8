"""What a governor stands on, whatever its policy: the gate, those who wait, the prices and the classifier."""

from __future__ import annotations

from tierkit import _core
from tierkit.errors import ConfigError
from tierkit.governor.model import Model
from tierkit.governor.waiting import Waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tierkit.policy import Policy
    from tierkit.prices import PriceBook
    from tierkit.route import TierClassifier

__all__ = ["Ground"]


class Ground:
    """Opened once, shared by the engines of all policies of a governor.

    Attributes:
        prices: The price book.
        model: The classifier in force.
        clock: A manual clock, or None for the machine's.
        state: The state directory, or None.
        path: The policy's file, or "".
        line: What makes policies versions of one: processes of a line follow each other's whole policy.
    """

    __slots__ = (
        "_durability",
        "_gate",
        "_is_closed",
        "_waiting",
        "clock",
        "line",
        "model",
        "path",
        "prices",
        "state",
    )

    def __init__(
        self,
        policy: Policy,
        *,
        state: str | None,
        clock: _core.ManualClock | None,
        prices: PriceBook | None,
        classifier: TierClassifier | None,
        durability: str,
    ) -> None:
        """Open nothing yet: the first policy is checked before anything is touched."""
        if prices is None:
            from tierkit.prices import PriceBook  # noqa: PLC0415 - a caller with a book of its own needs no other

            prices = PriceBook.default()
        self.prices = prices
        self.model = Model(classifier, state)
        self.clock = clock
        self.state = state
        self.path = policy.path
        self.line = _line(policy) if self.is_shared else "alone"
        self._durability = durability
        self._gate: _core.Gate | None = None
        self._is_closed = False
        self._waiting: Waiting | None = None

    @property
    def is_shared(self) -> bool:
        """Whether other processes may have the same state."""
        return self.state is not None and self.clock is None

    @property
    def gate(self) -> _core.Gate:
        """The gate, while it is open."""
        if self._gate is None:
            raise ConfigError("this one is closed; open another Governor, Ledger or Limiter")
        return self._gate

    def opened(self, policy: Policy) -> _core.Gate:
        """Return the gate, opened by the first policy."""
        if self._gate is None and not self._is_closed:
            self._gate = _core.Gate(
                rules_of(policy),
                state=self.state,
                clock=self.clock,
                durability=self._durability,
                on_state_error=policy.on_state_error,
                line=self.line,
                policy=self.text(policy),
                loaded_ns=policy.loaded_ns,
            )
            self._waiting = Waiting(self._gate, self.clock)
        return self.gate

    @property
    def waiting(self) -> Waiting:
        """Those who wait for room."""
        if self._waiting is None:
            raise ConfigError("this one was never opened; open another Governor")
        return self._waiting

    def text(self, policy: Policy) -> str:
        """Return a policy as other processes read it; "" where there are none."""
        if not self.is_shared:
            return ""
        from tierkit.policy.written import write  # noqa: PLC0415 - memory needs it not

        return write(policy)

    def close(self) -> None:
        """Write what is left and give the state free; who still waits is told that it is closed."""
        gate, self._gate, self._is_closed = self._gate, None, True
        try:
            if gate is not None:
                gate.flush()
        finally:
            if self._waiting is not None:
                self._waiting.close()
            if gate is not None:
                gate.close()


def rules_of(policy: Policy) -> list[_core.LimitRule | _core.BudgetRule]:
    """Return the rules of a policy as the gate takes them."""
    return [*policy.limit_rules(), *policy.budget_rules()]


def _line(policy: Policy) -> str:
    """Name the line of a policy: its file, or what the program that made it had in mind at first."""
    if policy.path:
        return f"file:{policy.path}"
    import hashlib  # noqa: PLC0415 - only for a shared state

    from tierkit.policy.written import write  # noqa: PLC0415 - as above

    return f"code:{hashlib.sha256(write(policy).encode()).hexdigest()[:32]}"
