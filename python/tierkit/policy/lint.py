"""Warnings about a policy that is valid but cannot mean what it says; `tierkit check` prints them."""

from __future__ import annotations

from tierkit.errors import Problem
from tierkit.policy.lint_rules import budgets_above_parents, duplicates, never_matching, replaced_always
from tierkit.policy.servers import KINDS_TO_COME, OWN_KINDS
from tierkit.policy.words import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tierkit.policy.relations import Finding
    from tierkit.policy.root import Policy

__all__ = ["lint"]


def lint(policy: Policy, *, has_price: Callable[[str], bool] | None = None) -> list[Problem]:
    """Return what looks wrong in a valid policy, in the order of its file. Pure: reads no file, clock or network.

    Args:
        policy: A policy that was built, so it holds no mistakes.
        has_price: Says whether the price book knows a model; None: only own servers are asked for a price.

    Example:
        >>> from tierkit.policy import Limit, Policy, Tier, lint
        >>> tiers = [Tier("small", model="gpt-5-mini")]
        >>> limits = [Limit("5 requests/second", where={"tier": "smal"})]
        >>> print(*lint(Policy(tiers=tiers, limits=limits)))
        limit 'limit-1' can never match: no tier has tier 'smal' (did you mean 'small'?)

    """
    checks = (_tiers, _backends, _shares, _cache, never_matching, replaced_always, duplicates, budgets_above_parents)
    findings = [finding for check in checks for finding in check(policy)]
    findings.extend(_prices(policy, has_price))
    problems = []
    for path, sentence in findings:
        line, column = policy.place(path)
        problems.append(Problem(sentence, path=path, source=policy.source, line=line, column=column))
    return sorted(problems, key=lambda problem: (problem.line, problem.column))


def _tiers(policy: Policy) -> Iterator[Finding]:
    if not policy.tiers:
        yield (), "tier: none is there, so no request can be admitted; add [[tier]]"
    for at, (tier, dearer) in enumerate(zip(policy.tiers, policy.tiers[1:], strict=False)):
        mine, other = tier.price, dearer.price
        if mine and other and _pair(mine) > _pair(other) and mine.output_pusd_per_token > other.output_pusd_per_token:
            yield (
                ("tier", at + 1),
                f"tier {quoted(dearer.name)}: cheaper than {quoted(tier.name)} before it; list the cheapest first",
            )
    if len(policy.tiers) == 1:
        for at, budget in enumerate(policy.budgets):
            if budget.on_exhausted == "downgrade":
                sentence = (
                    f"budget {quoted(budget.name)}: on_exhausted = 'downgrade' finds no cheaper tier, there is only one"
                )
                yield ("budget", at, "on_exhausted"), sentence


def _pair(price: object) -> int:
    return int(getattr(price, "input_pusd_per_token", 0))


def _backends(policy: Policy) -> Iterator[Finding]:
    used = {tier.backend for tier in policy.tiers}
    for name, backend in policy.backends.items():
        path = ("backend", name)
        if name not in used:
            yield path, f"backend {quoted(name)}: no tier uses it; name it in a [[tier]] or take it out"
        if backend.kind in KINDS_TO_COME:
            yield (
                (*path, "kind"),
                f"backend {quoted(name)}: kind '{backend.kind}' cannot be called yet; its calls will fail",
            )
        if backend.timeout_s > policy.reservation_ttl_s:
            late = f"but its reservation is posted in full after {policy.reservation_ttl_s}s; raise reservation_ttl"
            yield (*path, "timeout"), f"backend {quoted(name)}: a call may last {backend.timeout_s:g}s, {late}"
    for at, tier in enumerate(policy.tiers):
        if tier.backend and not policy.backends:
            sentence = (
                f"tier {quoted(tier.name)}: backend {quoted(tier.backend)} is not in the policy, so code must give it"
            )
            yield ("tier", at, "backend"), sentence


def _shares(policy: Policy) -> Iterator[Finding]:
    share = policy.routing.share
    cheapest = policy.tiers[0].name if policy.tiers else ""
    for tier, part in share.items():
        path = ("routing", "share", tier)
        if tier != cheapest and part == 0:
            yield path, f"share of {quoted(tier)}: never reached, its part is 0; raise it or take the tier out"
    if share and share.keys() <= {cheapest} and len(policy.tiers) > 1:
        yield ("routing", "share"), "share: no stronger tier has a part, so none is ever chosen"


def _cache(policy: Policy) -> Iterator[Finding]:
    cache = policy.cache
    if cache.enabled and cache.semantic and not cache.per:
        yield (
            ("cache", "semantic"),
            "cache: near-equal questions of all callers share answers; write per = ['org'] to part them",
        )
    if cache.semantic and not cache.enabled:
        yield ("cache", "semantic"), "cache: semantic = true has no effect while enabled = false"


def _prices(policy: Policy, has_price: Callable[[str], bool] | None) -> Iterator[Finding]:
    for at, tier in enumerate(policy.tiers):
        if tier.price is not None:
            continue
        backend = policy.backends.get(tier.backend)
        # An own server has a price of its own: what a provider asks for the same model says nothing about it.
        if backend is not None and backend.kind in OWN_KINDS:
            advice = "an own server has no price in the book; write price = { input = ..., output = ... }"
            yield ("tier", at), f"tier {quoted(tier.name)}: {advice}"
        elif has_price is not None and not has_price(tier.model):
            advice = "not in the price book; write price = { input = ..., output = ... }"
            yield ("tier", at, "model"), f"tier {quoted(tier.name)}: model {quoted(tier.model)} is {advice}"
