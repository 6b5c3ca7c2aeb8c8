"""What commands that decide have in common: the policy they are given, or the one that `init` writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tierkit.errors import ConfigError

if TYPE_CHECKING:
    from tierkit.policy import Policy

__all__ = ["policy_of"]


def policy_of(path: str | None) -> Policy:
    """Read a policy; None gives the one that `tierkit init` would write. A policy without tiers cannot decide."""
    from tierkit.policy import INIT_TEXT, Policy  # noqa: PLC0415 - keeps --help quick

    policy = Policy.from_toml(path) if path is not None else Policy.from_text(INIT_TEXT, "the built-in policy")
    if not policy.tiers:
        raise ConfigError(f"{path}: no tier is there, so no request can be admitted; add [[tier]]")
    return policy
