"""LLM cost control in process: for each request one decision, and the exact price settled into a ledger.

Names are loaded when they are first used, so that `import tierkit` reads no other package and starts nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_HOMES = {
    "Admission": "governor",
    "AlreadySettled": "errors",
    "Answer": "client",
    "AsyncClient": "client",
    "Backend": "backends",
    "BackendError": "errors",
    "BackendOverloaded": "errors",
    "BackendRejected": "errors",
    "BackendTimeout": "errors",
    "BackendUnavailable": "errors",
    "Budget": "policy",
    "BudgetExceeded": "errors",
    "CacheHit": "cache",
    "CacheVerdict": "cache",
    "Client": "client",
    "ConcurrencyLimited": "errors",
    "ConfigError": "errors",
    "Decision": "governor",
    "Governor": "governor",
    "Ledger": "governor",
    "LedgerError": "errors",
    "Limit": "policy",
    "Limiter": "governor",
    "MissingExtra": "errors",
    "Money": "money",
    "OpenAICompatibleBackend": "backends",
    "Policy": "policy",
    "PriceBook": "prices",
    "PriceMissing": "errors",
    "RateLimited": "errors",
    "Refused": "errors",
    "RequestTooLarge": "errors",
    "Reservation": "governor",
    "ReservationConflict": "errors",
    "SemanticCache": "cache",
    "StateError": "errors",
    "Stream": "client",
    "Tier": "policy",
    "TierClassifier": "route",
    "TierScore": "route",
    "TierkitError": "errors",
    "TokenCount": "request",
    "UnknownReservation": "errors",
    "UnsettledWarning": "errors",
    "Usage": "request",
    "count_tokens": "request",
}
_ROOMS = ("backends", "cache", "errors", "prices", "route", "testing")

__version__ = "0.1.0"
__all__ = [*sorted([*_HOMES, *_ROOMS, "__version__"])]


def __getattr__(name: str) -> Any:
    import importlib  # noqa: PLC0415 - loaded with the interpreter, bound late to keep this module free of imports

    if name in _HOMES:
        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    elif name in _ROOMS:
        value = importlib.import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module 'tierkit' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
