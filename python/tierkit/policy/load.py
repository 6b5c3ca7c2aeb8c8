"""From the text of a policy file to a `Policy`, or to the list of all its mistakes."""

from __future__ import annotations

import os

from tierkit.errors import ConfigError
from tierkit.policy.document import MAX_BYTES, Findings, Node, parse
from tierkit.policy.fields import BACKEND, BUDGET, CACHE, LIMIT, ROUTING, ROUTING_RULE, TIER, TOP
from tierkit.policy.parts import Part, PartReader, key_places
from tierkit.policy.relations import Outline, broken_relations
from tierkit.policy.root import VERSION, Policy
from tierkit.policy.routing import Routing, RoutingRule
from tierkit.policy.rules import Budget, Limit
from tierkit.policy.servers import BackendSettings
from tierkit.policy.settings import CacheSettings
from tierkit.policy.tiers import Tier
from tierkit.policy.words import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tierkit.policy.relations import Path

__all__ = ["parse_policy", "read_policy"]

_SECTIONS = ("tier", "backend", "routing", "limit", "budget", "cache")


def read_policy(path: str | os.PathLike[str]) -> Policy:
    """Read a policy file; see `Policy.from_toml`."""
    name = os.fspath(path)
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib would be one more import
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{name}: no such file; write one with `tierkit init`, or give the path of yours") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"{name}: cannot be read ({reason}); give the path of a readable file") from None
    return parse_policy(_decoded(data, name), name)._read_from(os.path.abspath(name))  # noqa: PTH100, SLF001 - no pathlib; see below


def _decoded(data: bytes, name: str) -> str:
    findings = Findings(name)
    if len(data) > MAX_BYTES:
        findings.add(f"a file of more than {MAX_BYTES} bytes: expected a policy, which is written by hand", (1, 1))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
        findings.add(f"byte 0x{data[error.start]:02x} is not UTF-8: save the file as UTF-8", place)
        text = ""
    findings.raise_any()
    return text


def parse_policy(text: str, name: str) -> Policy:
    """Read a policy from text; see `Policy.from_text`."""
    findings = Findings(name)
    document = parse(text.removeprefix("\ufeff"), findings)
    version = document.get("version")
    if version is not None and version.kind == "integer" and version.value != VERSION:
        # Another version may have other keys: naming them as mistakes would mislead.
        advice = f"this tierkit reads version {VERSION}; install the one it was written for"
        findings.add(f"version {quoted(version.value)}: {advice}", version.place)
        findings.raise_any()
    policy = _Assembly(document, findings).policy()
    return policy._placed(name, key_places(document))  # noqa: SLF001 - the reader is the other half of Policy


class _Assembly:
    """One pass over a document: builds each part, then checks the parts against each other."""

    def __init__(self, document: Node, findings: Findings) -> None:
        self.document = document
        self.findings = findings
        self.reader = PartReader(findings)
        self.tiers: list[tuple[Path, str, str]] = []
        self.rules: list[tuple[Path, str, list[str]]] = []
        self.named: list[tuple[Path, str, str, str]] = []
        self.for_shadow: list[str] = []

    def policy(self) -> Policy:
        whole = Part(self.document, TOP, ())
        top = self.reader.values(whole, sections=_SECTIONS)
        self.reader.make(Policy, top, whole)
        tiers = self._tiers()
        backends = self._backends()
        routing = self._routing()
        limits = self._rules("limit", Limit)
        budgets = self._rules("budget", Budget)
        cache = self._single("cache", CacheSettings)
        self._relate(backends)
        self.findings.raise_any()
        return Policy(
            tiers=tiers,
            backends=[backend for backend in backends.values() if backend is not None],
            routing=routing,
            limits=limits,
            budgets=budgets,
            cache=cache,
            **top,
        )

    def _tiers(self) -> list[Tier]:
        found = []
        for at, node in enumerate(self._many("tier")):
            part = Part(node, TIER, ("tier", at))
            values = self.reader.values(part)
            self.tiers.append((part.path, values.get("name", ""), values.get("backend", "")))
            found.append(self.reader.make(Tier, values, part))
        return [tier for tier in found if tier is not None]

    def _rules(self, kind: str, make: type[Any]) -> list[Any]:
        fields = LIMIT if kind == "limit" else BUDGET
        found = []
        for at, node in enumerate(self._many(kind)):
            part = Part(node, fields, (kind, at))
            values = self.reader.values(part)
            name = values.get("name", f"{kind}-{at + 1}")
            self.rules.append((part.path, name, values.get("replaces", [])))
            if kind == "budget" and values.get("where", {}).get("purpose") in ("shadow", ["shadow"]):
                self.for_shadow.append(name)
            found.append(self.reader.make(make, values, part))
        return [rule for rule in found if rule is not None]

    def _backends(self) -> dict[str, BackendSettings | None]:
        node = self.document.get("backend")
        if node is None:
            return {}
        if node.kind != "table" or any(child.kind != "table" for _, child in node.items()):
            self.findings.add("backend: expected one table for each server, such as [backend.openai]", node.key_place)
            return {}
        found = {}
        for name, child in node.items():
            part = Part(child, BACKEND, ("backend", name))
            found[name] = self.reader.make(BackendSettings, {"name": name, **self.reader.values(part)}, part)
        return found

    def _single(self, key: str, make: type[Any]) -> Any:
        node = self.document.get(key)
        if node is None:
            return None
        if node.kind != "table":
            self.findings.add(f"{key}: expected a table with one pair of brackets, [{key}]", node.key_place)
            return None
        part = Part(node, ROUTING if key == "routing" else CACHE, (key,))
        return self.reader.make(make, self.reader.values(part), part)

    def _routing(self) -> Any:
        node = self.document.get("routing")
        if node is None or node.kind != "table":
            return self._single("routing", Routing)
        part = Part(node, ROUTING, ("routing",))
        values, rules = self.reader.values(part, sections=("rules",)), []
        found = node.get("rules")
        if found is not None and (found.kind != "list" or any(child.kind != "table" for child in found.children())):
            sentence = "rules: expected two pairs of brackets, [[routing.rules]], one for each rule"
            self.findings.add(sentence, found.key_place)
            found = None
        for at, child in enumerate(found.children() if found else ()):
            rule = Part(child, ROUTING_RULE, ("routing", "rules", at))
            values_of_rule = self.reader.values(rule)
            names = [(key, values_of_rule.get(key)) for key in ("pin", "at_least", "at_most")]
            self.named += [((*rule.path, key), "tier", key, name) for key, name in names if name is not None]
            rules.append(self.reader.make(RoutingRule, values_of_rule, rule))
        for key, kind in (("pace", "budget"), ("shadow_budget", "budget"), ("shadow_tier", "tier")):
            if values.get(key) is not None:
                self.named.append((("routing", key), kind, key, values[key]))
        return self.reader.make(Routing, {**values, "rules": [rule for rule in rules if rule is not None]}, part)

    def _many(self, key: str) -> list[Node]:
        node = self.document.get(key)
        if node is None:
            return []
        if node.kind != "list" or any(child.kind != "table" for child in node.children()):
            self.findings.add(f"{key}: expected two pairs of brackets, [[{key}]], one for each {key}", node.key_place)
            return []
        return node.children()

    def _relate(self, backends: dict[str, BackendSettings | None]) -> None:
        routing = self.document.get("routing")
        share = routing.get("share") if routing else None
        default = routing.get("default") if routing else None
        # A tier whose name could not be read may be the one that is looked for.
        readable = all(name for _, name, _ in self.tiers)
        outline = Outline(
            tiers=self.tiers,
            backends=list(backends),
            rules=self.rules,
            share=_parts(share) if share and readable else {},
            default=default.value if default and default.kind == "text" and readable else None,
            named=[found for found in self.named if readable or found[1] != "tier"],
            for_shadow=self.for_shadow,
        )
        places = key_places(self.document)
        for path, sentence in broken_relations(outline):
            at = path
            while at not in places:
                at = at[:-1]
            self.findings.add(sentence, places[at], path)


def _parts(share: Node) -> dict[str, float]:
    """Read the shares again for their names; a part that could not be read counts as 0."""
    return {tier: float(node.value) if node.kind in ("integer", "float") else 0.0 for tier, node in share.items()}
