"""K1: any prompt gets an answer in time."""

import base64
import random
import time

import pytest

from tierkit.route import TierClassifier

PROMPTS = {
    "empty": "",
    "ten megabytes": "All work and no play. " * 480_000,
    "ten megabytes of CJK": "漢字かな交じり文" * 400_000,
    "emoji only": "😀" * 1000,
    "NUL": "\0" * 1000,
    "lone surrogates": "\ud800\udc00\udfff" * 1000,
    "right to left": "\u202eשלום \u202bعالم" * 500,
    "base64": base64.b64encode(random.Random(1).randbytes(200_000)).decode(),
    "one letter a million times": "a" * 10**6,
    "combining marks": "a" + "\u0301" * 100_000,
    "newlines": "\n" * 500_000,
}


@pytest.fixture(scope="module")
def classifier() -> TierClassifier:
    classifier = TierClassifier.default()
    classifier.score("warm")
    return classifier


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS.keys())
def test_k1_an_answer_in_time(classifier: TierClassifier, prompt: str) -> None:
    started = time.perf_counter()
    score = classifier.score(prompt)
    assert time.perf_counter() - started < 1
    assert 0 <= score.need <= 1
    assert 0 <= score.success <= 1
    assert "fallback" not in score.reasons
    assert classifier.score_messages(prompt) is None or classifier.fallback is None
