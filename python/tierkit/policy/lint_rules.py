"""Warnings about limits and budgets: rules that never apply, never bind, or say the same twice."""

from __future__ import annotations

from tierkit.policy.words import nearest, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from tierkit.policy.relations import Finding, Path
    from tierkit.policy.root import Policy
    from tierkit.policy.rules import Budget, Limit
    from tierkit.policy.tiers import Tier

__all__ = ["budgets_above_parents", "duplicates", "never_matching", "replaced_always"]

_TIER_LABELS = ("tier", "model", "backend")
_CALENDAR = ("hour", "day", "week", "month", "year", "total")


def never_matching(policy: Policy) -> Iterator[Finding]:
    """Find rules whose `where` names a tier, model or backend that no tier has, or no single tier has together."""
    for path, rule in _rules(policy) if policy.tiers else ():
        unknown = list(_unknown_values(policy, path, rule))
        yield from unknown
        if not unknown and not any(_suits(tier, rule) for tier in policy.tiers):
            yield (*path, "where"), f"{_title(path, rule)} can never match: no tier has all of its values together"


def _unknown_values(policy: Policy, path: Path, rule: Limit | Budget) -> Iterator[Finding]:
    for label in _TIER_LABELS:
        known = [_label(tier, label) for tier in policy.tiers]
        for value in rule.where.get(label, ()):
            if value not in known:
                alone = len(rule.where[label]) == 1
                verdict = "can never match" if alone else f"has a value in where.{label} that never occurs"
                yield (
                    (*path, "where", label),
                    f"{_title(path, rule)} {verdict}: no tier has {label} {quoted(value)}{nearest(value, known)}",
                )


def replaced_always(policy: Policy) -> Iterator[Finding]:
    """Find rules that another one switches off wherever they match."""
    rules = list(_rules(policy))
    for path, rule in rules:
        for _, other in rules:
            if rule.name in other.replaces and _covers(other, rule):
                yield path, f"{_title(path, rule)} never applies: {quoted(other.name)} replaces it wherever it matches"


def duplicates(policy: Policy) -> Iterator[Finding]:
    """Find rules that differ in name only."""
    seen: dict[Limit | Budget, Limit | Budget] = {}
    for path, rule in _rules(policy):
        first = seen.setdefault(rule.with_(name="same"), rule)
        if first is not rule:
            yield path, f"{_title(path, rule)} says the same as {quoted(first.name)}; take one out"


def budgets_above_parents(policy: Policy) -> Iterator[Finding]:
    """Find budgets that can never be spent, because a wider one over the same or a longer time is smaller."""
    for at, child in enumerate(policy.budgets):
        for parent in policy.budgets:
            if parent is child or child.amount <= parent.amount or parent.mode != "enforce":
                continue
            wider = set(parent.per) <= set(child.per) and _covers(parent, child)
            if wider and _lasts(policy, parent, child) and parent.name not in child.replaces:
                room = f"{quoted(parent.name)} allows {parent.amount} USD per {parent.period} to it and others"
                sentence = f"{child.amount} USD can never be spent, since {room}; raise that one or lower this one"
                yield ("budget", at, "amount"), f"budget {quoted(child.name)}: {sentence}"


def _rules(policy: Policy) -> Iterator[tuple[Path, Limit | Budget]]:
    for at, limit in enumerate(policy.limits):
        yield ("limit", at), limit
    for at, budget in enumerate(policy.budgets):
        yield ("budget", at), budget


def _title(path: Path, rule: Limit | Budget) -> str:
    return f"{path[0]} {quoted(rule.name)}"


def _label(tier: Tier, label: str) -> str:
    return {"tier": tier.name, "model": tier.model, "backend": tier.backend}[label]


def _suits(tier: Tier, rule: Limit | Budget) -> bool:
    return all(label not in rule.where or _label(tier, label) in rule.where[label] for label in _TIER_LABELS)


def _covers(wide: Limit | Budget, narrow: Limit | Budget) -> bool:
    """Say whether the first rule matches every request that the second matches."""
    return all(
        label in narrow.where and set(narrow.where[label]) <= set(values) for label, values in wide.where.items()
    )


def _lasts(policy: Policy, parent: Budget, child: Budget) -> bool:
    if (parent.timezone or policy.timezone) != (child.timezone or policy.timezone):
        return False
    if parent.period in _CALENDAR and child.period in _CALENDAR:
        return _CALENDAR.index(parent.period) >= _CALENDAR.index(child.period)
    return parent.period == child.period
