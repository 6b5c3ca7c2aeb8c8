"""Typos must not flip a decision: three random edits leave the order of prompts almost as it was."""

import random
import string

import pytest

from tierkit.route import TierClassifier

np = pytest.importorskip("numpy")
pytest.importorskip("onnxruntime")

SUBJECTS = ["a river", "prime numbers", "the tax on a car", "x^2 - 3x + 2 = 0", "a list of 12 words", "my contract"]
ASKS = [
    "What is {}?",
    "Explain {} to a child in two sentences.",
    "Compare {} with {} and say which one matters more, with 3 reasons.",
    "Write a function that takes {} and returns it sorted.\ndef f(xs):\n    return xs",
    "Translate into German: I have thought about {} for 25 years, and about {} for 7.",
    "Which of these is true of {}?\n(A) it is new\n(B) it is old\n(C) both, since 1984\n(D) neither",
    "Prove that for all n > 4 the sum of {} and {} is at most \\frac{{n}}{{2}}, and find every n with equality.",
]


def prompts() -> list[str]:
    generator = random.Random(7)
    made = []
    for _ in range(200):
        ask = generator.choice(ASKS)
        context = " ".join(generator.choices(["so", "please", "today", "we", "need", "numbers", "4", "17"], k=9))
        made.append(f"{context} {ask.format(*generator.sample(SUBJECTS, 2))}")
    return made


def typed_badly(text: str, generator: random.Random) -> str:
    for _ in range(3):
        at = generator.randrange(1, len(text) - 1)
        letter = generator.choice(string.ascii_lowercase)
        text = generator.choice(
            [
                text[:at] + text[at + 1 :],
                text[:at] + letter + text[at:],
                text[:at] + letter + text[at + 1 :],
                text[:at] + text[at + 1] + text[at] + text[at + 2 :],
            ]
        )
    return text


def test_three_typos_keep_the_order() -> None:
    generator, classifier, texts = random.Random(11), TierClassifier.default(), prompts()
    needs = [
        np.array([score.need for score in classifier.score_many(some)])
        for some in (texts, [typed_badly(text, generator) for text in texts])
    ]
    ranks = [np.argsort(np.argsort(some)) for some in needs]
    assert np.corrcoef(*ranks)[0, 1] >= 0.9
