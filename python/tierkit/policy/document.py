"""A TOML text as a tree whose every key and value knows its line and column."""

from __future__ import annotations

import re

from tierkit import _core
from tierkit.errors import ConfigError, Problem
from tierkit.policy.words import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Path = tuple[str | int, ...]

__all__ = ["Findings", "Node", "parse"]

MAX_BYTES = 1_000_000
_MAX_SHOWN = 20
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*|\"[^\"\n]{0,60}\"|'[^'\n]{0,60}'")
_TRUTH = {
    "yes": "true",
    "on": "true",
    "true": "true",
    "y": "true",
    "no": "false",
    "off": "false",
    "false": "false",
    "n": "false",
}
_BARE_WORDS = ("string values must be quoted", "invalid float", "invalid boolean")
_NOTHING = ("null", "none", "nil", "undefined")
_NAMES = {
    "text": "text",
    "integer": "a whole number",
    "large": "a number of more than 64 bits",
    "float": "a number with a point",
    "flag": "true or false",
    "date": "a date",
    "list": "a list",
    "table": "a table",
    "deep": "a table in a table in a table",
}


class Node:
    """A value with its place and the place of its key.

    Attributes:
        kind: text, integer, large, float, flag, date, list, table or deep.
        value: str, int, bool, or the text of a number or date that none of them holds; raw children otherwise.
        place: Line and column of the value, from 1.
        key_place: Line and column of its key; of the value itself inside a list.

    """

    __slots__ = ("key_place", "kind", "place", "value")

    def __init__(self, raw: tuple[str, Any, tuple[int, int], tuple[int, int]]) -> None:
        """Take what the core found."""
        self.kind, self.value, self.place, self.key_place = raw

    def items(self) -> list[tuple[str, Node]]:
        """Return keys and values of a table, in the order of the file."""
        found = [(key, Node(raw)) for key, raw in self.value.items()] if self.kind == "table" else []
        return sorted(found, key=lambda item: item[1].key_place)

    def get(self, key: str) -> Node | None:
        """Return one value of a table."""
        raw = self.value.get(key) if self.kind == "table" else None
        return None if raw is None else Node(raw)

    def children(self) -> list[Node]:
        """Return the values of a list."""
        return [Node(raw) for raw in self.value] if self.kind == "list" else []

    def seen(self) -> str:
        """Describe the value in a sentence: what it is, and itself when it is short."""
        if self.kind in ("list", "table", "deep"):
            return _NAMES[self.kind]
        shown = {True: "true", False: "false"}[self.value] if self.kind == "flag" else str(self.value)
        return f"{_NAMES[self.kind]} {quoted(shown)}" if self.kind != "flag" else quoted(shown)


class Findings:
    """The mistakes found in one file so far."""

    __slots__ = ("problems", "source")

    def __init__(self, source: str) -> None:
        """Start without any."""
        self.source = source
        self.problems: list[Problem] = []

    def add(self, sentence: str, place: tuple[int, int], path: Path = ()) -> None:
        """Note one mistake."""
        line, column = place
        self.problems.append(Problem(sentence, path=path, source=self.source, line=line, column=column))

    def raise_any(self) -> None:
        """Raise all mistakes as one ConfigError, in the order of the file."""
        if not self.problems:
            return
        problems = sorted(self.problems, key=lambda problem: (problem.line, problem.column))
        lines = [str(problem) for problem in problems[:_MAX_SHOWN]]
        if len(problems) > _MAX_SHOWN:
            lines.append(f"{self.source}: and {len(problems) - _MAX_SHOWN} more mistakes")
        error = ConfigError("\n".join(lines))
        error.problems = tuple(problems)
        raise error


def parse(text: str, findings: Findings) -> Node:
    """Return the tree of a text; a text that is not TOML raises at once, since its tree would be a guess."""
    for sentence, place in _unreadable(text):
        findings.add(sentence, place)
    findings.raise_any()
    table, mistakes = _core.toml_document(text)
    lines = text.split("\n") if mistakes else []
    for line, column, message in mistakes:
        findings.add(_explained(message, lines[line - 1][column - 1 :]), (line, column))
    findings.raise_any()
    return Node(("table", table, (1, 1), (1, 1)))


def _unreadable(text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    if len(text) > MAX_BYTES:
        yield f"a text of {len(text)} characters: expected at most {MAX_BYTES}, a policy is written by hand", (1, 1)
    surrogate = re.search("[\ud800-\udfff]", text)
    if surrogate:
        before = text[: surrogate.start()]
        place = (before.count("\n") + 1, surrogate.start() - before.rfind("\n"))
        yield (
            f"character U+{ord(surrogate[0]):04X} is half of a pair: expected UTF-8 text; save the file as UTF-8",
            place,
        )


def _explained(message: str, rest: str) -> str:
    """Say in the words of a policy what the parser found in `rest`, the line from the mistake on; repeat no value."""
    found = _WORD.match(rest)
    word = found[0] if found else ""
    if message == "duplicate key":
        key = quoted(word.strip(chr(34) + chr(39)))
        return f"key {key} is given twice: keep one; lists of tables take two brackets, [[limit]]"
    if message.startswith(
        ("string values must be quoted", "invalid float", "invalid boolean", "invalid inf", "invalid nan")
    ):
        return _unquoted(word)
    if "recur" in message:
        return "nested too deep: expected at most four levels, as in [tier.price]"
    if message.startswith("key with no value") and ":" in rest:
        return "not TOML: a key and its value are joined by '=', not by ':'"
    return f"not TOML: {message.replace('`', chr(39))}"


def _unquoted(word: str) -> str:
    if word.lower() in _TRUTH:
        return f"'{word}' is not a TOML value: write {_TRUTH[word.lower()]}"
    if word.lower() in _NOTHING:
        return f"'{word}' is not a TOML value: leave the line out"
    return 'text without quotes: write it as "..."; whole numbers and true or false stand without'
