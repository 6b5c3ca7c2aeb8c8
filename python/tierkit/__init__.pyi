# What a type checker sees of the lazy names in __init__.py; a test keeps the two equal.

from tierkit import (
    backends as backends,
)
from tierkit import (
    cache as cache,
)
from tierkit import (
    errors as errors,
)
from tierkit import (
    prices as prices,
)
from tierkit import (
    route as route,
)
from tierkit import (
    testing as testing,
)
from tierkit.backends import Backend as Backend
from tierkit.backends import OpenAICompatibleBackend as OpenAICompatibleBackend
from tierkit.cache import CacheHit as CacheHit
from tierkit.cache import CacheVerdict as CacheVerdict
from tierkit.cache import SemanticCache as SemanticCache
from tierkit.client import Answer as Answer
from tierkit.client import AsyncClient as AsyncClient
from tierkit.client import Client as Client
from tierkit.client import Stream as Stream
from tierkit.errors import (
    AlreadySettled as AlreadySettled,
)
from tierkit.errors import (
    BackendError as BackendError,
)
from tierkit.errors import (
    BackendOverloaded as BackendOverloaded,
)
from tierkit.errors import (
    BackendRejected as BackendRejected,
)
from tierkit.errors import (
    BackendTimeout as BackendTimeout,
)
from tierkit.errors import (
    BackendUnavailable as BackendUnavailable,
)
from tierkit.errors import (
    BudgetExceeded as BudgetExceeded,
)
from tierkit.errors import (
    ConcurrencyLimited as ConcurrencyLimited,
)
from tierkit.errors import (
    ConfigError as ConfigError,
)
from tierkit.errors import (
    LedgerError as LedgerError,
)
from tierkit.errors import (
    MissingExtra as MissingExtra,
)
from tierkit.errors import (
    PriceMissing as PriceMissing,
)
from tierkit.errors import (
    RateLimited as RateLimited,
)
from tierkit.errors import (
    Refused as Refused,
)
from tierkit.errors import (
    RequestTooLarge as RequestTooLarge,
)
from tierkit.errors import (
    ReservationConflict as ReservationConflict,
)
from tierkit.errors import (
    StateError as StateError,
)
from tierkit.errors import (
    TierkitError as TierkitError,
)
from tierkit.errors import (
    UnknownReservation as UnknownReservation,
)
from tierkit.errors import (
    UnsettledWarning as UnsettledWarning,
)
from tierkit.governor import (
    Admission as Admission,
)
from tierkit.governor import (
    Decision as Decision,
)
from tierkit.governor import (
    Governor as Governor,
)
from tierkit.governor import (
    Ledger as Ledger,
)
from tierkit.governor import (
    Limiter as Limiter,
)
from tierkit.governor import (
    Reservation as Reservation,
)
from tierkit.money import Money as Money
from tierkit.policy import Budget as Budget
from tierkit.policy import Limit as Limit
from tierkit.policy import Policy as Policy
from tierkit.policy import Tier as Tier
from tierkit.prices import PriceBook as PriceBook
from tierkit.request import TokenCount as TokenCount
from tierkit.request import Usage as Usage
from tierkit.request import count_tokens as count_tokens
from tierkit.route import TierClassifier as TierClassifier
from tierkit.route import TierScore as TierScore

__version__: str
__all__ = [
    "Admission",
    "AlreadySettled",
    "Answer",
    "AsyncClient",
    "Backend",
    "BackendError",
    "BackendOverloaded",
    "BackendRejected",
    "BackendTimeout",
    "BackendUnavailable",
    "Budget",
    "BudgetExceeded",
    "CacheHit",
    "CacheVerdict",
    "Client",
    "ConcurrencyLimited",
    "ConfigError",
    "Decision",
    "Governor",
    "Ledger",
    "LedgerError",
    "Limit",
    "Limiter",
    "MissingExtra",
    "Money",
    "OpenAICompatibleBackend",
    "Policy",
    "PriceBook",
    "PriceMissing",
    "RateLimited",
    "Refused",
    "RequestTooLarge",
    "Reservation",
    "ReservationConflict",
    "SemanticCache",
    "StateError",
    "Stream",
    "Tier",
    "TierClassifier",
    "TierScore",
    "TierkitError",
    "TokenCount",
    "UnknownReservation",
    "UnsettledWarning",
    "Usage",
    "__version__",
    "backends",
    "cache",
    "count_tokens",
    "errors",
    "prices",
    "route",
    "testing",
]
