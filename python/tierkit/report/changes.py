"""What a policy would change in a state directory whose processes decide by another one."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from tierkit import _core
from tierkit.report.place import state_directory

if TYPE_CHECKING:
    import os

    from tierkit.policy import Policy

__all__ = ["policy_changes"]


def policy_changes(policy: Policy, state: str | os.PathLike[str]) -> list[dict[str, str | None]] | None:
    """Compare a policy with the limits and budgets in force in a state directory, in the order of the policy.

    Returns:
        A row for each rule that is "added", "removed", "raised", "lowered", "changed" (in its `where`, mode or alerts,
        or one number up and one down) or "renewed": written with other labels, another kind, period or zone, so that
        it begins with fresh scopes. Each with its `rule`, and what it was and will be `before` and `after`. None where
        no process has shared the directory since the machine started.

    Example:
        >>> import tempfile, tierkit as tk
        >>> folder = tempfile.TemporaryDirectory()
        >>> tier = tk.Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "0 USD/Mtok"})
        >>> policy = tk.Policy(tiers=[tier], budgets=[tk.Budget("5 USD", name="all", period="day")])
        >>> next_one = policy.with_(budgets=[tk.Budget("9 USD", name="all", period="day")])
        >>> with tk.Governor(policy, state=folder.name):
        ...     policy_changes(next_one, folder.name)
        [{'rule': 'all', 'change': 'raised', 'before': '5 USD per day', 'after': '9 USD per day'}]
        >>> folder.cleanup()

    Raises:
        StateError: The state cannot be read.

    """
    found = _core.read_rules(state_directory(state))
    if found is None:
        return None
    before = {rule["name"]: rule for rule in map(json.loads, found)}
    rules: list[_core.LimitRule | _core.BudgetRule] = [*policy.limit_rules(), *policy.budget_rules()]
    after = {rule["name"]: rule for rule in (json.loads(rule.text) for rule in rules)}
    rows = [_row(name, before.get(name), rule) for name, rule in after.items() if before.get(name) != rule]
    return rows + [_row(name, rule, None) for name, rule in before.items() if name not in after]


def _row(name: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> dict[str, str | None]:
    return {"rule": name, "change": _change(before, after), "before": _told(before), "after": _told(after)}


def _change(before: dict[str, Any] | None, after: dict[str, Any] | None) -> str:
    if before is None or after is None:
        return "added" if before is None else "removed"
    if _scope(before) != _scope(after):
        return "renewed"
    was, now = _numbers(before), _numbers(after)
    if was == now:
        return "changed"
    if all(one <= other for one, other in zip(was, now, strict=True)):
        return "raised"
    return "lowered" if all(one >= other for one, other in zip(was, now, strict=True)) else "changed"


def _scope(rule: dict[str, Any]) -> list[Any]:
    """What a rule must keep to keep its scopes."""
    kind = rule["kind"]
    return [rule["per"], kind[0], {"refill": kind[1:2], "hold": [], "budget": kind[2:4]}[kind[0]]]


def _numbers(rule: dict[str, Any]) -> list[Fraction]:
    kind = rule["kind"]
    if kind[0] == "refill":
        num, den_ns, burst = kind[2]
        return [Fraction(num, den_ns), Fraction(burst)]
    return [Fraction(kind[1])]


def _told(rule: dict[str, Any] | None) -> str | None:
    """Write a rule for people."""
    if rule is None:
        return None
    kind = rule["kind"]
    per = f" per {', '.join(rule['per'])}" if rule["per"] else ""
    if kind[0] == "hold":
        return f"{kind[1]} at once{per}"
    if kind[0] == "budget":
        return f"{_usd(kind[1])} per {kind[2]}{per}" if kind[2] != "total" else f"{_usd(kind[1])} in all{per}"
    num, den_ns, burst = kind[2]
    seconds = Decimal(den_ns).scaleb(-9).normalize()
    many = (_usd(num), _usd(burst)) if kind[1] == "usd" else (f"{num} {kind[1]}", str(burst))
    return f"{many[0]} per {seconds:f} s, burst {many[1]}{per}"


def _usd(nusd: int) -> str:
    return f"{Decimal(nusd).scaleb(-9).normalize():f} USD"
