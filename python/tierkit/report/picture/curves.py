"""The cost/quality curve of each source as one picture: quality gained over the share of strong calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tierkit.report.picture.svg import Svg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["draw_curves"]

_SIDE, _TOP, _GAP, _COLUMNS = 180, 56, 64, 4
_INK, _FAINT, _CHANCE = "#1f4e79", "#d0d0d0", "#9a9a9a"


def draw_curves(curves: Mapping[str, Sequence[float]], *, title: str) -> str:
    """Draw one small panel per source, from all cheap (left) to all strong (right), scaled to its own gap.

    Args:
        curves: For each source the mean quality at evenly spaced shares of strong calls, from 0 to 1.
        title: What is shown.

    Example:
        >>> from tierkit.report.picture.curves import draw_curves
        >>> draw_curves({"mine": [0.5, 0.8, 0.9]}, title="Quality")[:4]
        '<svg'
    """
    columns = min(_COLUMNS, max(1, len(curves)))
    lines = -(-len(curves) // columns)
    width, height = _GAP + columns * (_SIDE + _GAP), _TOP + lines * (_SIDE + _GAP)
    about = "Quality over the share of requests that the strong tier answers; the grey diagonal is chance."
    svg = Svg(max(width, 420), height, title=title, description=about)
    svg.group(font_family="sans-serif", font_size=11, fill="#333333")
    svg.text(_GAP / 2, 22.0, title, font_size=15, font_weight="bold")
    svg.text(_GAP / 2, 40.0, about)
    for at, (name, curve) in enumerate(curves.items()):
        left = _GAP / 2 + (at % columns) * (_SIDE + _GAP) + _GAP / 4
        _panel(svg, name, curve, left, float(_TOP + (at // columns) * (_SIDE + _GAP) + 16))
    svg.end()
    return str(svg)


def _panel(svg: Svg, name: str, curve: Sequence[float], left: float, top: float) -> None:
    low, high = min(curve), max(curve)
    height = (high - low) or 1.0

    def point(at: int) -> tuple[float, float]:
        return left + _SIDE * at / (len(curve) - 1), top + _SIDE * (high - curve[at]) / height

    svg.element("rect", None, x=left, y=top, width=_SIDE, height=_SIDE, fill="none", stroke=_FAINT)
    svg.line(*point(0), *point(len(curve) - 1), stroke=_CHANCE, stroke_dasharray="4 3")
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in map(point, range(len(curve))))
    svg.element("path", None, d=path, fill="none", stroke=_INK, stroke_width=2)
    svg.text(left, top - 5, name[:30], font_weight="bold")
    svg.text(left - 3, top + 9, f"{high:.2f}", text_anchor="end")
    svg.text(left - 3, top + _SIDE, f"{low:.2f}", text_anchor="end")
    svg.text(left, top + _SIDE + 14, "0 %")
    svg.text(left + _SIDE, top + _SIDE + 14, "100 % strong", text_anchor="end")
