"""Training: who may train, the metric, and the same bytes from the same rows."""

import gzip
import importlib
import json
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

np = pytest.importorskip("numpy")
for needed in ("onnx", "onnxruntime", "scipy", "sklearn"):
    pytest.importorskip(needed)

TRAINING = Path(__file__).parents[2] / "training"
SOURCES = {"mmlu_pro": "TIGER-AI-Lab/MMLU-Pro", "zeroeval_crux": "WildEval/ZeroEval", "bfcl": "HuanzhiMao/BFCL-Result"}


@pytest.fixture(autouse=True)
def _training_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TRAINING))


def module(name: str) -> ModuleType:
    return importlib.import_module(name)


def made_rows(count: int) -> list[dict[str, Any]]:
    generator = random.Random(3)
    rows = []
    for number in range(count):
        source = generator.choice(list(SOURCES))
        hard = generator.random()
        words = generator.choices(["sum", "prime", "river", "colour", "x^2", "12"], k=3 + int(20 * hard))
        rows.append({
            "id": str(number), "source": source, "repo": SOURCES[source], "nc": False, "prompt": " ".join(words),
            "q_cheap": round(1 - hard, 2), "q_frontier": round(1 - hard / 2, 2),
        })  # fmt: skip
    return rows


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode(), mtime=0))
    return path


def test_rows_that_forbid_commercial_use_are_refused(tmp_path: Path) -> None:
    rows = made_rows(10)
    rows[7]["nc"] = True
    with pytest.raises(ValueError, match="row 7: nc = true"):
        module("rows").load(write(tmp_path / "rows.jsonl.gz", rows))


def test_only_clear_licences_train(tmp_path: Path) -> None:
    loaded = module("rows").load(write(tmp_path / "rows.jsonl.gz", made_rows(60)))
    assert set(loaded.take(loaded.clear).source) == {"mmlu_pro", "zeroeval_crux"}


def test_the_metric_by_hand() -> None:
    apgr = module("metrics").apgr
    weak, strong = np.zeros(10), np.arange(10) / 10
    # The best order recovers the gap early: the sums of 9+8+..., by trapezoids over tenths.
    best = np.concatenate([[0], np.cumsum(np.arange(10)[::-1])]) / 45
    assert apgr(strong, weak, strong) == pytest.approx(np.trapezoid(best, dx=0.1))
    assert apgr(-strong, weak, strong) == pytest.approx(1 - np.trapezoid(best, dx=0.1))
    assert apgr(np.ones(10), weak, strong) == pytest.approx(0.5)


def test_the_graph_computes_what_was_fitted(tmp_path: Path) -> None:
    rows, ridge, export, evaluate = (module(name) for name in ("rows", "ridge", "export", "evaluate"))
    import onnxruntime

    loaded = rows.load(write(tmp_path / "rows.jsonl.gz", made_rows(80)))
    features = ridge.extract(loaded.prompts)
    model = ridge.fit(features, evaluate.targets(loaded), loaded.source)
    session = onnxruntime.InferenceSession(export.graph(model).SerializeToString(), providers=["CPUExecutionProvider"])
    ids, tf, row, dense = ridge._core.features(loaded.prompts)
    found = session.run(["scores"], {
        "ids": np.frombuffer(ids, np.int64), "tf": np.frombuffer(tf, np.float32), "row": np.frombuffer(row, np.int64),
        "dense": np.frombuffer(dense, np.float32).reshape(-1, ridge._core.DENSE_FEATURES),
    })[0]  # fmt: skip
    assert found[:, :2] == pytest.approx(model.predict(features), abs=2e-3)
    assert found[:, 2] == pytest.approx(model.known(features), abs=1e-6)


def test_each_measure_of_work_has_its_say() -> None:
    ridge, generator = module("ridge"), np.random.default_rng(4)
    dense, source = generator.normal(size=(90, 23)) * np.arange(1, 24), np.repeat(["a", "b", "c"], 30)
    weights = ridge.work(dense, source)
    says = {at: weights[at] * ridge.within(dense[:, at], source) for at in ridge.WORK}
    assert {at: say / says[5] for at, say in says.items()} == pytest.approx(ridge.WORK)
    assert np.count_nonzero(weights) == len(ridge.WORK)
    assert ridge.within(dense @ weights, source) == pytest.approx(1)


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    data = write(tmp_path / "rows.jsonl.gz", made_rows(120))
    runs = []
    for name in ("one", "two"):
        command = [sys.executable, str(TRAINING / "train.py"), str(data), "--out", str(tmp_path / name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        runs.append({file.name: file.read_bytes() for file in (tmp_path / name).iterdir()})
    assert set(runs[0]) == {"REPORT.md", "manifest.json", "shipped.rs", "tier.onnx"}
    assert runs[0] == runs[1]
