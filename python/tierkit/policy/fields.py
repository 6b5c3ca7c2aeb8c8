"""Every key of the policy file: what it is called in code, how it is read, and whether it must be there."""

from __future__ import annotations

from functools import partial

from tierkit.policy import readers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tierkit.policy.readers import Reader

__all__ = ["BACKEND", "BUDGET", "CACHE", "LIMIT", "PRICE", "ROUTING", "ROUTING_RULE", "TIER", "TOP", "Field"]


class Field:
    """One key.

    Attributes:
        read: Turns the value's node into a Python value.
        argument: The constructor's argument; None: as the key.
        required: True when the part is useless without it.
        example: The line that messages propose.

    """

    __slots__ = ("argument", "example", "read", "required")

    def __init__(self, read: Reader, *, argument: str | None = None, required: bool = False, example: str = "") -> None:
        """Keep the description."""
        self.read = read
        self.argument = argument
        self.required = required
        self.example = example


_RULE = {
    "name": Field(readers.text),
    "per": Field(readers.texts),
    "where": Field(readers.where),
    "mode": Field(partial(readers.text, example="enforce")),
    "replaces": Field(partial(readers.texts, example="limit-1")),
}
TOP: Mapping[str, Field] = {
    "version": Field(readers.whole, required=True, example="version = 1"),
    "timezone": Field(partial(readers.text, example="Europe/Berlin")),
    "on_missing_price": Field(partial(readers.text, example="refuse")),
    "on_state_error": Field(partial(readers.text, example="refuse")),
    "reservation_ttl": Field(readers.reservation_ttl, argument="reservation_ttl_s"),
}
PRICE: Mapping[str, Field] = {
    "input": Field(readers.price, required=True, example='input = "0.05 USD/Mtok"'),
    "output": Field(readers.price, required=True, example='output = "0.20 USD/Mtok"'),
    "cache_read": Field(readers.price),
    "cache_write": Field(readers.price),
}
TIER: Mapping[str, Field] = {
    "name": Field(readers.text, required=True, example='name = "small"'),
    "backend": Field(readers.text),
    "model": Field(partial(readers.text, example="gpt-5"), required=True, example='model = "gpt-5"'),
    "price": Field(readers.table),
    "context_tokens": Field(readers.whole),
    "max_output_tokens": Field(readers.whole),
    "supports": Field(partial(readers.texts, example="tools")),
}
BACKEND: Mapping[str, Field] = {
    "kind": Field(partial(readers.text, example="openai"), required=True, example='kind = "openai"'),
    "url": Field(partial(readers.text, example="http://127.0.0.1:8000")),
    "api_key_env": Field(readers.secret_name),
    "timeout": Field(readers.timeout, argument="timeout_s"),
    "connect_timeout": Field(readers.timeout, argument="connect_timeout_s"),
    "first_byte_timeout": Field(readers.timeout, argument="first_byte_timeout_s"),
    "chunk_timeout": Field(readers.timeout, argument="chunk_timeout_s"),
    "allow_link_local": Field(readers.flag),
}
ROUTING: Mapping[str, Field] = {
    "share": Field(readers.shares),
    "default": Field(readers.text),
    "pace": Field(partial(readers.text, example="budget-1")),
    "quota": Field(readers.ratio),
    "quota_per": Field(partial(readers.texts, example="user")),
    "quota_burst": Field(readers.whole),
    "session": Field(partial(readers.texts, example="session")),
    "session_idle_s": Field(readers.whole),
    "mode": Field(partial(readers.text, example="enforce")),
    "pace_mode": Field(partial(readers.text, example="enforce")),
    "money_quota": Field(readers.ratio),
    "money_burst": Field(readers.money),
    "feedback": Field(readers.flag),
    "explore": Field(readers.ratio),
    "shadow": Field(readers.ratio),
    "shadow_tier": Field(readers.text),
    "shadow_budget": Field(partial(readers.text, example="shadow")),
}
ROUTING_RULE: Mapping[str, Field] = {
    "where": Field(readers.where),
    "pin": Field(readers.text),
    "at_least": Field(readers.text),
    "at_most": Field(readers.text),
}
LIMIT: Mapping[str, Field] = {
    **_RULE,
    "rate": Field(partial(readers.text, example="60 requests/minute")),
    "burst": Field(readers.burst),
    "concurrency": Field(readers.whole),
}
BUDGET: Mapping[str, Field] = {
    **_RULE,
    "amount": Field(readers.money, required=True, example='amount = "25 USD"'),
    "period": Field(partial(readers.text, example="day"), required=True, example='period = "day"'),
    "on_exhausted": Field(partial(readers.text, example="refuse")),
    "warn_at": Field(readers.ratios),
    "timezone": Field(partial(readers.text, example="Europe/Berlin")),
}
CACHE: Mapping[str, Field] = {
    "enabled": Field(readers.flag),
    "semantic": Field(readers.flag),
    "ttl": Field(readers.ttl, argument="ttl_s"),
    "per": Field(partial(readers.texts, example="org")),
    "capacity": Field(readers.size, argument="capacity_bytes"),
    "min_similarity": Field(readers.ratio),
}
