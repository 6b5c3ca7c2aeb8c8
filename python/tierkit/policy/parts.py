"""Reads the table of one part: refuses unknown keys, converts known ones, and blames the right place for a refusal."""

from __future__ import annotations

import re

from tierkit.errors import ConfigError
from tierkit.policy.document import Findings, Node
from tierkit.policy.fields import PRICE, TOP
from tierkit.policy.readers import Misread
from tierkit.policy.tiers import TierPrice
from tierkit.policy.words import nearest, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from tierkit.policy.fields import Field

    Path = tuple[str | int, ...]

__all__ = ["Part", "PartReader", "key_places"]

_SECRETS = ("api_key", "apikey", "api-key", "key", "token", "secret", "password", "authorization", "bearer")
_FIRST_WORD = re.compile(r"[a-z_]+")


class Part:
    """One table of a file: where it stands, and which keys it may have.

    Attributes:
        node: The table.
        fields: The keys that it may have.
        path: Its place in the policy, such as `("limit", 0)`.

    """

    __slots__ = ("fields", "node", "path")

    def __init__(self, node: Node, fields: Mapping[str, Field], path: Path) -> None:
        """Keep the three."""
        self.node = node
        self.fields = fields
        self.path = path


class PartReader:
    """Reads tables into the arguments of constructors, and notes what is wrong."""

    __slots__ = ("findings",)

    def __init__(self, findings: Findings) -> None:
        """Note mistakes there."""
        self.findings = findings

    def values(self, part: Part, *, sections: Sequence[str] = ()) -> dict[str, Any]:
        """Return the arguments that could be read."""
        found: dict[str, Any] = {}
        node, fields, path = part.node, part.fields, part.path
        for key, child in node.items():
            if key in fields:
                self._value(found, key, child, part)
            elif key not in sections:
                self.findings.add(_unknown(key, [*fields, *sections], path), child.key_place, (*path, key))
        for key, field in fields.items():
            if field.required and node.get(key) is None:
                self.findings.add(f"{key} is missing: add the line {field.example}", node.place, (*path, key))
                found.setdefault(_BROKEN, set()).add(key)
        return found

    def _value(self, found: dict[str, Any], key: str, child: Node, part: Part) -> None:
        field, path = part.fields[key], (*part.path, key)
        try:
            value = field.read(key, child)
        except ConfigError as error:
            wrong = error.node if isinstance(error, Misread) else child
            self.findings.add(str(error), wrong.place, path)
            found.setdefault(_BROKEN, set()).add(key)
            return
        if isinstance(value, Node):
            price = Part(value, PRICE, path)
            value = self.make(TierPrice, self.values(price), price)
        found[field.argument or key] = value

    def make(self, make: Callable[..., Any], values: dict[str, Any], part: Part) -> Any:
        """Return the part, or None when a value of it could not be read or the part refuses it."""
        broken = values.get(_BROKEN, set())
        if any(part.fields[key].required for key in broken):
            return None
        rest = {argument: value for argument, value in values.items() if argument != _BROKEN}
        while True:
            try:
                made = make(**rest)
            except ConfigError as error:
                key = self._blame(str(error), part, broken)
            else:
                return None if broken else made
            # Leaving a refused value out shows what else is refused; what must be there ends the search.
            field = part.fields.get(key)
            if field is None or field.required or key in broken or rest.pop(field.argument or key, None) is None:
                return None
            broken = {*broken, key}

    def _blame(self, sentence: str, part: Part, broken: set[str]) -> str:
        """Note a refusal at the value of the key that it begins with, unless that one is noted already."""
        key = _blamed(sentence, part.fields)
        field, child = part.fields.get(key), part.node.get(key)
        # With a value left out, the part may ask for another one instead: that is no mistake of the file.
        if key not in broken and not (broken and child is None):
            place = child.place if child else part.node.place
            self.findings.add(_renamed(sentence, key, field), place, (*part.path, key) if key else part.path)
        return key


def _blamed(sentence: str, fields: Mapping[str, Field]) -> str:
    """Return the key whose argument a sentence begins with, or ""."""
    word = _FIRST_WORD.match(sentence)
    argument = word[0] if word else ""
    return next((key for key, field in fields.items() if argument == (field.argument or key)), "")


def _renamed(sentence: str, key: str, field: Field | None) -> str:
    """Say the file's key where a sentence says the constructor's argument."""
    return sentence if field is None else key + sentence.removeprefix(field.argument or key)


# No key of a policy: holds the keys whose values could not be read.
_BROKEN = "?"


def key_places(node: Node, path: Path = ()) -> dict[Path, tuple[int, int]]:
    """Return line and column of every value of a tree, by path."""
    found = {path: node.place}
    for key, child in node.items():
        found.update(key_places(child, (*path, key)))
    for at, child in enumerate(node.children()):
        found.update(key_places(child, (*path, at)))
    return found


def _unknown(key: str, known: Sequence[str], path: Path) -> str:
    inside = _inside(path)
    if path[:1] == ("backend",) and key.lower() in _SECRETS:
        return (
            f"unknown key {quoted(key)} in {inside}: a policy holds no keys; "
            'write api_key_env = "OPENAI_API_KEY", the name of the environment variable that does'
        )
    if path and key in TOP and key not in known:
        return f"unknown key {quoted(key)} in {inside}: it belongs at the top of the file, above the first [table]"
    near = nearest(key, known)
    return f"unknown key {quoted(key)} in {inside}{near or '; known are ' + ', '.join(known)}"


def _inside(path: Path) -> str:
    if not path:
        return "the policy"
    if len(path) == 1:
        return f"[{path[0]}]"
    if isinstance(path[1], int):
        return f"[[{path[0]}]]" if len(path) == 2 else f"{path[2]} of [[{path[0]}]]"  # noqa: PLR2004
    return f"[{path[0]}.{path[1]}]" if str(path[1]).isprintable() else f"[{path[0]}]"
