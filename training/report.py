"""The measured table as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS = ("shipped", "all rows", "measures", "length", "random", "oracle")

OWN = "What own labels add: [FIT.md](FIT.md)."


def render(found: Mapping[str, Mapping[str, float]], training: Mapping[str, Any]) -> str:
    """Write the report of one run."""
    names = [name for name in found["shipped"] if name != "mean"]
    lines = [
        "# Report of the last training run",
        "",
        "Written by `training/train.py`. APGR by the rule of RouteLLM's `evaluate.py` (11 shares, trapezoid, ties at",
        "their mean): 0.5 is what random routing gets, the oracle knows both answers. **Leave one family out**: every",
        "prompt is scored by a model that saw no prompt of its family. Sources with a mean gap below 0.05 are left",
        f"out of the mean ({len(names)} count). Which measures count was decided on these folds: optimistic, see",
        "[CANDIDATES.md](CANDIDATES.md).",
        "",
        "- `shipped`: the shipped recipe, trained on rows with a clear licence only.",
        "- `all rows`: the same recipe with all rows, for comparison; never shipped.",
        "- `measures`: the six measures of work without the wording; the head that serves when the model cannot.",
        "- `length`: the number of characters. `random`: mean of 20 draws.",
        "",
        "| source | " + " | ".join(COLUMNS) + " |",
        "|---|" + "---|" * len(COLUMNS),
    ]
    lines += [f"| {name} | " + " | ".join(f"{found[column][name]:.3f}" for column in COLUMNS) + " |" for name in names]
    lines.append("| **mean** | " + " | ".join(f"**{found[column]['mean']:.3f}**" for column in COLUMNS) + " |")
    gain, over = found["shipped minus length"], found["shipped minus measures"]
    spread = found["random"]["spread of the mean"]
    verdict = (
        "The interval holds 0: without labels of your own, the text is worth about as much as its length."
        if gain["low"] <= 0 <= gain["high"]
        else "The interval excludes 0."
    )
    sources = ", ".join(f"{name} {count:,}" for name, count in training["sources"].items())
    lines += [
        "",
        f"Shipped minus length: {gain['mean']:+.3f}, 95 % interval [{gain['low']:+.3f}, {gain['high']:+.3f}] (paired",
        f"bootstrap inside each source, 1,000 draws). Spread of the random mean over draws: {spread:.3f}.",
        verdict,
        f"Shipped minus measures: {over['mean']:+.3f}, [{over['low']:+.3f}, {over['high']:+.3f}].",
        f"What else was tried, on the same folds: [CANDIDATES.md](CANDIDATES.md). {OWN}",
        "",
        f"Rows trained on: {training['rows']:,} ({sources});",
        f"seed {training['seed']}, penalty {training['penalty']}, data SHA-256 `{training['data_sha256']}`.",
        f"Versions: {', '.join(f'{name} {version}' for name, version in training['versions'].items())}.",
        "",
    ]
    return "\n".join(lines)
