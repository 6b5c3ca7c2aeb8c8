"""Which of two questions was asked first says nothing: the decision is the same both ways."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tierkit import SemanticCache

ROWS = [
    json.loads(line)
    for path in sorted((Path(__file__).parents[1] / "fixtures/cache").glob("*.jsonl"))
    for line in path.read_text(encoding="utf-8").splitlines()
]
QUESTIONS = sorted({row[side] for row in ROWS for side in ("cached", "new")})
WORDS = sorted({word for question in QUESTIONS for word in question.split()})
MOST_EDITS = 4


@st.composite
def edited(draw: st.DrawFn) -> tuple[str, str]:
    """A question or loose words, and the same with words moved, replaced, put in or left out."""
    loose = st.lists(st.sampled_from(WORDS), min_size=2, max_size=8)
    old = draw(st.one_of(st.sampled_from(QUESTIONS).map(str.split), loose))
    new = draw(st.one_of(st.just(old), st.permutations(old)))
    for _ in range(draw(st.integers(0, MOST_EDITS))):
        at = draw(st.integers(0, len(new) - 1))
        keeps = draw(st.lists(st.sampled_from(WORDS), max_size=2))
        new = [*new[:at], *keeps, *new[at + draw(st.integers(0, 1)) :]] or old
    return " ".join(old), " ".join(new)


@given(edited(), st.sampled_from([0.5, 0.8, 0.97]))
def test_the_verdict_is_the_same_both_ways(pair: tuple[str, str], similarity: float) -> None:
    cache = SemanticCache(dim=8)
    there, back = cache.decide(*pair, similarity), cache.decide(*reversed(pair), similarity)
    assert (there.hit, bool(there.reasons)) == (back.hit, bool(back.reasons)), (there, back)


@given(st.sampled_from(QUESTIONS), st.sampled_from(QUESTIONS))
def test_also_of_questions_about_different_matters(one: str, other: str) -> None:
    cache = SemanticCache(dim=8)
    assert cache.decide(one, other, 0.95).hit == cache.decide(other, one, 0.95).hit
