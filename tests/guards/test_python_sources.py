"""House rules of the Python package that no linter checks."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest
from guards.sources import ROOT, named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGE = ROOT / "python" / "tierkit"
MODULES = sorted(PACKAGE.rglob("*.py"))

# The compiled core lies below all, but these rooms speak to it only through the typed modules above it. `report` is not
# among them: it reads the files of a state directory, which only the core knows.
ABOVE_THE_CORE = ("cli", "client", "middleware", "sidecar", "backends", "economics")

# Imported inside functions only: each costs more than the whole of `import tierkit` may.
LATE = {"asyncio", "dataclasses", "httpx2", "numpy", "onnxruntime", "tiktoken", "click", "rich"}
LATE_EXCEPT = ("cli",)


def _imports(body: list[ast.stmt]) -> Iterator[tuple[int, str]]:
    """The modules that a statement list imports when it runs; blocks under TYPE_CHECKING never run."""
    for statement in body:
        if isinstance(statement, ast.Import):
            yield from ((statement.lineno, alias.name) for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            module = statement.module or ""
            yield statement.lineno, module
            yield from ((statement.lineno, f"{module}.{alias.name}") for alias in statement.names)
        elif isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.dump(statement.test):
            yield from _imports(statement.orelse)
        elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            for field in ("body", "orelse", "finalbody", "handlers"):
                inner = getattr(statement, field, [])
                yield from _imports([item for item in inner if isinstance(item, ast.stmt)])
                for handler in (item for item in inner if isinstance(item, ast.ExceptHandler)):
                    yield from _imports(handler.body)


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_imports(path: Path) -> None:
    found = list(_imports(ast.parse(path.read_text(encoding="utf-8")).body))
    room = _room(path)
    if room not in LATE_EXCEPT:
        early = [f"line {line}: {name}" for line, name in found if name.split(".")[0] in LATE]
        assert early == [], "imported at the top of a module; import it in the function that needs it"
    if room in ABOVE_THE_CORE:
        below = [f"line {line}: {name}" for line, name in found if name.startswith("tierkit._core")]
        assert below == [], f"tierkit.{room} speaks to the core through the typed modules, not to tierkit._core"


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_every_public_name_is_documented(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), f"{named(path)} says not what it is for"


def test_every_dimension_is_documented() -> None:
    source = (ROOT / "rust/core/src/dimension.rs").read_text(encoding="utf-8")
    known = re.findall(r'Self::\w+ => "([a-z_]+)"', source)
    page = (ROOT / "docs" / "concepts" / "limits.md").read_text(encoding="utf-8")
    assert len(known) > 5
    assert [name for name in known if f"| `{name}` |" not in page] == []
