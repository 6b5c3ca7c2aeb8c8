"""A policy as text that other processes read: what its constructors take, and no secret, since it holds none."""

from __future__ import annotations

import json

from tierkit.errors import ConfigError
from tierkit.policy.record import Record
from tierkit.policy.root import Policy
from tierkit.policy.routing import Routing, RoutingRule
from tierkit.policy.rules import Budget, Limit
from tierkit.policy.servers import BackendSettings
from tierkit.policy.settings import CacheSettings
from tierkit.policy.tiers import Tier, TierPrice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["read", "write"]

_PARTS: dict[str, type[Record]] = {
    kind.__name__: kind
    for kind in (BackendSettings, Budget, CacheSettings, Limit, Policy, Routing, RoutingRule, Tier, TierPrice)
}
# A key that no constructor has.
_KIND = "="


def write(policy: Policy) -> str:
    """Return a policy as JSON; equal policies give equal texts.

    Example:
        >>> from tierkit import Limit, Policy
        >>> policy = Policy(limits=[Limit("60 requests/minute")])
        >>> read(write(policy)) == policy
        True

    """
    return json.dumps(_written(policy), separators=(",", ":"), sort_keys=True)


def read(text: str) -> Policy:
    """Return the policy of such a text, checked like any other.

    Raises:
        ConfigError: The text is none, or a policy of another version of tierkit.

    """
    try:
        policy = _read(json.loads(text))
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"policy of another process: cannot be read ({error}); use one version of tierkit") from None
    if not isinstance(policy, Policy):
        raise ConfigError("policy of another process: holds no policy; use one version of tierkit")
    return policy


def _written(value: Any) -> Any:
    if isinstance(value, Record):
        fields = {name: _written(getattr(value, name)) for name in value.__match_args__}
        return {_KIND: type(value).__name__, **fields}
    if hasattr(value, "keys"):
        return {name: _written(value[name]) for name in value}
    if isinstance(value, tuple):
        return [_written(one) for one in value]
    # Compiled amounts of money are made from text.
    return str(value) if hasattr(value, "nusd") else value


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(one) for one in value]
    if not isinstance(value, dict):
        return value
    fields = {name: _read(one) for name, one in value.items() if name != _KIND}
    return _PARTS[value[_KIND]](**fields) if _KIND in value else fields
