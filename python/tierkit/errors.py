"""The errors of tierkit, as one tree.

    TierkitError
    ├── ConfigError (also ValueError)
    │   └── PriceMissing
    ├── Refused
    │   ├── RateLimited · ConcurrencyLimited
    │   ├── BudgetExceeded
    │   └── RequestTooLarge
    ├── LedgerError: UnknownReservation · AlreadySettled · ReservationConflict
    ├── StateError
    ├── BackendError: BackendTimeout · BackendUnavailable · BackendOverloaded · BackendRejected
    └── MissingExtra (also ImportError)

Every message is one sentence with the value seen, the value wanted and the fix.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from tierkit._core import Decision, Usage

__all__ = [
    "AlreadySettled",
    "BackendError",
    "BackendOverloaded",
    "BackendRejected",
    "BackendTimeout",
    "BackendUnavailable",
    "BudgetExceeded",
    "ConcurrencyLimited",
    "ConfigError",
    "LedgerError",
    "MissingExtra",
    "PriceMissing",
    "Problem",
    "RateLimited",
    "Refused",
    "RequestTooLarge",
    "ReservationConflict",
    "StateError",
    "TierkitError",
    "UnknownReservation",
    "UnsettledWarning",
]


class TierkitError(Exception):
    """The root of all errors of tierkit."""


class Problem:
    """One mistake, or one warning, in a policy.

    Attributes:
        message: One sentence that begins with the key.
        path: Where it stands in the policy, such as `("limit", 0, "rate")`.
        source: Name of the file; "" for a policy made in code.
        line: Line of the value or key, from 1; 0 for a policy made in code.
        column: Column in characters, from 1; 0 for a policy made in code.
    """

    __slots__ = ("column", "line", "message", "path", "source")

    def __init__(
        self, message: str, *, path: tuple[str | int, ...] = (), source: str = "", line: int = 0, column: int = 0
    ) -> None:
        """Keep the sentence and its place."""
        self.message = message
        self.path = path
        self.source = source
        self.line = line
        self.column = column

    def __str__(self) -> str:
        """Show `FILE:LINE:COLUMN: sentence`, as compilers do, or the sentence alone."""
        return f"{self.source}:{self.line}:{self.column}: {self.message}" if self.line else self.message

    def __repr__(self) -> str:
        """Show the line that users see."""
        return f"Problem({str(self)!r})"


class ConfigError(TierkitError, ValueError):
    """A policy, rule, label, amount or vector that cannot be used.

    Attributes:
        problems: Every mistake of a policy, in the order of the file; the message lists the same, one a line.
    """

    problems: tuple[Problem, ...] = ()


class PriceMissing(ConfigError):
    """The price book holds no price for this model, variant or context length."""


class Refused(TierkitError):
    """A request that no tier may serve now.

    Attributes:
        decision: The refusal itself, with every failing rule; None when the request fits no model at all, and after
            the error went to another process.
        rule: Name of the binding rule.
        retry_after_s: Seconds until the request fits if nothing else happens; None when waiting alone cannot help.

    """

    _told: tuple[str | None, float | None] = (None, None)

    def __init__(self, message: str, decision: Decision | None) -> None:
        """Keep the decision beside its sentence."""
        super().__init__(message)
        self.decision = decision

    @property
    def rule(self) -> str | None:
        """Name of the binding rule."""
        return self._told[0] if self.decision is None else self.decision.rule

    @property
    def retry_after_s(self) -> float | None:
        """Seconds until the request fits, or None."""
        return self._told[1] if self.decision is None else self.decision.retry_after_s

    def __reduce__(self) -> tuple[Any, ...]:
        """Go to another process, as pools of workers need: without the decision, but with what it says."""
        kept = {**self.__dict__, "decision": None, "_told": (self.rule, self.retry_after_s)}
        return type(self), (str(self), None), kept


class RateLimited(Refused):
    """A rate has no room now; `retry_after_s` says when it has."""


class ConcurrencyLimited(Refused):
    """All slots are held; one frees when a running request settles."""


class BudgetExceeded(Refused):
    """A budget has no room for the price ceiling of this request."""


class RequestTooLarge(Refused):
    """The request can never fit the binding rule, however long one waits."""


class LedgerError(TierkitError):
    """A reservation was used in a way that its state does not allow."""


class UnknownReservation(LedgerError):
    """The id was never reserved, or ended longer ago than endings are remembered."""


class AlreadySettled(LedgerError):
    """The reservation ended otherwise; the first ending stands."""


class ReservationConflict(LedgerError):
    """The same id was used with other labels or another amount."""


class StateError(TierkitError):
    """The state directory cannot be used.

    Attributes:
        path: The file or directory.
        fix: What to do about it.

    """

    def __init__(self, message: str, *, path: str = "", fix: str = "") -> None:
        """Keep path and fix beside the sentence."""
        super().__init__(message)
        self.path = path
        self.fix = fix


class BackendError(TierkitError):
    """A model server did not give a complete answer.

    Attributes:
        backend: Name of the backend.
        tier: Name of the tier, once the governor knows it.
        status: HTTP status, or None when no reply came.
        error_class: rate, overload, spend, context, auth, not_found, policy or transient.
        usage: What the server said it used before it failed, or None.
        outcome: not_sent, refused, uncertain or partial: decides what is charged.
        retry_after_s: The server's hint, or None.
        limits: What is left of the provider's limits, as its headers say.

    """

    limits: Sequence[Any] = ()

    def __init__(
        self,
        message: str,
        *,
        backend: str = "",
        tier: str | None = None,
        status: int | None = None,
        error_class: str = "transient",
        usage: Usage | None = None,
        outcome: str = "uncertain",
        retry_after_s: float | None = None,
    ) -> None:
        """Keep the facts beside the sentence."""
        super().__init__(message)
        self.backend = backend
        self.tier = tier
        self.status = status
        self.error_class = error_class
        self.usage = usage
        self.outcome = outcome
        self.retry_after_s = retry_after_s


class BackendTimeout(BackendError):
    """The server did not answer in time; it may still have done, and charged for, the work."""


class BackendUnavailable(BackendError):
    """The server could not be reached, or the connection broke."""


class BackendOverloaded(BackendError):
    """The server asks for fewer requests, now or until more is paid for."""


class BackendRejected(BackendError):
    """The server refuses this request: sending it again changes nothing."""


class MissingExtra(TierkitError, ImportError):
    """An optional dependency is not installed; the message names the pip line."""


class UnsettledWarning(UserWarning):
    """A `with governor.admit(...)` block ended normally without `settle`; the reservation was posted in full."""
