"""The public names: one sorted list, and every name of it resolves."""

from __future__ import annotations

import ast
from pathlib import Path

import tierkit


def test_all_is_sorted_and_unique() -> None:
    assert tierkit.__all__ == sorted(set(tierkit.__all__))


def test_all_is_the_lazy_table() -> None:
    assert set(tierkit.__all__) == {*tierkit._HOMES, *tierkit._ROOMS, "__version__"}


def test_every_name_resolves() -> None:
    missing = [name for name in tierkit.__all__ if not hasattr(tierkit, name)]
    assert missing == [], f"in __all__ but not to be had: {missing}"


def test_every_home_lists_what_it_gives() -> None:
    strays = [f"{home}.{name}" for name, home in tierkit._HOMES.items() if name not in _listed(home)]
    assert strays == [], f"public names that their module's __all__ does not list: {strays}"


def _listed(home: str) -> list[str]:
    module = __import__(f"tierkit.{home}", fromlist=["__all__"])
    return list(module.__all__)


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse((Path(tierkit.__file__).parent / "__init__.pyi").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.asname: node.module for node in imports for alias in node.names}
    wanted = {name: f"tierkit.{home}" for name, home in tierkit._HOMES.items()}
    assert seen == {**wanted, **dict.fromkeys(tierkit._ROOMS, "tierkit")}
    listed = [node for node in tree.body if isinstance(node, ast.Assign)]
    assert ast.literal_eval(listed[0].value) == tierkit.__all__
