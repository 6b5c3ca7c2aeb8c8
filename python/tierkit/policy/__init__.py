"""What a user allows: tiers, limits, budgets, backends, routing and cache, in one immutable `Policy`.

A policy is made in code or read from a TOML file. Whatever is wrong with it is said when it is made, all at once.
"""

from __future__ import annotations

from tierkit.errors import Problem
from tierkit.policy.lint import lint
from tierkit.policy.root import Policy
from tierkit.policy.routing import Routing, RoutingRule
from tierkit.policy.rules import Budget, Limit
from tierkit.policy.servers import BackendSettings
from tierkit.policy.settings import CacheSettings
from tierkit.policy.template import INIT_TEXT
from tierkit.policy.tiers import Tier, TierPrice

__all__ = [  # noqa: RUF022 - plain order, which a test asks of every home of public names
    "BackendSettings",
    "Budget",
    "CacheSettings",
    "INIT_TEXT",
    "Limit",
    "Policy",
    "Problem",
    "Routing",
    "RoutingRule",
    "Tier",
    "TierPrice",
    "lint",
]
