"""The training rows: which prompts exist, which may train shipped weights, which family each source belongs to."""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

# Repositories with a licence file; rows from elsewhere only evaluate.
CLEAR = frozenset({"TIGER-AI-Lab/MMLU-Pro", "WildEval/ZeroEval"})

# One fold per family: sources that share prompts or formats never stand on both sides of a split.
FAMILIES = {
    "mmlu_pro": "exam",
    "zeroeval_crux": "execution",
    "zeroeval_math-l5": "contest maths",
    "aux7b_MATH_prealgebra": "contest maths",
    "routerbench_mbpp": "Python",
    "aux7b_mbpp": "Python",
    "gemini_humaneval": "Python",
    "gemini_odex": "Python",
    "gemini_svamp": "word problems",
    "gemini_mawpsmultiarith": "word problems",
    "aux7b_gsm8k-train": "word problems",
    "routerbench_arc_challenge": "science",
    "aux7b_arc_easy_train": "science",
    "routerbench_winograde": "pronouns",
    "bfcl": "tools",
    "gemini_flores": "translation",
}


class Rows(NamedTuple):
    """Prompts in the order of the file, with what is known about each.

    Shapes: every array is (n,). `weak` and `strong` are qualities in [0, 1]; `strong` is NaN when no frontier model
    answered.
    """

    prompts: list[str]
    source: np.ndarray
    family: np.ndarray
    weak: np.ndarray
    strong: np.ndarray
    clear: np.ndarray
    digest: str

    def take(self, where: np.ndarray) -> Rows:
        """Keep the rows where a mask is true."""
        kept = np.flatnonzero(where)
        arrays = (self.source, self.family, self.weak, self.strong, self.clear)
        return Rows([self.prompts[i] for i in kept], *(array[kept] for array in arrays), self.digest)


def load(path: Path) -> Rows:
    """Read `train.jsonl.gz`; a row that forbids commercial use ends the run.

    Raises:
        ValueError: A row has `nc = true`, or a source that no family names.

    """
    raw = path.read_bytes()
    rows = [json.loads(line) for line in gzip.decompress(raw).splitlines()]
    for row in rows:
        if row["nc"]:
            raise ValueError(
                f"row {row['id']}: nc = true, expected rows that allow commercial use; drop it from {path.name}"
            )
        if row["source"] not in FAMILIES:
            raise ValueError(
                f"source {row['source']!r}: expected one of {sorted(FAMILIES)}; name its family in rows.py"
            )
    return Rows(
        [row["prompt"] for row in rows],
        np.array([row["source"] for row in rows]),
        np.array([FAMILIES[row["source"]] for row in rows]),
        np.array([row["q_cheap"] for row in rows], dtype=float),
        np.array([np.nan if row["q_frontier"] is None else row["q_frontier"] for row in rows], dtype=float),
        np.array([row["repo"] in CLEAR for row in rows]),
        hashlib.sha256(raw).hexdigest(),
    )
