"""The index of faults names tests that are there."""

from __future__ import annotations

import re

from guards.sources import ROOT


def test_every_test_of_the_index_exists() -> None:
    page = (ROOT / "docs" / "reference" / "faults.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/.]+)::(\w+)`", page)
    assert len(named) > 20
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).is_file()
        or not re.search(rf"(?:def|fn) {name}\(", (ROOT / path).read_text(encoding="utf-8"))
    ]
    assert missing == []
