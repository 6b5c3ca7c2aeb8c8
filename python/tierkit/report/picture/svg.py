"""A small writer of SVG: elements in, text out, every name and text escaped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Svg", "escape"]

# XML 1.0 has no way to write these, not even escaped.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def escape(text: str) -> str:
    """Make any text safe inside an element or a quoted attribute.

    Example:
        >>> from tierkit.report.picture.svg import escape
        >>> escape('<img onerror="x">')
        '&lt;img onerror=&quot;x&quot;&gt;'

    """
    text = _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


class Svg:
    """Collects elements of one drawing. Lengths are pixels from the upper left corner."""

    def __init__(self, width: int, height: int, *, title: str, description: str) -> None:
        """Open a white drawing that tells its title to who cannot see it."""
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"',
            ' role="img" aria-labelledby="title desc">',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="desc">{escape(description)}</desc>',
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        ]

    def element(self, tag: str, text: str | None = None, /, **attributes: object) -> None:
        """Add one element; `_` in an attribute's name stands for `-`, floats are written to a tenth of a pixel."""
        written = "".join(
            f' {name.rstrip("_").replace("_", "-")}="{_value(value)}"' for name, value in attributes.items()
        )
        self._parts.append(f"<{tag}{written}/>" if text is None else f"<{tag}{written}>{escape(text)}</{tag}>")

    def line(self, x1: float, y1: float, x2: float, y2: float, **attributes: object) -> None:
        """Add a straight line."""
        self.element("line", None, x1=x1, y1=y1, x2=x2, y2=y2, **attributes)

    def text(self, x: float, y: float, text: str, **attributes: object) -> None:
        """Add a text whose baseline starts, or with text_anchor ends, at the point."""
        self.element("text", text, x=x, y=y, **attributes)

    def area(
        self, upper: Iterable[tuple[float, float]], lower: Iterable[tuple[float, float]], **attributes: object
    ) -> None:
        """Add the filled area between two lines that run left to right."""
        points = [*upper, *reversed(list(lower))]
        self.element("path", None, d="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + "Z", **attributes)

    def group(self, **attributes: object) -> None:
        """Open a group of elements that share attributes."""
        self._parts.append("<g" + "".join(f' {k.replace("_", "-")}="{_value(v)}"' for k, v in attributes.items()) + ">")

    def end(self) -> None:
        """Close the group."""
        self._parts.append("</g>")

    def __str__(self) -> str:
        """Write the whole file."""
        return "\n".join([*self._parts, "</svg>", ""])


def _value(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else escape(str(value))
