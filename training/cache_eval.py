"""Judge the cache's decision on labelled pairs, with whole families kept out of the fit.

    python training/cache_eval.py PAIRS.jsonl [--json] [--svg FILE]

Each line of the file has `cached`, `new`, `should_hit`, `kind` and `source`. Three reports: what the shipped decision
does, by kind; what the same features do when fitted without the families they are scored on; and what
a cosine does alone.
Pairs of kind `intent-same` share an intent, not an answer, and are reported apart.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from tierkit import SemanticCache
from tierkit._core import cache_overlap
from tierkit.cache import embed_many

APART = "intent-same"
PRECISION, FALSE_HITS = 0.97, 0.01
CUT, FLOOR, THIN = 0.25, 0.4, -1.0  # of `rust/core/src/cache/decision.rs`
GUARDS = ("similarity", "too little")
FEWEST = 50


def main() -> None:
    """Read, judge, print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("pairs", type=Path)
    options.add_argument("--json", action="store_true")
    options.add_argument("--svg", type=Path, help="draw precision over recall into this file")
    asked = options.parse_args()
    rows = [json.loads(line) for line in asked.pairs.read_text(encoding="utf-8").splitlines()]
    judged = Judged(rows)
    found = {"shipped": judged.shipped(), "by_kind": judged.by_kind(), "families_out": judged.families_out()}
    found["cosine_alone"] = best(judged.similarity, judged.should, judged.scored)
    if asked.svg:
        from cache_picture import draw  # noqa: PLC0415 - only when asked for

        asked.svg.write_text(draw(judged), encoding="utf-8")
    sys.stdout.write(json.dumps(found, indent=2 if not asked.json else None) + "\n")


class Judged:
    """The pairs with their similarity, their features and the shipped verdict."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        """Embed and decide every pair once."""
        self.rows = rows
        self.should = np.array([bool(row["should_hit"]) for row in rows])
        self.kind = np.array([row["kind"] for row in rows])
        self.source = np.array([row["source"] for row in rows])
        self.scored = self.kind != APART
        self.similarity = similarities(rows)
        verdicts = [
            SemanticCache().decide(row["cached"], row["new"], float(cosine))
            for row, cosine in zip(rows, self.similarity, strict=True)
        ]
        self.hit = np.array([verdict.hit for verdict in verdicts])
        self.guarded = np.array([any(not r.startswith(GUARDS) for r in verdict.reasons) for verdict in verdicts])
        self.features = features(rows, self.similarity)

    def shipped(self) -> dict[str, float]:
        """What the decision in the package does at its defaults."""
        positives, negatives = self.scored & self.should, ~self.should
        edited = np.char.startswith(self.kind, "hard")
        right, wrong = int((self.hit & positives).sum()), int((self.hit & negatives).sum())
        with_same = int((self.hit & self.should).sum())
        return {
            "recall": right / int(positives.sum()),
            "recall_with_intent_same": with_same / int(self.should.sum()),
            "false_hits": wrong / int(negatives.sum()),
            "precision": right / max(right + wrong, 1),
            "guards_block_positives": float(self.guarded[positives].mean()),
            "guards_block_edited_negatives": float(self.guarded[edited].mean()) if edited.any() else float("nan"),
        }

    def by_kind(self) -> dict[str, dict[str, float]]:
        """Share of each kind that guards block and that hits."""
        return {
            str(kind): {
                "pairs": int((self.kind == kind).sum()),
                "guarded": float(self.guarded[self.kind == kind].mean()),
                "hit": float(self.hit[self.kind == kind].mean()),
            }
            for kind in sorted(set(self.kind))
        }

    def families_out(self) -> list[dict[str, Any]]:
        """Fit on all sources but two, one of each label, and score those two at the cut of the package."""
        made = made_up(self.rows)
        extra = features(made, similarities(made))
        open_, found = self.scored & ~self.guarded & (self.similarity >= FLOOR), []
        holders = [source for source in sorted(set(self.source)) if (self.source == source).sum() > FEWEST]
        good = [s for s in holders if self.should[(self.source == s) & self.scored].any()]
        bad = [s for s in holders if (~self.should[self.source == s]).any()]
        for keeps, wrongs in ((g, b) for g in good for b in bad if g != b):
            out = ((self.source == keeps) & self.should) | ((self.source == wrongs) & ~self.should)
            fit = open_ & ~np.isin(self.source, (keeps, wrongs))
            if self.should[fit].sum() < FEWEST:
                continue  # nothing is left to learn what a paraphrase is
            fresh = np.array([row["source"] != keeps for row in made])
            x = np.vstack([self.features[fit], extra[fresh]])[:, :-1]
            weights = logistic(x, np.r_[self.should[fit], np.zeros(int(fresh.sum()))])
            hit = open_ & out & (odds(self.features, weights) >= CUT)
            right, wrong = int((hit & self.should).sum()), int((hit & ~self.should).sum())
            held = self.scored & out
            found.append(
                {
                    "held_out": [str(keeps), str(wrongs)],
                    "recall": right / int((held & self.should).sum()),
                    "false_hits": wrong / int((held & ~self.should).sum()),
                    "precision": right / max(right + wrong, 1),
                    "weights": [round(float(weight), 2) for weight in weights],
                }
            )
        return found


def similarities(rows: list[dict[str, Any]]) -> Any:
    """Cosines of the built-in encoder."""
    old, new = embed_many([row["cached"] for row in rows]), embed_many([row["new"] for row in rows])
    return (old * new).sum(axis=1).clip(-1, 1)


def features(rows: list[dict[str, Any]], cosines: Any) -> Any:
    """What `rust/core/src/cache/decision.rs` weighs: share, covered, anchors, closeness; at last thin or not."""
    found = []
    for row, cosine in zip(rows, cosines, strict=True):
        shared, *alone, anchors, _ = cache_overlap(row["cached"], row["new"])
        share = 2 * shared / (2 * shared + sum(alone) + 0.5)
        covered = not any(alone)
        thin = shared <= 1 and not (covered and anchors)
        found.append((share, covered, min(anchors, 3), max(cosine - 0.8, 0), thin))
    return np.array(found, dtype=float)


def odds(features: Any, weights: Any) -> Any:
    """The logarithm of the odds; one word in common is no matter."""
    found = features[:, :-1] @ weights[1:] + weights[0]
    return np.where(features[:, -1] > 0, np.minimum(found, THIN), found)


def made_up(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Negatives of two kinds that the file lacks: a shared name with another matter, and one content word replaced."""
    dice = random.Random(3)
    words = [word for row in rows for word in re.findall(r"\b[a-z]{4,}\b", row["cached"])]
    made = []
    by_name = defaultdict(list)
    for row in rows:
        if not row["should_hit"] or row["kind"] == APART:
            continue
        for name in sorted(set(re.findall(r"(?<=[a-z,] )[A-Z`][\w`.]+", row["cached"]))):
            by_name[row["source"], name].append(row)
        inside = [word for word in re.findall(r"\b[a-z]{5,}\b", row["new"]) if word in row["cached"]]
        if inside:
            new = row["new"].replace(dice.choice(inside), dice.choice(words))
            made.append({"cached": row["cached"], "new": new, "source": row["source"]})
    for (source, _), several in by_name.items():
        for _ in range(min(8, len(several))):
            one, other = dice.choice(several), dice.choice(several)
            if sum(cache_overlap(one["cached"], other["cached"])[1:3]) > 1:
                made.append({"cached": one["cached"], "new": other["new"], "source": source})
    return made


def logistic(x: Any, y: Any, *, steps: int = 30, ridge: float = 1.0) -> Any:
    """Weights of a logistic regression by Newton's method, the constant first."""
    x = np.column_stack([np.ones(len(x)), x])
    weights = np.zeros(x.shape[1])
    for _ in range(steps):
        chance = 1 / (1 + np.exp(-(x @ weights).clip(-30, 30)))
        slope = x.T @ (y - chance) - ridge * weights
        curve = (x * (chance * (1 - chance))[:, None]).T @ x + ridge * np.eye(len(weights))
        weights += np.linalg.solve(curve, slope)
    return weights


def best(score: Any, should: Any, counted: Any) -> dict[str, float]:
    """The cut with the most recall at the wanted precision and share of false hits; zeros if there is none."""
    order = np.argsort(-score[counted])
    right = np.cumsum(should[counted][order])
    wrong = np.cumsum(~should[counted][order])
    fine = (right / (right + wrong) >= PRECISION) & (wrong <= FALSE_HITS * int((~should).sum()))
    if not fine.any():
        return {"recall": 0.0, "cut": 1.0}
    at = int(np.max(np.nonzero(fine)[0]))
    return {"recall": float(right[at] / should[counted].sum()), "cut": float(score[counted][order][at])}


if __name__ == "__main__":
    main()
