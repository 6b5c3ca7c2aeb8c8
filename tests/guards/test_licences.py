"""Every crate in the wheel has a licence that deny.toml allows, and a line in THIRD_PARTY.md."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from guards.sources import ROOT

if TYPE_CHECKING:
    from types import ModuleType


def _tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("third_party", ROOT / "tools" / "third_party.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def crates() -> list[dict[str, Any]]:
    tool = _tool()
    try:
        version = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
        host = re.search(r"^host: (\S+)$", version, re.MULTILINE)
        assert host is not None
        found: list[dict[str, Any]] = tool.compiled_in(tool.metadata(host[1], "--offline"))
    except FileNotFoundError:
        pytest.skip("cargo is not on the PATH")
    return found


def _allows(expression: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be met with the allowed licences alone."""
    words = re.sub(r"[\w.+-]+ WITH [\w.+-]+|[\w.+-]+|/", lambda found: _as_python(found, allowed), expression)
    return _value(ast.parse(words.strip(), mode="eval").body)


def _as_python(found: re.Match[str], allowed: set[str]) -> str:
    text = found[0]
    if text in {"OR", "AND", "/"}:
        return " and " if text == "AND" else " or "
    return str(text in allowed)


def _value(node: ast.expr) -> bool:
    if isinstance(node, ast.BoolOp):
        values = [_value(part) for part in node.values]
        return any(values) if isinstance(node.op, ast.Or) else all(values)
    return bool(ast.literal_eval(node))


def test_every_licence_is_allowed(crates: list[dict[str, Any]]) -> None:
    allowed = set(tomllib.loads((ROOT / "deny.toml").read_text(encoding="utf-8"))["licenses"]["allow"])
    refused = [f"{crate['name']}: {crate['license']}" for crate in crates if not _allows(crate["license"], allowed)]
    assert refused == [], "not met by the licences that deny.toml allows"


def test_every_crate_has_its_line(crates: list[dict[str, Any]]) -> None:
    document = (ROOT / "THIRD_PARTY.md").read_text(encoding="utf-8")
    missing = [crate["name"] for crate in crates if f"| {crate['name']} | {crate['license']} |" not in document]
    assert missing == [], "run `make fix` to list them in THIRD_PARTY.md"


@pytest.mark.parametrize(
    ("expression", "met"),
    [
        ("MIT", True),
        ("GPL-3.0", False),
        ("GPL-3.0 OR MIT", True),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", True),
        ("MIT AND GPL-3.0", False),
        ("Apache-2.0 / MIT", True),
        ("MIT/Apache-2.0", True),
        ("Apache-2.0 WITH LLVM-exception", False),
        ("Apache-2.0 OR (GPL-3.0 WITH Classpath-exception-2.0)", True),
    ],
)
def test_the_reading_of_licence_expressions(expression: str, met: bool) -> None:  # noqa: FBT001 - a table's column
    assert _allows(expression, {"MIT", "Apache-2.0", "Unicode-3.0"}) is met
