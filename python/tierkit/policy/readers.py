"""How the value of each key is read from a file: a reader takes the key and its node and returns a Python value."""

from __future__ import annotations

from functools import partial

from tierkit.errors import ConfigError
from tierkit.money import Money
from tierkit.policy import numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tierkit.policy.document import Node

    Reader = Callable[[str, Node], Any]

__all__ = [
    "Misread",
    "Reader",
    "duration",
    "flag",
    "money",
    "price",
    "ratio",
    "ratios",
    "shares",
    "size",
    "text",
    "texts",
    "where",
    "whole",
]


_LONGEST_EXAMPLE = 40


class Misread(ConfigError):  # noqa: N818 - a value was misread
    """A value of the wrong kind, with the node inside the key's value that is wrong."""

    def __init__(self, sentence: str, node: Node) -> None:
        """Keep the place."""
        super().__init__(sentence)
        self.node = node


def text(key: str, node: Node, *, example: str = "...") -> str:
    """Read text."""
    if node.kind != "text":
        raise Misread(f'{key}: expected text, found {node.seen()}; write {key} = "{example}"', node)
    return str(node.value)


def secret_name(key: str, node: Node) -> str:
    """Read text whose value no message may repeat."""
    if node.kind != "text":
        raise Misread(f'{key}: expected the name of an environment variable in quotes, such as "OPENAI_API_KEY"', node)
    return str(node.value)


def money(key: str, node: Node) -> str:
    """Read an amount: text with its unit, since a number with a point is not exact."""
    if node.kind in ("integer", "float", "large"):
        raise Misread(
            f'{key}: expected an amount with its currency, found {node.seen()}; write {key} = "{node.value} USD"', node
        )
    written = text(key, node, example="25 USD")
    Money(written)
    return written


def burst(key: str, node: Node) -> int | str:
    """Read a whole number, or an amount of money."""
    return money(key, node) if node.kind == "text" else whole(key, node)


def price(key: str, node: Node) -> str:
    """Read a price: text with its unit."""
    if node.kind in ("integer", "float", "large"):
        raise Misread(
            f'{key}: expected a price with its unit, found {node.seen()}; write {key} = "{node.value} USD/Mtok"', node
        )
    written = text(key, node, example="0.05 USD/Mtok")
    numbers.price_of(key, written)
    return written


def table(key: str, node: Node) -> Node:
    """Hand on a table that has keys of its own."""
    if node.kind != "table":
        raise Misread(f"{key}: expected a table, found {node.seen()}; see the example of `tierkit init`", node)
    return node


def flag(key: str, node: Node) -> bool:
    """Read true or false."""
    if node.kind != "flag":
        raise Misread(f"{key}: expected true or false without quotes, found {node.seen()}", node)
    return bool(node.value)


def whole(key: str, node: Node) -> int:
    """Read a whole number."""
    if node.kind != "integer":
        raise Misread(f"{key}: expected a whole number without quotes, found {node.seen()}", node)
    return int(node.value)


def ratio(key: str, node: Node) -> float:
    """Read a number from 0 to 1."""
    value = float(node.value) if node.kind in ("integer", "float") else float("nan")
    if not 0 <= value <= 1:
        raise Misread(f"{key}: expected a number from 0 to 1, found {node.seen()}", node)
    return value


def duration(key: str, node: Node, *, least: int | None = None) -> float:
    """Read a length of time: in seconds, or in whole seconds from `least` on."""
    if node.kind in ("integer", "float", "large"):
        raise Misread(f'{key}: expected a time with its unit, found {node.seen()}; write {key} = "{node.value}s"', node)
    written = text(key, node, example="60s")
    return numbers.seconds(key, written) if least is None else numbers.whole_seconds(key, written, least=least)


def size(key: str, node: Node) -> int:
    """Read a size in bytes."""
    if node.kind in ("integer", "float", "large"):
        raise Misread(f'{key}: expected a size with its unit, found {node.seen()}; write {key} = "256 MiB"', node)
    return numbers.bytes_of(key, text(key, node, example="256 MiB"))


def texts(key: str, node: Node, *, example: str = "user") -> list[str]:
    """Read a list of texts."""
    if node.kind != "list":
        shown = node.value if node.kind == "text" and _is_word(node.value) else example
        raise Misread(f'{key}: expected a list of texts, found {node.seen()}; write {key} = ["{shown}"]', node)
    return [
        text(key, child, example=example)
        for child in _all_of(key, node, "text", f'text in quotes, as in ["{example}"]')
    ]


def ratios(key: str, node: Node) -> list[float]:
    """Read a list of numbers from 0 to 1."""
    if node.kind != "list":
        raise Misread(f"{key}: expected a list of numbers, found {node.seen()}; write {key} = [0.5, 0.8]", node)
    return [ratio(key, child) for child in node.children()]


def where(key: str, node: Node) -> dict[str, str | list[str]]:
    """Read label = "value" or label = ["value", "value"]."""
    if node.kind != "table":
        raise Misread(f'{key}: expected a table, found {node.seen()}; write {key} = {{ team = "search" }}', node)
    found: dict[str, str | list[str]] = {}
    for label, child in node.items():
        if child.kind == "list":
            found[label] = texts(f"{key}.{label}", child, example="search")
            if not found[label]:
                raise Misread(
                    f"{key}.{label}: an empty list matches nothing; give a value or take the label out", child
                )
        else:
            found[label] = text(f"{key}.{label}", child, example="search")
    return found


def shares(key: str, node: Node) -> dict[str, float]:
    """Read tier = number from 0 to 1."""
    if node.kind != "table":
        raise Misread(f"{key}: expected a table, found {node.seen()}; write {key} = {{ large = 0.20 }}", node)
    return {tier: ratio(f"{key}.{tier}", child) for tier, child in node.items()}


def _is_word(value: str) -> bool:
    return value.isidentifier() and len(value) < _LONGEST_EXAMPLE


def _all_of(key: str, node: Node, kind: str, wanted: str) -> list[Node]:
    for child in node.children():
        if child.kind != kind:
            raise Misread(f"{key}: expected {wanted}, found {child.seen()}", child)
    return node.children()


timeout = partial(duration)
ttl = partial(duration, least=0)
reservation_ttl = partial(duration, least=1)
