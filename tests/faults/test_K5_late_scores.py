"""K5: on a busy machine a score that takes too long is skipped, and the request goes to the default tier.

Time comes from a clock of the test: nothing here depends on how busy this machine is.
"""

import threading
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest

import tierkit as tk
from tierkit import _core
from tierkit.policy import Routing
from tierkit.route.deadline import Deadline, TooLate

pytest.importorskip("onnxruntime")

MS = 1_000_000
PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
HARD = "Prove rigorously that \\sum_{n>0} 1/n^2 = \\pi^2/6, with all lemmas, in three independent ways."


class Counting:
    """A model that counts its runs."""

    def __init__(self) -> None:
        self.runs = 0

    def score(self, texts: list[str]) -> list[_core.TierScore]:
        return self.finish(_core.features(texts))

    def finish(self, buffers: tuple[bytes, bytes, bytes, bytes]) -> list[_core.TierScore]:
        self.runs += 1
        return [_core.TierScore(0.99)] * (len(buffers[3]) // 4 // _core.DENSE_FEATURES)


def governor(clock: Iterator[int]) -> tuple[tk.Governor, Counting]:
    """A governor whose every score looks at this clock, with a model that always wants the strong tier."""
    tiers = [tk.Tier(name, model=name, price=PRICE) for name in ("small", "medium", "large")]
    classifier = tk.TierClassifier("/nowhere")
    model = classifier._engine = Counting()
    policy = tk.Policy(tiers=tiers, routing=Routing(share={"medium": 0.2, "large": 0.2}, default="medium"))
    made = tk.Governor(policy, classifier=classifier)
    made._engine.score_clock = lambda: next(clock)
    return made, model


def test_k5_in_time() -> None:
    made, model = governor(chain([0, 5 * MS], repeat(0)))
    admission = made.admit(HARD, max_output_tokens=5)
    assert (admission.tier, admission.need, model.runs) == ("large", 0.99, 1)


def test_k5_past_the_deadline_the_default_tier_serves_and_the_model_is_not_asked() -> None:
    made, model = governor(chain([0, 5 * MS + 1], repeat(0)))
    admission = made.admit(HARD, max_output_tokens=5)
    assert (admission.tier, admission.need, model.runs) == ("medium", None, 0)
    assert "deadline" in admission.reasons
    assert made.admit(HARD, max_output_tokens=5).tier == "large", "one late score says nothing of the next"


def test_k5_a_late_score_moves_no_threshold() -> None:
    late, _ = governor(chain.from_iterable([0, 6 * MS] for _ in range(500)))
    before = late.route("x", need=0.5).tiers
    for _ in range(200):
        late.admit(HARD, max_output_tokens=5).cancel()
    assert late.route("x", need=0.5).tiers == before


def test_k5_nobody_waits_for_a_model_that_another_thread_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    loading, go_on = threading.Event(), threading.Event()

    def slow(_folder: Path) -> Counting:
        loading.set()
        go_on.wait(20)
        return Counting()

    monkeypatch.setattr("tierkit.route.fitted.opened", slow)
    classifier = tk.TierClassifier("/nowhere")
    loader = threading.Thread(target=lambda: classifier.score_messages(HARD, deadline=Deadline()))
    loader.start()
    try:
        assert loading.wait(20)
        with pytest.raises(TooLate):
            classifier.score_messages(HARD, deadline=Deadline())
    finally:
        go_on.set()
        loader.join()
    found = classifier.score_messages(HARD, deadline=Deadline(lambda: 0))
    assert found is not None
    assert found.need == 0.99
