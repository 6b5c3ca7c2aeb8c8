"""The shipped classifier: ranks, reasons, one run for many, nothing heavy before the first score."""

import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tierkit import _core
from tierkit.route import TierClassifier
from tierkit.route import classifier as home

MODEL = Path(home.__file__).with_name("model")
QUESTIONS = "Solve 3x + 5 = 20 and 7y - 12 = 93 over the integers, then give x*y, x^2, y^2 and 4xy - 17. " * 4


@pytest.fixture(scope="module")
def classifier() -> TierClassifier:
    return TierClassifier.default()


def test_one_classifier_per_process() -> None:
    assert TierClassifier.default() is TierClassifier.default()


def test_a_score_is_a_rank_with_reasons(classifier: TierClassifier) -> None:
    easy, hard = classifier.score("hello there"), classifier.score(QUESTIONS)
    assert classifier.fallback is None
    assert 0 <= easy.need < hard.need <= 1
    assert 0 <= hard.success < easy.success <= 1
    assert not easy.calibrated
    assert "symbols" in hard.reasons
    assert "few different words" in easy.reasons
    assert "fallback" not in hard.reasons


def test_a_foreign_language_is_flagged_and_moved_to_the_middle(classifier: TierClassifier) -> None:
    score = classifier.score("Привет, расскажи мне пожалуйста о погоде на завтра")
    assert "language" in score.reasons
    assert score.need == pytest.approx(0.5, abs=0.15)
    assert "language" not in classifier.score("Tell me what you know about rivers in Europe").reasons


def test_texts_beyond_training_still_differ(classifier: TierClassifier) -> None:
    long, longer = (QUESTIONS * count for count in (10, 20))
    assert 0.99 < classifier.score(long).need < classifier.score(longer).need <= 1


def test_many_are_scored_as_one(classifier: TierClassifier) -> None:
    texts = ["", "hi", QUESTIONS, "日本語", "a\ud800b", *(f"question {n}: why?" for n in range(400)), "x" * 300_000]
    many = classifier.score_many(texts)
    assert len(many) == len(texts)
    for text, score in zip(texts, many, strict=True):
        assert score.need == pytest.approx(classifier.score(text).need, abs=1e-5)
    assert classifier.score_many([]) == []


def test_the_score_of_a_conversation(classifier: TierClassifier) -> None:
    hard = {"role": "user", "content": QUESTIONS}
    yes = {"role": "user", "content": "yes"}
    tool = {"role": "user", "content": [{"type": "tool_result", "content": "12"}]}
    wanted = classifier.score(QUESTIONS.strip())
    assert classifier.score_messages([hard]) == wanted
    assert classifier.score_messages([hard, yes]).need == pytest.approx(wanted.need, abs=1e-5)  # type: ignore[union-attr]
    assert classifier.score_messages([hard, tool]) == wanted
    assert classifier.score_messages([tool]) is None


def test_harness_text_around_an_ask_changes_nothing(classifier: TierClassifier) -> None:
    plain = classifier.score_messages("Rename the function parse to read")
    noisy = classifier.score_messages(
        [
            {"role": "system", "content": "tools: " + "x" * 5000},
            {"role": "user", "content": "<system-reminder>12 34 56</system-reminder>Rename the function parse to read"},
        ]
    )
    assert plain == noisy


def test_texts_must_be_texts(classifier: TierClassifier) -> None:
    with pytest.raises(TypeError):
        classifier.score(None)  # type: ignore[arg-type]
    assert classifier.fallback is None


def test_threads_share_a_fresh_classifier() -> None:
    fresh = TierClassifier(MODEL)
    found: list[float] = []
    threads = [threading.Thread(target=lambda: found.append(fresh.score(QUESTIONS).need)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_score_costs_little_more_than_the_bare_run(classifier: TierClassifier) -> None:
    """Binding, features and reasons together: a ratio in one process, so that a busy machine cancels out."""
    classifier.score(QUESTIONS)
    run, seen = classifier._engine._run, {}  # type: ignore[union-attr]

    def spy(outputs: list[str], inputs: dict[str, object]) -> object:
        seen.update(inputs)
        return run(outputs, inputs)

    classifier._engine._run = spy  # type: ignore[union-attr]
    classifier.score(QUESTIONS)
    classifier._engine._run = run  # type: ignore[union-attr]
    assert median_s(lambda: classifier.score(QUESTIONS)) <= 4 * median_s(lambda: run(["scores"], seen))


def median_s(work: Callable[[], object]) -> float:
    times = []
    for _ in range(300):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def test_nothing_heavy_is_imported_before_the_first_score() -> None:
    code = (
        "import sys, tierkit; from tierkit.route import Router, human_ask; c = tierkit.TierClassifier.default();"
        "Router(['a', 'b'], {'b': 0.1}).plan(0.5); human_ask('hello');"
        "print(*{'numpy', 'onnxruntime', 'asyncio', 'dataclasses'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_shipped_files_are_small_and_of_one_piece() -> None:
    manifest = json.loads((MODEL / "manifest.json").read_text())
    assert sum(file.stat().st_size for file in MODEL.iterdir()) < 8 << 20
    assert manifest["features_version"] == _core.FEATURES_VERSION
    assert set(manifest["training"]["sources"]) == {"mmlu_pro", "zeroeval_crux", "zeroeval_math-l5"}
