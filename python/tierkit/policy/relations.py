"""What must hold between the parts of a policy: names are unique, and every name that is used is there."""

from __future__ import annotations

from tierkit.policy.words import nearest, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Path = tuple[str | int, ...]
    Finding = tuple[Path, str]

__all__ = ["Outline", "broken_relations"]


# Shares are written with a few decimals: thirds sum to 0.999.
_SLACK = 0.001


class Outline:
    """The names of a policy and where they are used; made from checked parts, or from a file with mistakes in it.

    Attributes:
        tiers: Path, name and backend of each tier.
        backends: Names of the backends.
        rules: Path, name and replaced names of each limit and budget.
        share: Tier to its part of the traffic.
        default: The tier for requests that cannot be scored.
        named: Path, kind ("tier" or "budget"), key and name of what routing names besides.
        for_shadow: Names of the budgets that pay for second answers alone.

    """

    __slots__ = ("backends", "default", "for_shadow", "named", "rules", "share", "tiers")

    def __init__(
        self,
        *,
        tiers: Sequence[tuple[Path, str, str]],
        backends: Sequence[str],
        rules: Sequence[tuple[Path, str, Sequence[str]]],
        share: Mapping[str, float],
        default: str | None,
        named: Sequence[tuple[Path, str, str, str]] = (),
        for_shadow: Sequence[str] = (),
    ) -> None:
        """Keep the names."""
        self.tiers = tiers
        self.backends = backends
        self.rules = rules
        self.share = share
        self.default = default
        self.named = named
        self.for_shadow = for_shadow


def broken_relations(outline: Outline) -> Iterator[Finding]:
    """Yield the path of each name that is used twice or not known, with a sentence."""
    yield from _twice("tier", [(path, name) for path, name, _ in outline.tiers])
    yield from _twice("rule", [(path, name) for path, name, _ in outline.rules])
    for path, tier, backend in outline.tiers:
        # Without any backend in the policy they are given in code: Client(governor, backends={...}).
        if backend and outline.backends and backend not in outline.backends:
            near = nearest(backend, outline.backends)
            yield (
                (*path, "backend"),
                f"backend {quoted(backend)} of tier {quoted(tier)}: not in the policy{near}; add it",
            )
    yield from _unknown_tiers(outline)
    yield from _replacements(outline.rules)
    known = {
        "tier": [name for _, name, _ in outline.tiers],
        "budget": [name for path, name, _ in outline.rules if path[0] == "budget"],
    }
    for path, kind, key, name in outline.named:
        if name not in known[kind]:
            yield path, f"{key} {quoted(name)}: no {kind} is called so{nearest(name, known[kind])}"
        elif key == "shadow_budget" and name not in outline.for_shadow:
            yield path, f'{key} {quoted(name)}: pays for other requests too; give it where = {{ purpose = "shadow" }}'


def _twice(kind: str, named: Sequence[tuple[Path, str]]) -> Iterator[Finding]:
    seen = set()
    for path, name in named:
        if name in seen:
            yield (*path, "name"), f"name {quoted(name)}: two {kind}s are called so; give each its own"
        seen.add(name)


def _unknown_tiers(outline: Outline) -> Iterator[Finding]:
    known = [name for _, name, _ in outline.tiers]
    for tier in outline.share:
        if tier not in known:
            yield ("routing", "share", tier), f"share of {quoted(tier)}: no tier is called so{nearest(tier, known)}"
    total = sum(outline.share.values())
    if known and known[0] in outline.share and total < 1 - _SLACK:
        sentence = f"the parts sum to {total:g}, expected 1 when the cheapest tier has one; leave it out"
        yield ("routing", "share", known[0]), f"share of {quoted(known[0])}: {sentence}"
    if outline.default is not None and outline.default not in known:
        yield (
            ("routing", "default"),
            f"default {quoted(outline.default)}: no tier is called so{nearest(outline.default, known)}",
        )


def _replacements(rules: Sequence[tuple[Path, str, Sequence[str]]]) -> Iterator[Finding]:
    replaced = {name: list(targets) for _, name, targets in rules}
    for path, name, targets in rules:
        for index, target in enumerate(targets):
            if target not in replaced:
                near = nearest(target, [other for other in replaced if other != name])
                yield (*path, "replaces", index), f"replaces {quoted(target)}: no rule is called so{near}"
        if _reaches(replaced, name):
            yield (
                (*path, "replaces"),
                f"replaces: rule {quoted(name)} would switch itself off; take one out of the circle",
            )


def _reaches(replaced: Mapping[str, Sequence[str]], start: str) -> bool:
    todo, seen = list(replaced[start]), set()
    while todo:
        name = todo.pop()
        if name == start:
            return True
        if name not in seen:
            seen.add(name)
            todo.extend(replaced.get(name, ()))
    return False
