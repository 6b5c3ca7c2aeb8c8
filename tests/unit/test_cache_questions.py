"""What the decision does to pairs of questions written for it: floors that no change of the guards may fall under."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tierkit import SemanticCache
from tierkit.cache import embed_many

FIXTURES = Path(__file__).parents[1] / "fixtures/cache"
VAGUE = ("similarity", "too little")  # reasons of the odds, not of a guard
NOT_EDITED = "topic"  # another question altogether, which the odds refuse


Judged = list[tuple[dict[str, object], bool, bool]]


@pytest.fixture(scope="module")
def judged() -> Judged:
    """Pairs of general questions."""
    return judge("questions.jsonl")


@pytest.fixture(scope="module")
def assisted() -> Judged:
    """Pairs in the way people write to assistants and to support."""
    return judge("assistants.jsonl")


def judge(name: str) -> Judged:
    """Each pair, whether it hits, and whether a guard objects."""
    rows = [json.loads(line) for line in (FIXTURES / name).read_text(encoding="utf-8").splitlines()]
    cosines = (embed_many([row["cached"] for row in rows]) * embed_many([row["new"] for row in rows])).sum(axis=1)
    cache, found = SemanticCache(), []
    for row, cosine in zip(rows, cosines.tolist(), strict=True):
        verdict = cache.decide(row["cached"], row["new"], min(1.0, max(-1.0, cosine)))
        found.append((row, verdict.hit, any(not reason.startswith(VAGUE) for reason in verdict.reasons)))
    return found


def share(flags: list[bool]) -> float:
    return sum(flags) / len(flags)


def test_paraphrases_hit_and_few_are_blocked(judged: Judged) -> None:
    same = [(hit, guarded) for row, hit, guarded in judged if row["should_hit"]]
    assert share([hit for hit, _ in same]) >= 0.5
    assert share([guarded for _, guarded in same]) <= 0.06


def test_edited_questions_are_blocked_and_none_hits(judged: Judged) -> None:
    other = [(row, hit, guarded) for row, hit, guarded in judged if not row["should_hit"]]
    assert [(row["cached"], row["new"]) for row, hit, _ in other if hit] == []
    assert share([guarded for row, _, guarded in other if row["kind"] != NOT_EDITED]) >= 0.96


def test_what_people_ask_an_assistant_hits_in_other_words(assisted: Judged) -> None:
    same = [(hit, guarded) for row, hit, guarded in assisted if row["should_hit"]]
    assert share([hit for hit, _ in same]) >= 0.65
    assert share([guarded for _, guarded in same]) <= 0.08


def test_what_was_edited_is_blocked_and_hits_one_time_in_a_hundred_at_most(assisted: Judged) -> None:
    other = [(hit, guarded) for row, hit, guarded in assisted if not row["should_hit"]]
    assert share([hit for hit, _ in other]) <= 0.012
    assert share([guarded for _, guarded in other]) >= 0.955
    right = sum(hit for row, hit, _ in assisted if row["should_hit"])
    assert right / (right + sum(hit for hit, _ in other)) >= 0.97


def test_verdicts_are_the_same_both_ways(judged: Judged, assisted: Judged) -> None:
    cache = SemanticCache()
    for row, _, _ in judged + assisted:
        there, back = cache.decide(row["cached"], row["new"], 0.9), cache.decide(row["new"], row["cached"], 0.9)
        assert there.hit == back.hit, row
