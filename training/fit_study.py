"""Measure what `TierClassifier.fit` adds on families that the shipped recipe has not seen; writes FIT.md.

    python training/fit_study.py path/to/train.jsonl.gz

For every family a model is trained without it; on each of its sources, rows drawn at random are labelled with the cheap
tier's quality and fitted, and the rest is scored. This is what a user meets whose traffic the package does not know.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import evaluate
import export
import metrics
import numpy as np
import ridge
import rows as data
import train

from tierkit.route import TierClassifier

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rows import Rows

SEED = 20261121
LABELS = (50, 100, 300, 1000)
LEAST_LEFT = 150


def without(rows: Rows, features: ridge.Features, family: str, folder: Path) -> TierClassifier:
    """Train the shipped recipe on the clear rows of all other families."""
    may = rows.clear & (rows.family != family)
    kept, part = features.take(np.flatnonzero(may)), rows.take(may)
    model = ridge.fit(kept, evaluate.targets(part), part.source)
    head = {
        **train.score_tables(
            model.difficulty(kept), part.weak, model.difficulty(train.beginnings(part.prompts)), points=257
        ),
        **train.ranges(model),
        "known_by_chance": model.chance,
        "intercept": model.usual,
    }
    export.write(folder, model, head, {})
    return TierClassifier(folder)


def study(rows: Rows, features: ridge.Features, splits: int) -> Iterator[tuple[str, int, np.ndarray, np.ndarray]]:
    """Give source, labels, and for each split the APGR before and after. Shapes: (splits,)."""
    have = ~np.isnan(rows.strong)
    names = metrics.counted(rows.source[have], rows.weak[have], rows.strong[have])
    for family in np.unique(rows.family):
        with tempfile.TemporaryDirectory() as folder:
            base = without(rows, features, family, Path(folder))
            for name in (name for name in names if data.FAMILIES[name] == family):
                places = np.flatnonzero(have & (rows.source == name))
                for labels in (labels for labels in LABELS if len(places) - labels >= LEAST_LEFT):
                    pairs = [split(rows, base, places, labels, seed) for seed in range(splits)]
                    before, after = np.array(pairs).T
                    yield name, labels, before, after


def split(rows: Rows, base: TierClassifier, places: np.ndarray, labels: int, seed: int) -> tuple[float, float]:
    """Fit on some rows of a source, score the others."""
    order = np.random.default_rng(SEED + seed).permutation(places)
    fitted, left = order[:labels], order[labels:]
    own = TierClassifier.fit([rows.prompts[at] for at in fitted], rows.weak[fitted].tolist(), base)
    return tuple(needs_apgr(scorer, rows, left) for scorer in (base, own))


def needs_apgr(scorer: TierClassifier, rows: Rows, places: np.ndarray) -> float:
    """APGR of the order that a classifier gives some rows."""
    needs = np.array([score.need for score in scorer.score_many([rows.prompts[at] for at in places])])
    return metrics.apgr(needs, rows.weak[places], rows.strong[places])


def render(found: Sequence[tuple[str, int, np.ndarray, np.ndarray]], splits: int) -> str:
    """Write the tables."""
    lines = [
        "# What `fit` adds",
        "",
        "Written by `training/fit_study.py`. Every source is met by a model that was trained without its family; rows",
        f"drawn at random are labelled with the cheap tier's quality, the rest is scored. Mean of {splits} draws; ± is",
        "the standard error over draws. APGR as in [REPORT.md](REPORT.md).",
        "",
        "| source | labels | before | after | gain |",
        "|---|---|---|---|---|",
    ]
    for name, labels, before, after in found:
        gain = after - before
        error = gain.std(ddof=1) / np.sqrt(len(gain))
        lines.append(
            f"| {name} | {labels} | {before.mean():.3f} | {after.mean():.3f} | {gain.mean():+.3f} ± {error:.3f} |"
        )
    lines += [
        "",
        "| labels | sources | before | after | gain, 95 % interval | least gain |",
        "|---|---|---|---|---|---|",
    ]
    lines += [overall(found, labels) for labels in LABELS]
    return "\n".join([*lines, ""])


def overall(found: Sequence[tuple[str, int, np.ndarray, np.ndarray]], labels: int) -> str:
    """Return one line: the mean over sources, with a bootstrap over sources and draws."""
    pairs = [(before, after) for _, count, before, after in found if count == labels]
    gains = np.array([(after - before).mean() for before, after in pairs])
    generator = np.random.default_rng(SEED)
    draws = [generator.choice(gains, len(gains)).mean() for _ in range(1000)]
    low, high = np.quantile(draws, [0.025, 0.975])
    first, last = (np.mean([pair[which].mean() for pair in pairs]) for which in (0, 1))
    return (
        f"| {labels} | {len(pairs)} | {first:.3f} | **{last:.3f}** | {gains.mean():+.3f} [{low:+.3f}, {high:+.3f}] "
        f"| {gains.min():+.3f} |"
    )


def main() -> None:
    """Read, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="train.jsonl.gz")
    parser.add_argument("--splits", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("FIT.md"))
    arguments = parser.parse_args()
    rows = data.load(arguments.data)
    text = render(list(study(rows, ridge.extract(rows.prompts), arguments.splits)), arguments.splits)
    arguments.out.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
