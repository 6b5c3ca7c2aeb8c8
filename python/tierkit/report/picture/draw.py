"""Draws the panels under each other on one time axis, as SVG text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from tierkit.report.picture.axis import amount_ticks, clock_ticks, dollars
from tierkit.report.picture.svg import Svg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tierkit.report.picture.panel import BudgetLine, Panel, TimeSpan

__all__ = ["draw"]

WIDTH = 1160
LEFT, RIGHT = 84, 208  # room for the amounts, and for the totals beside each panel
HEAD, FOOT = 150, 66
PLOT, STRIP, GAP = 150, 12, 64  # one panel: its plot, the strip of refusals under it, the way to the next one
FONT = "Inter, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif"
INK, MUTED, GRID, FRAME = "#17212b", "#5d6975", "#e8ecf0", "#b8c1ca"
BUDGET, REFUSED = "#c2410c", "#c2410c"
# From light to dark as tiers grow dear: neighbours differ in lightness, so that no colour vision is needed.
SHADES = {
    1: ("#2f7fb5",),
    2: ("#9fd0c7", "#1f5f8b"),
    3: ("#b5dccf", "#4f9fc0", "#1c4e80"),
    4: ("#c5e4d4", "#7fbfc4", "#3d86b3", "#1b4478"),
}
_DEFAULT_SHADES = ("#d3ead9", "#a9d5cb", "#7cbcc6", "#4f9cbf", "#3378a9", "#1f558c", "#142f5c")
# A budget this many times above the spend would press the spend to the ground; it is then named, not drawn.
FAR_ABOVE = 4.0


def draw(panels: Sequence[Panel], span: TimeSpan, *, title: str, subtitle: str) -> str:
    """Return the picture as SVG.

    Args:
        panels: One per team, drawn from the top down.
        span: The time axis of all panels.
        title: The heading.
        subtitle: A line under it; what was measured, over which time.

    """
    height = HEAD + max(1, len(panels)) * (PLOT + STRIP + GAP) + FOOT - GAP
    told = "; ".join(f"{panel.name}: {panel.facts}" for panel in panels)
    svg = Svg(WIDTH, height, title=title, description=f"{subtitle}. {told}")
    svg.group(font_family=FONT, font_size=13, fill=INK)
    svg.text(LEFT, 40, title, font_size=22, font_weight=700)
    svg.text(LEFT, 64, subtitle, fill=MUTED, font_size=14)
    shades = _shades(panels)
    _legend(svg, shades, any(panel.budgets for panel in panels), any(any(panel.refused) for panel in panels))
    top = HEAD
    for panel in panels:
        _panel(svg, panel, span, shades, top)
        top += PLOT + STRIP + GAP
    bottom = top - GAP
    _clock(svg, span, bottom)
    svg.end()
    return str(svg)


def _shades(panels: Sequence[Panel]) -> dict[str, str]:
    names = list(dict.fromkeys(tier for panel in panels for tier in panel.stacks))
    chosen = SHADES.get(len(names), _DEFAULT_SHADES)
    return {name: chosen[min(index, len(chosen) - 1)] for index, name in enumerate(names)}


def _legend(svg: Svg, shades: Mapping[str, str], budgets: bool, refusals: bool) -> None:  # noqa: FBT001 - two private facts
    x, y = float(LEFT), 94.0
    for name, shade in shades.items():
        svg.element("rect", x=x, y=y - 10, width=13, height=13, rx=2, fill=shade)
        svg.text(x + 19, y + 1, f"tier {_short(name, 24)}")
        x += 19 + 7.2 * len(f"tier {_short(name, 24)}") + 22
    if budgets:
        svg.line(x, y - 4, x + 26, y - 4, stroke=BUDGET, stroke_width=1.8, stroke_dasharray="6 4")
        svg.text(x + 33, y + 1, "budget")
        x += 33 + 7.2 * 6 + 22
    if refusals:
        for step in range(4):
            svg.element("rect", x=x + 5 * step, y=y - 10, width=2.5, height=12, fill=REFUSED)
        svg.text(x + 26, y + 1, "refused requests")


class _Plot(NamedTuple):
    """Where one panel's plot stands, and how USD and bins become pixels."""

    top: int
    base: int
    bin_width: float
    usd_height: float

    def x(self, index: int) -> float:
        return LEFT + index * self.bin_width

    def y(self, usd: float) -> float:
        return self.base - usd * self.usd_height


def _panel(svg: Svg, panel: Panel, span: TimeSpan, shades: Mapping[str, str], top: int) -> None:
    right = WIDTH - RIGHT
    highest = max((sum(column) for column in zip(*panel.stacks.values(), strict=True)), default=0.0)
    drawn = [line for line in panel.budgets if highest == 0 or line.usd <= FAR_ABOVE * highest]
    scale = max([highest, *(line.usd for line in drawn)], default=0.0) * 1.1 or 1.0
    plot = _Plot(top, top + PLOT, (right - LEFT) / span.bins, PLOT / scale)
    svg.text(LEFT, top - 14, _short(panel.name, 40), font_size=16, font_weight=700)
    svg.text(right, top - 14, panel.facts, fill=MUTED, text_anchor="end")
    for amount in amount_ticks(scale):
        y = plot.y(amount)
        svg.line(LEFT, y, right, y, stroke=GRID if amount else FRAME, stroke_width=1)
        svg.text(LEFT - 10, y + 4.5, dollars(amount), fill=MUTED, text_anchor="end", font_size=12)
    _areas(svg, panel, plot, shades)
    _refusals(svg, panel, plot)
    _windows(svg, panel, plot)
    _budgets(svg, panel.budgets, drawn, plot)
    _totals(svg, panel, shades, top)


def _areas(svg: Svg, panel: Panel, plot: _Plot, shades: Mapping[str, str]) -> None:
    ground: list[float] | None = None
    for tier, amounts in panel.stacks.items():
        ground = ground or [0.0] * len(amounts)
        surface = [below + amount for below, amount in zip(ground, amounts, strict=True)]
        svg.area(_steps(surface, plot), _steps(ground, plot), fill=shades[tier])
        ground = surface


def _steps(amounts: Sequence[float], plot: _Plot) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    for index, amount in enumerate(amounts):
        y = plot.y(amount)
        if not points or abs(points[-1][1] - y) > 0.01:  # noqa: PLR2004 - below a hundredth of a pixel is the same step
            if points:
                points.append((plot.x(index), points[-1][1]))
            points.append((plot.x(index), y))
    points.append((plot.x(len(amounts)), points[-1][1]))
    return points


def _refusals(svg: Svg, panel: Panel, plot: _Plot) -> None:
    most = max(panel.refused, default=0)
    width = max(plot.bin_width, 1.6)
    for index, count in enumerate(panel.refused):
        if count:
            strength = f"{0.35 + 0.65 * count / most:.2f}"
            place = {"x": plot.x(index), "y": plot.base + 4, "width": width, "height": STRIP - 2}
            svg.element("rect", fill=REFUSED, fill_opacity=strength, **place)


def _windows(svg: Svg, panel: Panel, plot: _Plot) -> None:
    for reset in panel.resets:
        x = plot.x(reset)
        svg.line(x, plot.top, x, plot.base, stroke=MUTED, stroke_width=1, stroke_dasharray="2 3")
        if len(panel.resets) <= 4:  # noqa: PLR2004 - more words would touch each other
            _haloed(svg, x + 7, plot.top + 0.6 * PLOT, "new window", fill=MUTED, font_size=12)


def _budgets(svg: Svg, budgets: Sequence[BudgetLine], drawn: Sequence[BudgetLine], plot: _Plot) -> None:
    for line in budgets:
        words = f"{_short(line.name, 28)}: {dollars(line.usd)} {line.period}"
        if line in drawn:
            y = plot.y(line.usd)
            svg.line(LEFT, y, WIDTH - RIGHT, y, stroke=BUDGET, stroke_width=1.8, stroke_dasharray="6 4")
        else:
            y, words = float(plot.top), f"{words}, above this scale"
        _haloed(svg, LEFT + 8, y + 15, words, fill=BUDGET, font_size=12, font_weight=600)


def _haloed(svg: Svg, x: float, y: float, words: str, **look: object) -> None:
    svg.text(x, y, words, paint_order="stroke", stroke="#ffffff", stroke_width=3.5, stroke_linejoin="round", **look)


def _totals(svg: Svg, panel: Panel, shades: Mapping[str, str], top: int) -> None:
    x, edge, y = WIDTH - RIGHT + 26, WIDTH - 30, float(top + 12)
    svg.text(x, y, "spent in all", fill=MUTED, font_size=12)
    for tier, amount in reversed(list(panel.totals.items())):
        y += 22
        svg.element("rect", x=x, y=y - 10, width=11, height=11, rx=2, fill=shades.get(tier, FRAME))
        svg.text(x + 17, y, _short(tier, 11))
        svg.text(edge, y, amount, text_anchor="end")
    svg.line(x, y + 9, edge, y + 9, stroke=FRAME)
    svg.text(edge, y + 27, panel.total, text_anchor="end", font_weight=700)


def _clock(svg: Svg, span: TimeSpan, bottom: int) -> None:
    end = span.start_ns + span.bin_ns * span.bins
    per_ns = (WIDTH - LEFT - RIGHT) / (end - span.start_ns)
    for at, words in clock_ticks(span.start_ns, end):
        x = LEFT + (at - span.start_ns) * per_ns
        svg.line(x, bottom + 4, x, bottom + 10, stroke=FRAME)
        svg.text(x, bottom + 26, words, fill=MUTED, text_anchor="middle", font_size=12)
    day = datetime.fromtimestamp(span.start_ns // 1_000_000_000, UTC)
    words = f"time, UTC, {day.day} {day:%B %Y}" if day.year > 1970 else "time since the trace began"  # noqa: PLR2004
    svg.text((LEFT + WIDTH - RIGHT) / 2, bottom + 48, words, fill=MUTED, text_anchor="middle", font_size=12)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"
