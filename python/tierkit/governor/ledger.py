"""`Ledger`: budgets without a governor."""

from __future__ import annotations

import time
from typing import NamedTuple

from tierkit import _core
from tierkit.governor.alerts import tell
from tierkit.governor.balance import balances
from tierkit.governor.labels import as_dict
from tierkit.governor.opened import Opened, directory
from tierkit.governor.refusal import refused
from tierkit.money import Money
from tierkit.policy import Policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from tierkit.governor.balance import Balance
    from tierkit.policy import Budget

__all__ = ["Ledger", "Reservation"]


class Reservation(NamedTuple):
    """Money on hold.

    Attributes:
        id: The idempotency key.
        usd: The amount.
    """

    id: str
    usd: Money


class Ledger(Opened):
    """Budgets by label: reserve, then post the exact amount or void. Never above a budget while reservations hold.

    Example:
        >>> import tierkit as tk
        >>> ledger = tk.Ledger([tk.Budget("25 USD", period="day", per=["team"])])
        >>> held = ledger.reserve({"team": "search"}, usd="0.02", id="req-1")
        >>> str(ledger.post(held, usd="0.013"))
        '0.013'
        >>> ledger.balances()[0].posted
        Decimal('0.013')
    """

    __slots__ = ()

    def __init__(
        self,
        budgets: Sequence[Budget],
        *,
        state: str | os.PathLike[str] | None = None,
        clock: _core.ManualClock | None = None,
        durability: str = "relaxed",
    ) -> None:
        """Compile the budgets and open the ledger; `state=None` keeps it in this process's memory."""
        policy = Policy(budgets=budgets)
        rules, loaded_ns, place = policy.budget_rules(), policy.loaded_ns, directory(state)
        super().__init__(_core.Gate(rules, state=place, clock=clock, durability=durability, loaded_ns=loaded_ns))

    def reload(self, budgets: Sequence[Budget]) -> None:
        """Let other budgets decide from the next reservation on; see `Governor.reload`.

        Accounts stay with their budget by name, labels and period. A budget that is left out limits nothing more; what
        it holds ends properly, and if it comes back, what was spent in the current window is there again.

        Raises:
            ConfigError: The budgets cannot be used; the old ones stay in force.

        Example:
            >>> import tierkit as tk
            >>> ledger = tk.Ledger([tk.Budget("1 USD", name="all", period="total")])
            >>> _ = ledger.reserve(usd="0.80", id="req-1")
            >>> ledger.reload([tk.Budget("2 USD", name="all", period="total")])
            >>> ledger.reserve(usd="1.20", id="req-2").usd
            Money('1.2')
        """
        self.gate.reload(Policy(budgets=budgets).budget_rules(), loaded_ns=time.time_ns())

    def reserve(
        self,
        labels: Mapping[str, str] | None = None,
        *,
        usd: str | Decimal | Money,
        id: str | None = None,  # noqa: A002 - the word that users read in the ledger
        ttl_s: float = 660.0,
    ) -> Reservation:
        """Put money on hold in every budget that applies, or in none.

        Raises:
            BudgetExceeded: A budget has no room; the exception says which and when it has.
            ReservationConflict: The id exists with other labels or another amount.
            AlreadySettled: The id exists and was given back.
        """
        amount = Money(usd)
        decision = self.gate.reserve(as_dict(labels), None, id, nusd=amount.nusd, requests=0, ttl_s=ttl_s)
        if not decision.allowed:
            raise refused(decision)
        return Reservation(decision.id or "", amount)

    def post(self, reservation: Reservation | str, *, usd: str | Decimal | Money) -> Money:
        """Book what was spent; the rest of the hold is free again, and an overrun is booked in full.

        Raises:
            UnknownReservation: Never made here.
            AlreadySettled: Posted before with another amount.
        """
        amount = Money(usd)
        nusd, *_, alerts = self.gate.post(_id(reservation), requests=0, nusd=amount.nusd)
        tell(alerts)
        return Money.from_nusd(nusd)

    def adjust(
        self,
        reservation: Reservation | str,
        *,
        usd: str | Decimal | Money,
        id: str | None = None,  # noqa: A002 - as in `reserve`
    ) -> Money:
        """Correct what was posted: a provider's credit (below 0), or a charge that came later.

        It is an entry of its own in the ledger, and changes each budget in the window that the money was reserved in.

        Args:
            reservation: One that was posted.
            usd: The change.
            id: The adjustment's own id; the same id with the same amount changes nothing again.

        Returns:
            What is posted for the reservation now.

        Example:
            >>> import tierkit as tk
            >>> ledger = tk.Ledger([tk.Budget("25 USD", period="day")])
            >>> _ = ledger.post(ledger.reserve(usd="0.02", id="req-1"), usd="0.013")
            >>> str(ledger.adjust("req-1", usd="-0.003", id="credit-7"))
            '0.01'

        Raises:
            UnknownReservation: Never made here, or ended longer ago than it is remembered.
            ReservationConflict: The adjustment's id was used with another amount.
            ConfigError: It is not posted, the change is 0, less than nothing would be left, or it has 32 adjustments.
            StateError: The ledger cannot be written, and the policy refuses then.
        """
        return Money.from_nusd(self.gate.adjust(_id(reservation), Money(usd).nusd, id)[0])

    def void(self, reservation: Reservation | str) -> None:
        """Give the hold back.

        Raises:
            UnknownReservation: Never made here.
            AlreadySettled: It was posted.
        """
        self.gate.void(_id(reservation))

    def balances(self) -> list[Balance]:
        """Return what every budget spent and holds, by rule, key and window."""
        return balances(self.gate)


def _id(reservation: Reservation | str) -> str:
    return reservation if isinstance(reservation, str) else reservation.id
