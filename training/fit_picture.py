"""Draw quality by share of strong calls for two sources, before and after fitting 300 labels.

    python training/fit_picture.py train.jsonl.gz --out docs/concepts/routing-fit.svg

Each source is met by a model that was trained without its family; the curves are of the rows that were not fitted.
Takes about ten seconds.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import fit_study
import numpy as np
import ridge
import rows as data

from tierkit.report.picture.curves import draw_curves
from tierkit.route import TierClassifier
from tierkit.route.curve import quality_curve

SOURCES = ("gemini_svamp", "gemini_flores")
LABELS = 300
POINTS = 101


def main() -> None:
    """Read, fit, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="train.jsonl.gz")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    rows = data.load(arguments.data)
    features = ridge.extract(rows.prompts)
    curves: dict[str, list[float]] = {}
    for source in SOURCES:
        with tempfile.TemporaryDirectory() as folder:
            base = fit_study.without(rows, features, data.FAMILIES[source], Path(folder))
            curves |= before_and_after(rows, base, source)
    title = "Quality by share of strong calls, before and after fit"
    arguments.out.write_text(draw_curves(curves, title=title), encoding="utf-8")


def before_and_after(rows: data.Rows, base: TierClassifier, source: str) -> dict[str, list[float]]:
    """Return both curves of a source by the name of their panel."""
    places = np.flatnonzero(~np.isnan(rows.strong) & (rows.source == source))
    order = np.random.default_rng(fit_study.SEED).permutation(places)
    fitted, left = order[:LABELS], order[LABELS:]
    own = TierClassifier.fit([rows.prompts[at] for at in fitted], rows.weak[fitted].tolist(), base)
    named = {f"{source}, unfitted": base, f"{source}, {LABELS} labels": own}
    return {name: curve(scorer, rows, left) for name, scorer in named.items()}


def curve(scorer: TierClassifier, rows: data.Rows, places: np.ndarray) -> list[float]:
    """Return the mean quality at evenly spaced shares."""
    needs = np.array([score.need for score in scorer.score_many([rows.prompts[at] for at in places])])
    whole = quality_curve(needs, rows.weak[places], rows.strong[places])
    return [float(whole[at]) for at in np.linspace(0, len(whole) - 1, POINTS).round().astype(int)]


if __name__ == "__main__":
    main()
