"""Train the tier classifier that the package ships, and print how well it does on families that it has not seen.

    python training/train.py path/to/train.jsonl.gz

Without `--out` the shipped files are replaced: the model and its manifest in the package, the structural head in the
Rust core, and REPORT.md beside this script. The same data gives the same bytes.
"""

from __future__ import annotations

import os

# One thread, so that sums are taken in one order; set before numpy is loaded.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import importlib.metadata
import time
from pathlib import Path
from typing import Any

import evaluate
import export
import numpy as np
import report
import ridge
import rows as data
from sklearn.isotonic import IsotonicRegression

SEED = 20261121
ROOT = Path(__file__).resolve().parent.parent


def score_tables(
    difficulty: np.ndarray, weak: np.ndarray, shorter: np.ndarray, *, points: int
) -> dict[str, np.ndarray]:
    """Quantiles of the difficulty among prompts and their beginnings, and the cheap tier's success by rank, falling.

    Shapes: difficulty and weak (n,), shorter (m,); results (points,) and (33,).
    """
    places = np.linspace(0, 1, points)
    quantiles = np.quantile(np.concatenate([difficulty, shorter]), places)
    falling = IsotonicRegression(increasing=False, out_of_bounds="clip").fit(
        np.interp(difficulty, quantiles, places), weak
    )
    return {"quantiles": quantiles, "success": np.clip(falling.predict(np.linspace(0, 1, 33)), 0, 1)}


def beginnings(prompts: list[str]) -> ridge.Features:
    """Read the first half, quarter and eighth of each prompt.

    Exam questions are longer than what people ask: with them alone, everyday prompts would all have ranks near 0.
    """
    return ridge.extract([prompt[: len(prompt) // part] for part in (2, 4, 8) for prompt in prompts])


def ranges(model: ridge.Model) -> dict[str, np.ndarray]:
    """Collect what the measures add to the difficulty."""
    return {"weights": model.weights[:, 0], "center": model.center, "low": model.low, "high": model.high}


def main() -> None:
    """Read, evaluate, fit on all rows that may train, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="train.jsonl.gz")
    parser.add_argument("--out", type=Path, help="a folder for all files, instead of the package")
    parser.add_argument(
        "--all-rows", action="store_true", help="also train on rows without a clear licence; never ship the result"
    )
    arguments = parser.parse_args()
    if arguments.all_rows and arguments.out is None:
        parser.error("--all-rows: the package may only hold weights from rows with a clear licence; add --out DIR")
    started = time.monotonic()

    rows = data.load(arguments.data)
    features = ridge.extract(rows.prompts)
    found = evaluate.table(rows, features, seed=SEED)
    may = np.ones(len(rows.prompts), dtype=bool) if arguments.all_rows else rows.clear
    kept, part = features.take(np.flatnonzero(may)), rows.take(may)
    model = ridge.fit(kept, evaluate.targets(part), part.source)
    simple = ridge.fit(kept, evaluate.targets(part), part.source, wording=0)
    unseen = evaluate.out_of_fold(part, kept, seed=SEED)
    facts: dict[str, Any] = {
        "metrics": {name: {key: round(value, 4) for key, value in values.items()} for name, values in found.items()},
        "training": {
            "data_sha256": rows.digest,
            "rows": len(part.prompts),
            "seed": SEED,
            "penalty": ridge.PENALTY,
            "dense_scale": ridge.DENSE_SCALE,
            "wording": ridge.WORDING,
            "sources": {str(name): int((part.source == name).sum()) for name in np.unique(part.source)},
            "versions": {name: importlib.metadata.version(name) for name in ("numpy", "scipy", "scikit-learn", "onnx")},
        },
    }
    cut = beginnings(part.prompts)
    full_head = {
        **score_tables(unseen, part.weak, model.difficulty(cut), points=257),
        **ranges(model),
        "known_by_chance": model.chance,
        "intercept": model.usual,
    }
    simple_head = {
        **score_tables(simple.difficulty(kept), part.weak, simple.difficulty(cut), points=65),
        **ranges(simple),
        "intercept": 0.0,
    }
    export.write(arguments.out or ROOT / "python/tierkit/route/model", model, full_head, facts)
    export.write_rust((arguments.out or ROOT / "rust/core/src/features") / "shipped.rs", simple_head)
    text = report.render(found, facts["training"])
    ((arguments.out or ROOT / "training") / "REPORT.md").write_text(text)
    print(text)
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
