"""The engine: one decision per request, then the exact price.

`Governor` is what programs use; `Limiter` and `Ledger` are its two halves standing alone.
"""

from tierkit._core import Decision
from tierkit.governor.admission import Admission, Hit
from tierkit.governor.balance import Balance
from tierkit.governor.governor import Governor
from tierkit.governor.ledger import Ledger, Reservation
from tierkit.governor.limiter import Limiter
from tierkit.governor.plan import Plan

__all__ = ["Admission", "Balance", "Decision", "Governor", "Hit", "Ledger", "Limiter", "Plan", "Reservation"]
