"""How a budget is spent over its period, under several rules, one panel per trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tierkit.report.picture.svg import Svg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["draw_pace"]

_WIDTH, _HEIGHT, _TOP, _GAP = 320, 180, 56, 56
_INKS = ("#1f4e79", "#b5532c")
_FAINT = "#9a9a9a"


def draw_pace(panels: Mapping[str, Mapping[str, Sequence[float]]], *, title: str) -> str:
    """Draw one panel per trace: the part of the budget that was spent, from the begin of the period to its end.

    Args:
        panels: By trace and rule, the spent part at evenly spaced times, from 0 to 1.
        title: What is shown.

    Example:
        >>> from tierkit.report.picture.pace import draw_pace
        >>> draw_pace({"mine": {"pace": [0.0, 0.5, 1.0]}}, title="Money")[:4]
        '<svg'
    """
    about = "Part of the budget that is spent, over the period; the grey line is even spending."
    width = max(460, _GAP + len(panels) * (_WIDTH + _GAP))
    svg = Svg(width, _TOP + _HEIGHT + _GAP, title=title, description=about)
    svg.group(font_family="sans-serif", font_size=11, fill="#333333")
    svg.text(_GAP / 2, 22.0, title, font_size=15, font_weight="bold")
    svg.text(_GAP / 2, 40.0, about)
    for at, (name, rules) in enumerate(panels.items()):
        _panel(svg, name, rules, _GAP / 2 + at * (_WIDTH + _GAP), float(_TOP + 16))
    svg.end()
    return str(svg)


def _panel(svg: Svg, name: str, rules: Mapping[str, Sequence[float]], left: float, top: float) -> None:
    svg.element("rect", None, x=left, y=top, width=_WIDTH, height=_HEIGHT, fill="none", stroke="#d0d0d0")
    svg.line(left, top + _HEIGHT, left + _WIDTH, top, stroke=_FAINT, stroke_dasharray="4 3")
    svg.text(left, top - 5, name[:40], font_weight="bold")
    for at, (rule, spent) in enumerate(rules.items()):
        points = ((left + _WIDTH * x / (len(spent) - 1), top + _HEIGHT * (1 - part)) for x, part in enumerate(spent))
        ink = _INKS[at % len(_INKS)]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        svg.element("path", None, d=path, fill="none", stroke=ink, stroke_width=2)
        svg.text(left + _WIDTH - 6, top + _HEIGHT - 10 - 15 * at, rule, text_anchor="end", fill=ink, font_weight="bold")
    svg.text(left, top + _HEIGHT + 14, "begin")
    svg.text(left + _WIDTH, top + _HEIGHT + 14, "end of the period", text_anchor="end")
