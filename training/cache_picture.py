"""Precision over recall as an SVG: the shipped decision beside a cosine alone and a cosine behind the guards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from cache_eval import Judged

__all__ = ["draw"]

WIDTH, HEIGHT, EDGE = 640, 400, 56
LOWEST = 0.4
COLOURS = ("#b3402a", "#b98a1d", "#1f6f5c")
NAMES = ("cosine alone", "cosine behind guards", "shipped decision")


def draw(judged: Judged) -> str:
    """Return the picture; every curve lowers the least similarity from 1 downwards."""
    rules = (judged.scored, judged.scored & ~judged.guarded, judged.scored & judged.hit)
    parts = [*_frame()]
    for rule, colour, name in zip(rules, COLOURS, NAMES, strict=True):
        points = _curve(judged, rule)
        path = " ".join(f"{_x(recall):.1f},{_y(precision):.1f}" for recall, precision in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        line = EDGE + 20 + 22 * NAMES.index(name)
        parts.append(f'<text x="{WIDTH - 210}" y="{line}" fill="{colour}">{name}</text>')
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="14"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box}>'
    return "\n".join([head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>', *parts, "</svg>", ""])


def _curve(judged: Judged, rule: Any) -> list[tuple[float, float]]:
    order = np.argsort(-judged.similarity[rule])
    should = judged.should[rule][order]
    right, hits = np.cumsum(should), np.arange(1, len(should) + 1)
    total = int((judged.should & judged.scored).sum())
    picked = np.unique(np.linspace(15, len(should) - 1, 120).astype(int))
    return [(float(right[at] / total), float(right[at] / hits[at])) for at in picked if right[at] >= LOWEST * hits[at]]


def _frame() -> list[str]:
    parts = []
    for step in range(6):
        recall, precision = step / 5, LOWEST + (1 - LOWEST) * step / 5
        parts += [
            f'<line x1="{_x(recall):.0f}" x2="{_x(recall):.0f}" y1="{EDGE}" y2="{HEIGHT - EDGE}" stroke="#ddd"/>',
            f'<line x1="{EDGE}" x2="{WIDTH - EDGE}" y1="{_y(precision):.0f}" y2="{_y(precision):.0f}" stroke="#ddd"/>',
            f'<text x="{_x(recall):.0f}" y="{HEIGHT - EDGE + 20}" text-anchor="middle" fill="#444">{recall:.1f}</text>',
            f'<text x="{EDGE - 8}" y="{_y(precision) + 5:.0f}" text-anchor="end" fill="#444">{precision:.2f}</text>',
        ]
    middle = WIDTH // 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 12}" text-anchor="middle" fill="#222">recall of paraphrases</text>')
    parts.append(f'<text x="{EDGE - 40}" y="{EDGE - 18}" fill="#222">precision of hits</text>')
    return parts


def _x(recall: float) -> float:
    return EDGE + recall * (WIDTH - 2 * EDGE)


def _y(precision: float) -> float:
    return HEIGHT - EDGE - (precision - LOWEST) / (1 - LOWEST) * (HEIGHT - 2 * EDGE)
