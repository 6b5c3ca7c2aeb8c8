"""Fitting to own labels: few rows change little, many win, success is calibrated, files are checked."""

import json
import random
from pathlib import Path

import pytest

import tierkit as tk

np = pytest.importorskip("numpy")
pytest.importorskip("onnxruntime")

TOPICS = ("invoice", "holiday", "payroll", "printer", "contract", "garden")


def traffic(count: int, seed: int = 1, *, signal: bool = True) -> tuple[list[str], list[float]]:
    """Requests of an office: contracts and payroll are beyond the cheap tier, whatever their length."""
    generator = random.Random(seed)
    prompts, labels = [], []
    for _ in range(count):
        topic = generator.choice(TOPICS)
        words = generator.choices(["please", "check", "the", "new", "old", "team", "for", "today"], k=12)
        prompts.append(" ".join([*words[:6], topic, *words[6:]]))
        hard = topic in {"contract", "payroll"} if signal else generator.random() < 0.5
        labels.append(float(generator.random() > (0.9 if hard else 0.2)))
    return prompts, labels


def ranks(values: list[float]) -> "np.ndarray":
    return np.argsort(np.argsort(values))


def test_many_rows_win() -> None:
    mine = tk.TierClassifier.fit(*traffic(300))
    prompts, labels = traffic(300, seed=2)
    needs = np.array([score.need for score in mine.score_many(prompts)])
    failed = np.array(labels) == 0
    better = (needs[failed][:, None] > needs[~failed][None, :]).mean()
    assert better > 0.7, "the need must put failures above successes"


def test_success_is_calibrated() -> None:
    mine = tk.TierClassifier.fit(*traffic(600))
    prompts, labels = traffic(2_000, seed=3)
    scores = mine.score_many(prompts)
    assert all(score.calibrated for score in scores)
    success = np.array([score.success for score in scores])
    for low, high in ((0.0, 0.4), (0.6, 1.0)):
        inside = (success >= low) & (success <= high)
        assert inside.sum() > 200
        assert success[inside].mean() == pytest.approx(np.array(labels)[inside].mean(), abs=0.07)


def test_noise_changes_little() -> None:
    prompts, labels = traffic(60, signal=False)
    base, mine = tk.TierClassifier.default(), tk.TierClassifier.fit(prompts, labels)
    others, _ = traffic(300, seed=9)
    before, after = ([score.need for score in it.score_many(others)] for it in (base, mine))
    assert np.corrcoef(ranks(before), ranks(after))[0, 1] > 0.9
    success = [score.success for score in mine.score_many(others)]
    assert np.std(success) < 0.08, "of noise nothing is known but its mean"


@pytest.mark.parametrize("label", [0.0, 1.0, 0.5])
def test_labels_that_are_all_alike(label: float) -> None:
    prompts, _ = traffic(40)
    mine = tk.TierClassifier.fit(prompts, [label] * 40)
    assert mine.score(prompts[0]).success == pytest.approx(label, abs=0.05)


def test_the_order_of_the_rows_is_no_matter_to_the_kind_of_result() -> None:
    prompts, labels = traffic(200)
    order = sorted(range(200), key=lambda at: labels[at])
    mine = tk.TierClassifier.fit([prompts[at] for at in order], [labels[at] for at in order])
    assert mine.score("please check the contract today").need > mine.score("please check the garden today").need


def test_more_rows_than_are_solved_at_once() -> None:
    mine = tk.TierClassifier.fit(*traffic(1_700))
    assert mine.score("please check the contract today").need > mine.score("please check the garden today").need


def test_odd_texts_are_fitted_and_scored() -> None:
    odd = ["", "\0", "a\ud800b", "😀" * 9, "x" * 100_000, "שלום"] * 5
    mine = tk.TierClassifier.fit(odd, [0.0, 1.0, 0.5] * 10)
    assert all(0 <= score.need <= 1 and 0 <= score.success <= 1 for score in mine.score_many([*odd, "new"]))


@pytest.mark.parametrize(
    ("prompts", "labels", "sentence"),
    [
        (["a"] * 19, [1.0] * 19, "19 rows, expected at least 20"),
        (["a"] * 30, [1.0] * 29, "29 for 30 prompts"),
        (["a"] * 30, [1.0] * 29 + [1.5], "1.5 in row 29"),
        (["a"] * 30, [float("nan")] * 30, "nan in row 0"),
    ],
)
def test_mistakes_are_one_sentence(prompts: list[str], labels: list[float], sentence: str) -> None:
    with pytest.raises(tk.ConfigError, match=sentence):
        tk.TierClassifier.fit(prompts, labels)


def test_what_is_saved_scores_the_same(tmp_path: Path) -> None:
    prompts, labels = traffic(100)
    first = tk.TierClassifier.fit(prompts, labels)
    second = tk.TierClassifier.fit(prompts[:50], labels[:50], first)
    for name, mine in (("first", first), ("second", second)):
        mine.save(tmp_path / name)
        mine.save(tmp_path / name)
        read = tk.TierClassifier.load(tmp_path / name)
        assert read.score_many(prompts) == mine.score_many(prompts)
        assert tk.TierClassifier(tmp_path / name).score(prompts[0]) == mine.score(prompts[0])
    read.save(tmp_path / "again")
    assert tk.TierClassifier.load(tmp_path / "again").score(prompts[1]) == second.score(prompts[1])
    written = b"".join(file.read_bytes() for file in (tmp_path / "first").iterdir() if file.is_file())
    assert b"contract" not in written


def spoilt(folder: Path, how: str) -> None:
    manifest = folder / "manifest.json"
    if how == "grams":
        raw = bytearray((folder / "grams.bin").read_bytes())
        raw[-1] ^= 1
        (folder / "grams.bin").write_bytes(raw)
    elif how == "base":
        (folder / "base" / "manifest.json").write_text("{}")
    elif how == "version":
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "features_version": 99}))
    elif how == "head":
        said = json.loads(manifest.read_text())
        said["head"]["phases"].append(0.0)
        manifest.write_text(json.dumps(said))
    else:
        manifest.unlink()


@pytest.mark.parametrize("how", ["grams", "base", "version", "head", "manifest"])
def test_an_altered_folder_is_refused_or_falls_back(tmp_path: Path, how: str) -> None:
    tk.TierClassifier.fit(*traffic(40)).save(tmp_path)
    spoilt(tmp_path, how)
    with pytest.raises(tk.ConfigError, match="give a folder that"):
        tk.TierClassifier.load(tmp_path)
    with pytest.warns(tk.route.ClassifierFallbackWarning):
        assert "fallback" in tk.TierClassifier(tmp_path).score("hello").reasons
