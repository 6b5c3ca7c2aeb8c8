"""The repository's own files, for the guards that read them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_SKIPPED = {".git", ".venv", "target", "dist", "demo-out", "__pycache__", ".hypothesis"}


def tracked() -> list[Path]:
    """All files that git tracks; without git (an unpacked archive), all files that are not build output."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return [path for path in ROOT.rglob("*") if path.is_file() and not _SKIPPED & set(path.relative_to(ROOT).parts)]
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def named(path: Path) -> str:
    """A path as the guards' lists write it: from the root, with forward slashes."""
    return path.relative_to(ROOT).as_posix()


def rust_files(*folders: str) -> list[Path]:
    """The Rust files below some folders, such as `rust/core`."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.rs"))


def rust_code(path: Path) -> list[tuple[int, str]]:
    """The numbered lines of a Rust file up to its test module, with comments and the contents of texts removed."""
    lines = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip() == "#[cfg(test)]":
            break
        bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', line)
        lines.append((number, bare.split("//", 1)[0]))
    return lines
