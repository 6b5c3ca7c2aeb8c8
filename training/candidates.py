"""Compare what could be shipped, every one scored on families that it has not seen; writes CANDIDATES.md.

    python training/candidates.py path/to/train.jsonl.gz [--attention FILE.npz]

Some ten minutes on one core. Every choice inside a candidate is made inside the fold. `--attention` takes the scores
that `training/attention.py` wrote.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import evaluate
import metrics
import numpy as np
import ridge
import rows as data
from candidates_notes import NOTES
from forms import FORMS, Fold, equal
from other_targets import other_targets
from sklearn.exceptions import ConvergenceWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rows import Rows

SEED = 20261121
DRAWS = 300
RANDOM_WEIGHTS = 60
WORDINGS = (0.2, 0.5, 1.0)


def over_families(
    rows: Rows, features: ridge.Features, train: np.ndarray, score_one: Callable[[Fold], np.ndarray]
) -> np.ndarray:
    """Score every row by a form that learned on the other families. Shape: (n,)."""
    score = np.empty(len(rows.prompts))
    for family in np.unique(rows.family):
        may, out = train & (rows.family != family), np.flatnonzero(rows.family == family)
        part = rows.take(may)
        fold = Fold(features.dense[may], evaluate.targets(part), part.source, features.dense[out])
        score[out] = score_one(fold)
    return score


def gram_ridge(
    rows: Rows, features: ridge.Features, train: np.ndarray, target: np.ndarray, *, dense: bool
) -> np.ndarray:
    """Score every row by a ridge on the grams, with the 23 measures or without. Shape: (n,)."""
    score = np.empty(len(rows.prompts))
    for family in np.unique(rows.family):
        kept = np.flatnonzero(train & (rows.family != family) & ~np.isnan(target))
        part, seen = features.take(kept), np.flatnonzero(rows.family == family)
        pair = np.stack([target[kept]] * 2, axis=1)
        fitted = ridge.fit(part, pair, rows.source[kept], wording=1.0)
        out = features.take(seen)
        # The second head is a ridge on both; the first one's wording is the grams alone.
        score[seen] = fitted.predict(out)[:, 1] if dense else fitted.wording(out)[:, 0]
    return score


def scores(
    rows: Rows, features: ridge.Features, train: np.ndarray, others: dict[str, np.ndarray]
) -> Iterator[tuple[str, np.ndarray]]:
    """Score all rows by every candidate. Shapes: (n,)."""
    for name, form in FORMS.items():
        yield name, over_families(rows, features, train, form)
    for wording in WORDINGS:
        yield f"six measures + {wording} x wording", evaluate.left_out(rows, features, train, wording=wording)
    for name, target in {"difficulty": evaluate.targets(rows)[:, 0], **others}.items():
        yield f"grams, ridge, target {name}", gram_ridge(rows, features, train, target, dense=False)
        yield f"grams and 23 measures, ridge, target {name}", gram_ridge(rows, features, train, target, dense=True)


def random_weights(rows: Rows, features: ridge.Features) -> str:
    """Tell how much hangs on the weights: the six measures with weights drawn from an exponential distribution."""
    generator, view = np.random.default_rng(SEED), evaluate.view(rows)
    found = []
    for _ in range(RANDOM_WEIGHTS):
        weights = generator.exponential(size=len(ridge.WORK))
        score = over_families(rows, features, rows.clear, lambda fold, w=weights: equal(fold, ridge.WORK, w))
        found.append(np.mean(list(metrics.by_source(score[evaluate.counted(rows)], *view).values())))
    low, high = np.quantile(found, [0.05, 0.95])
    return (
        f"The six measures with {RANDOM_WEIGHTS} sets of random positive weights (exponential): mean"
        f" {np.mean(found):.3f}, 90 % of the sets from {low:.3f} to {high:.3f}."
    )


def render(
    rows: Rows, features: ridge.Features, others: dict[str, np.ndarray], attention: dict[str, np.ndarray]
) -> str:
    """Write the table."""
    have, view = evaluate.counted(rows), evaluate.view(rows)
    length = np.array([len(prompt) for prompt in rows.prompts], dtype=float)
    lines = [
        "# What else was tried",
        "",
        "Written by `training/candidates.py`. Mean APGR over 10 sources, each scored by a model that saw none of its",
        f"family, and the 95 % interval of the difference to the prompt's length (paired bootstrap, {DRAWS} draws).",
        "`clear`: trained on rows with a clear licence; `all`: on all rows, never shipped.",
        "",
        "| candidate | clear | minus length | all | minus length |",
        "|---|---|---|---|---|",
    ]
    cells: dict[str, list[str]] = {}
    draw = np.random.default_rng(SEED).random(len(length))
    for train in (rows.clear, np.ones(len(length), dtype=bool)):
        extra = attention.items() if train is rows.clear else ()
        for name, score in (("length", length), ("random", draw), *scores(rows, features, train, others), *extra):
            mean = np.mean(list(metrics.by_source(score[have], *view).values()))
            low, high = metrics.difference(score[have], length[have], *view, seed=SEED, draws=DRAWS)
            cells.setdefault(name, []).append(f"{mean:.3f} | [{low:+.3f}, {high:+.3f}]")
    table = [f"| {name} | {' | '.join(found)} |{' | |' * (len(found) < 2)}" for name, found in cells.items()]  # noqa: PLR2004 - clear and all
    return "\n".join([*lines, *table, "", random_weights(rows, features), NOTES])


def main() -> None:
    """Read, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="train.jsonl.gz")
    parser.add_argument("--attention", type=Path, help="scores of training/attention.py")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("CANDIDATES.md"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    rows = data.load(arguments.data)
    attention = dict(np.load(arguments.attention)) if arguments.attention else {}
    text = render(rows, ridge.extract(rows.prompts), other_targets(arguments.data, rows), attention)
    arguments.out.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
