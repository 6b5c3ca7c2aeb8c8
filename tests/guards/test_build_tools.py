"""The build's manners: every target has a help line, and a machine that lacks something is told what and how."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from guards.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PROMISED = {"setup", "demo", "test", "crash", "check", "bench", "docs", "fix"}
PLAIN_TOOLS = ("sh", "sed", "printf")


def test_every_promised_target_has_a_help_line() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert set(re.findall(r"^([a-z]+):.*## \S", makefile, re.MULTILINE)) >= PROMISED


def test_ci_is_make_check_and_nothing_else() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line and not line.startswith(("#", "cd ", "export ", "set "))]
    assert commands == ["make check"]


def _machine(folder: Path, **programs: str) -> Path:
    """A PATH with a shell and some programs that are written here."""
    for tool in PLAIN_TOOLS:
        found = shutil.which(tool)
        if found:
            (folder / tool).symlink_to(found)
    for name, body in programs.items():
        program = folder / name.replace("_", "-")
        program.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        program.chmod(0o755)
    return folder


def _preflight(path: Path) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(ROOT / "tools" / "preflight.sh")]
    shell = shutil.which("sh")
    return subprocess.run(
        command, executable=shell, env={"PATH": str(path)}, capture_output=True, text=True, check=False
    )


GOOD_PYTHON = "exit 0"
OLD_PYTHON = 'case "$*" in *version_info*) exit 1;; *) echo Python 3.9.2;; esac'
PYTHON_WITHOUT_VENV = 'case "$*" in *ensurepip*) exit 1;; esac'
GOOD_CARGO = "echo cargo 1.95.0"


@pytest.mark.parametrize(
    ("programs", "sentence"),
    [
        ({}, "needs Python 3.11 or newer on the PATH, found: none"),
        ({"python3": OLD_PYTHON}, "needs Python 3.11 or newer on the PATH, found: Python 3.9.2"),
        ({"python3": PYTHON_WITHOUT_VENV}, "cannot make virtual environments"),
        ({"python3": GOOD_PYTHON}, "needs Rust's cargo 1.89 or newer on the PATH, found none"),
        ({"python3": GOOD_PYTHON, "cargo": "echo cargo 1.63.0"}, "needs cargo 1.89 or newer, found: cargo 1.63.0"),
        ({"python3": GOOD_PYTHON, "cargo": GOOD_CARGO}, "needs a C compiler"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, programs: dict[str, str], sentence: str) -> None:
    done = _preflight(_machine(tmp_path, **programs))
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "\n  Run: " in done.stderr


def test_a_newer_python_is_found_beside_an_old_one(tmp_path: Path) -> None:
    machine = _machine(tmp_path, python3=OLD_PYTHON, cargo=GOOD_CARGO, cc="exit 0")
    (machine / "python3.12").write_text(f"#!/bin/sh\n{GOOD_PYTHON}\n", encoding="utf-8")
    (machine / "python3.12").chmod(0o755)
    done = _preflight(machine)
    assert (done.returncode, done.stdout.strip()) == (0, "python3.12")
