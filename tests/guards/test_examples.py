"""Every example runs: the README, the documents, the policies in them, the docstrings and the example files."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from guards.sources import ROOT, named

import tierkit

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = re.compile(r"^```(?P<language>\w+)(?P<mark>[^\n]*)\n(?P<body>.*?)^```", re.DOTALL | re.MULTILINE)
# A block marked so needs what this machine has not (a model server, a key); it is compiled and not run.
NOT_RUN = "no-run"


def _documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def _blocks(language: str) -> list[object]:
    found = []
    for path in _documents():
        text = path.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            if match["language"] == language:
                line = text.count("\n", 0, match.start()) + 1
                found.append(pytest.param(match["body"], match["mark"].strip(), id=f"{named(path)}:{line}"))
    return found


def _modules() -> list[str]:
    found = pkgutil.walk_packages(tierkit.__path__, "tierkit.")
    return ["tierkit", *sorted(module.name for module in found if not module.name.endswith("__main__"))]


def test_the_readme_has_an_example_that_runs() -> None:
    runs = [
        match
        for match in BLOCK.finditer((ROOT / "README.md").read_text(encoding="utf-8"))
        if match["language"] == "python"
    ]
    assert any(NOT_RUN not in match["mark"] for match in runs)


@pytest.mark.parametrize(("body", "mark"), _blocks("python"))
def test_python_block(body: str, mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = compile(body, "<document>", "exec")
    if mark != NOT_RUN:
        monkeypatch.chdir(tmp_path)
        exec(code, {"__name__": "__main__"})


@pytest.mark.parametrize(("body", "mark"), _blocks("toml"))
def test_policy_block(body: str, mark: str) -> None:
    if re.search(r"^version = 1$", body, re.MULTILINE) and mark != NOT_RUN:
        tierkit.Policy.from_text(body)


@pytest.mark.parametrize("name", _modules())
def test_docstrings(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(name)
    monkeypatch.chdir(tmp_path)
    outcome = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert outcome.failed == 0


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_example_file(path: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
