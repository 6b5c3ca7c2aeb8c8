"""House rules of the tree: names that say something, no paths of one machine, no registry addresses, no loose ends."""

from __future__ import annotations

import re

from guards.sources import ROOT, named, tracked

VAGUE = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "managers", "stuff"}
TEXT = {".py", ".pyi", ".rs", ".toml", ".md", ".sh", ".txt", ".json", ".jsonl", ".yml", ".yaml", ""}
THIS_FILE = "tests/guards/test_tree.py"

# What a size guard prints as "look again"; it never fails the build.
LINES_TO_LOOK_AGAIN = 500

PLACES = re.compile(r"(?<![\w.$}])/(?:root|work|home|Users|tmp)/[A-Za-z]")
REGISTRIES = re.compile(
    r"(?:index|registry|extra-index)[-_]?url|pypi\.org/simple|files\.pythonhosted|(?:index|static)\.crates\.io|registry\.npmjs",
    re.IGNORECASE,
)


def _texts() -> list[tuple[str, str]]:
    paths = [path for path in tracked() if path.suffix in TEXT and named(path) not in {THIS_FILE, "Cargo.lock"}]
    return [(named(path), path.read_text(encoding="utf-8", errors="replace")) for path in paths]


def _lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in _texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_name_says_nothing() -> None:
    vague = [named(path) for path in tracked() if VAGUE & {part.split(".")[0] for part in path.relative_to(ROOT).parts}]
    assert vague == []


def test_no_path_of_one_machine() -> None:
    assert _lines_with(PLACES) == []


def test_no_address_of_a_registry() -> None:
    assert _lines_with(REGISTRIES) == []


def test_nothing_is_left_unfinished() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX)\b|\bunimplemented!|\btodo!\(")
    code = [line for line in _lines_with(marks) if line.split(":")[0].endswith((".rs", ".py"))]
    assert code == []


def test_sizes_are_reported() -> None:
    large = []
    for path in tracked():
        if path.suffix in {".py", ".rs"}:
            lines = path.read_text(encoding="utf-8").count("\n")
            if lines > LINES_TO_LOOK_AGAIN:
                large.append(f"{lines} {named(path)}")
    if large:
        print("files to look at again:", *sorted(large, reverse=True), sep="\n  ")
