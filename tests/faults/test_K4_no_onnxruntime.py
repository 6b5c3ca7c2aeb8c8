"""K4: without a usable onnxruntime nothing breaks, neither at import nor at the first score."""

import subprocess
import sys
from pathlib import Path

import pytest

SCORE = """
import warnings, tierkit
from tierkit.route import ClassifierFallbackWarning
classifier = tierkit.TierClassifier.default()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    scores = [classifier.score("What is 2 + 2?"), *classifier.score_many(["a", "b"])]
assert [warning.category for warning in caught] == [ClassifierFallbackWarning], caught
assert all("fallback" in score.reasons for score in scores)
print(classifier.fallback)
"""

STAND_INS = {
    "absent": "raise ModuleNotFoundError('no module named onnxruntime')",
    "broken library": "raise ImportError('libonnxruntime.so.1: version GLIBC_9.9 not found')",
    "broken in another way": "raise RuntimeError('numpy 1.x cannot be run in numpy 2')",
    "other version": "__version__ = '0.1'",
    "failing session": (
        "class SessionOptions:\n    def add_session_config_entry(self, key, value): pass\n"
        "class ExecutionMode: ORT_SEQUENTIAL = 0\n"
        "def InferenceSession(*args, **kwargs): raise OSError('pthread_setaffinity_np failed')"
    ),
}


@pytest.mark.parametrize("stand_in", STAND_INS.values(), ids=STAND_INS.keys())
def test_k4_structure_serves(tmp_path: Path, stand_in: str) -> None:
    (tmp_path / "onnxruntime.py").write_text(stand_in)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{SCORE}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert done.stderr == ""
