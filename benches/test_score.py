"""Scores of prompts of some 128 tokens: one by one and in batches, shipped and fitted, in the same run.

The fitted head is measured as a ratio to the shipped model, which is the same work plus the head's.
"""

from __future__ import annotations

import random
import re
from pathlib import Path
from statistics import median
from time import perf_counter_ns, process_time_ns
from typing import TYPE_CHECKING

import tierkit as tk

if TYPE_CHECKING:
    from collections.abc import Callable

PAGES = Path(__file__).resolve().parents[1] / "docs" / "concepts"
WORDS = re.findall(r"[A-Za-z]+", " ".join(page.read_text(encoding="utf-8") for page in sorted(PAGES.glob("*.md"))))


def prompts(count: int, words: int) -> list[str]:
    generator = random.Random(5)  # noqa: S311 - which texts, not a secret
    starts = [generator.randrange(len(WORDS) - words) for _ in range(count)]
    return [" ".join(WORDS[start : start + words]) for start in starts]


def fitted() -> tk.TierClassifier:
    rows = prompts(300, 60)
    return tk.TierClassifier.fit(rows, [float("budget" in row) for row in rows])


def per_second(score: Callable[[], object], texts: int) -> float:
    """Texts per second of processor time, the median of 9."""
    spent = []
    for _ in range(9):
        began = process_time_ns()
        score()
        spent.append(process_time_ns() - began)
    return texts * 1e9 / median(spent)


def test_scores() -> None:
    texts = prompts(400, 104)
    tokens = sum(map(tk.count_tokens, texts)) / len(texts)
    rates = []
    for name, classifier in (("shipped", tk.TierClassifier.default()), ("fitted", fitted())):
        classifier.score_many(texts)
        times_ns = []
        for text in texts * 3:
            began = perf_counter_ns()
            classifier.score(text)
            times_ns.append(perf_counter_ns() - began)
        times_ns.sort()
        rates.append(per_second(lambda scorer=classifier: scorer.score_many(texts), len(texts)))  # type: ignore[misc]
        p99 = times_ns[len(times_ns) * 99 // 100]
        print(
            f"\n  {name}, {tokens:.0f} tokens of prose: p50 {median(times_ns) / 1000:.0f} us, "
            f"p99 {p99 / 1000:.0f} us, {rates[-1]:,.0f} texts/s in batches"
        )
    assert rates[1] > 0.6 * rates[0], "the fitted head is small beside the model"
