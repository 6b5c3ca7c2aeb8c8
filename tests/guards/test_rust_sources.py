"""House rules of the Rust crates that no compiler checks."""

from __future__ import annotations

import re

import pytest
from guards.sources import named, rust_code, rust_files

# Where `unsafe` may stand, each with its reason.
UNSAFE = {
    "rust/core/src/cache/kernels": "vector instructions, each beside a scalar twin that a test compares it with",
    "rust/store/src/segment": "the memory-mapped state shared by processes",
    "rust/store/src/tests/vfs.rs": "a file system for SQLite whose power a test can cut",
}

# Where a float may stand in the core, each with its reason. Money and time are never among them.
FLOATS = {
    "rust/core/src/cache": "similarities and vectors",
    "rust/core/src/features": "the classifier's inputs",
    "rust/core/src/route": "scores and shares of traffic",
}


def _hits(pattern: str, folders: tuple[str, ...], allowed: dict[str, str]) -> list[str]:
    wanted = re.compile(pattern)
    return [
        f"{named(path)}:{number}: {line.strip()}"
        for path in rust_files(*folders)
        if not named(path).startswith(tuple(allowed))
        for number, line in rust_code(path)
        if wanted.search(line)
    ]


def test_unsafe_stands_only_where_it_is_argued() -> None:
    hits = _hits(r"\bunsafe\b(?!_code)", ("rust/core", "rust/store", "rust/py"), UNSAFE)
    assert hits == [], f"unsafe outside {sorted(UNSAFE)}"


def test_no_float_holds_money_or_time() -> None:
    hits = _hits(r"\bf(32|64)\b", ("rust/core", "rust/store"), FLOATS)
    assert hits == [], f"floats outside {sorted(FLOATS)}"


def test_the_core_reads_no_clock_file_or_environment() -> None:
    hits = _hits(r"\b(Instant|SystemTime|std::(fs|env|net|thread|process))\b", ("rust/core/src",), {})
    assert hits == []


def test_only_the_store_reads_a_clock() -> None:
    hits = _hits(r"\b(Instant|SystemTime)::now\b", ("rust",), {"rust/store/src/clock": "the one clock"})
    assert hits == []


@pytest.mark.parametrize("path", rust_files("rust/py"), ids=lambda path: path.name)
def test_every_class_is_frozen_and_says_its_module(path: object) -> None:
    text = path.read_text(encoding="utf-8")  # type: ignore[attr-defined]
    for found in re.finditer(r"#\[pyclass(?:\(([^]]*)\))?\]", text):
        arguments = found.group(1) or ""
        assert re.search(r"\bfrozen\b", arguments), f"{found.group(0)} lacks `frozen`"
        assert 'module = "tierkit._core"' in arguments, f"{found.group(0)} lacks its module"


def test_throttle_ledger_and_cache_do_not_use_each_other() -> None:
    rooms = {"throttle", "ledger", "cache"}
    strays = []
    for room in sorted(rooms):
        others = "|".join(rooms - {room})
        strays += _hits(rf"\bcrate::({others})\b|\b(?:super::)+({others})\b", (f"rust/core/src/{room}",), {})
    assert strays == []


def test_the_core_knows_neither_python_nor_the_store() -> None:
    assert _hits(r"\b(pyo3|tierkit_store|rusqlite)\b", ("rust/core",), {}) == []
    assert _hits(r"\bpyo3\b", ("rust/store",), {}) == []
