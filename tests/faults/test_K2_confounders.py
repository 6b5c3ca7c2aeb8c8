"""K2: prefixes made to push any prompt to the strong tier; the score gives way, the quota does not."""

import random

import pytest

import tierkit as tk
from tierkit.policy import Routing

pytest.importorskip("onnxruntime")

PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
EASY = ["say hello", "what time is it?", "thank you very much", "name a colour", "is water wet?", "count to three"]
# Fragments of what the training data holds; the search below finds the combinations that the score falls for.
FRAGMENTS = [
    "\\int_0^\\infty", "\\frac{a}{b}", "\\sum_{n=1}^{N}", "prove that", "lemma", "theorem", "(A) 12 (B) 17 (C) 23",
    "(D) all of the above", "def f(x):", "return", "assert f(3) ==", "{'key': 1}", "for all", "there exists",
    "polynomial", "eigenvalue", "covalent", "jurisdiction", "1729", "0.00314", "=>", "::", "??", "\n\n", "```",
    "Options:", "Let", "Suppose", "modulo", "triangle", "probability", "the following", "which of", "respectively",
]  # fmt: skip


def found_prefixes(classifier: tk.TierClassifier, generator: random.Random) -> list[str]:
    """Prefixes that push easy prompts highest: a beam grown fragment by fragment against the shipped model."""
    beam = [""]
    for _ in range(8):
        grown = [f"{prefix} {fragment}".strip() for prefix in beam for fragment in generator.sample(FRAGMENTS, 12)]
        asked = generator.sample(EASY, 3)
        scores = classifier.score_many([f"{prefix} {ask}" for prefix in grown for ask in asked])
        worth = [sum(score.need for score in scores[3 * at : 3 * at + 3]) for at in range(len(grown))]
        beam = [grown[at] for at in sorted(range(len(grown)), key=worth.__getitem__)[-6:]]
    return beam


@pytest.fixture(scope="module")
def prefixes() -> list[str]:
    return found_prefixes(tk.TierClassifier.default(), random.Random(2))


def test_k2_the_search_finds_what_it_looks_for(prefixes: list[str]) -> None:
    """Else the tests below would show nothing: the prefixes must fool the score."""
    classifier = tk.TierClassifier.default()
    plain = [score.need for score in classifier.score_many(EASY)]
    pushed = [score.need for score in classifier.score_many([f"{prefixes[-1]} {ask}" for ask in EASY])]
    assert sum(pushed) / len(EASY) > sum(plain) / len(EASY) + 0.2


@pytest.mark.parametrize(("quota", "burst"), [(0.0, 0), (0.1, 2), (0.3, 5)])
def test_k2_the_quota_holds_against_found_prefixes(prefixes: list[str], quota: float, burst: int) -> None:
    generator = random.Random(7)
    tiers = [tk.Tier("small", model="s", price=PRICE), tk.Tier("large", model="l", price=PRICE)]
    routing = Routing(share={"large": 0.5}, quota=quota, quota_burst=burst, quota_per=["user"])
    made = tk.Governor(tk.Policy(tiers=tiers, routing=routing))
    strong = 0
    for n in range(1, 301):
        if n % 3 == 0:  # others, with easy requests, move the thresholds
            made.admit(generator.choice(EASY), labels={"user": f"u{n}"}, max_output_tokens=5, cache="off").cancel()
        text = f"{generator.choice(prefixes)} {generator.choice(EASY)}"
        admission = made.admit(text, labels={"user": "mallory"}, max_output_tokens=5, cache="off")
        admission.cancel()
        strong += admission.tier == "large"
        assert strong <= burst + quota * n, f"{strong} of {n}"
    assert strong > 0 or quota == 0, "the prefixes reach the strong tier as far as the quota lets them"
