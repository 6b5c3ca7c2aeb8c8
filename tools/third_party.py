"""Lists the Rust crates that are compiled into the wheel, and writes the list into THIRD_PARTY.md.

Run alone it prints the table; with `--write` it replaces the one between the two marks in THIRD_PARTY.md.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "THIRD_PARTY.md"
BEGIN, END = "<!-- crates: begin (tools/third_party.py) -->", "<!-- crates: end -->"
# The platforms that wheels are built for.
PLATFORMS = ("x86_64-unknown-linux-gnu", "aarch64-apple-darwin", "x86_64-pc-windows-msvc")
# Licences whose whole text already lies in the wheel (Apache-2.0: LICENSE) or that ask for no notice.
WITHOUT_NOTICE = ("Apache-2.0", "CC0-1.0", "MIT-0", "Unlicense", "0BSD")


def metadata(platform: str, *flags: str) -> dict[str, Any]:
    """Ask cargo about the crates of one platform."""
    command = ["cargo", "metadata", "--locked", "--format-version=1", "--filter-platform", platform, *flags]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def compiled_in(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Pick the foreign crates whose code is linked into `tierkit._core`: no build scripts, macros or tests."""
    packages = {package["id"]: package for package in found["packages"]}
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    todo = [identity for identity, package in packages.items() if package["name"] == "tierkit-py"]
    seen: dict[str, dict[str, Any]] = {}
    while todo:
        identity = todo.pop()
        package = packages[identity]
        macro = any("proc-macro" in target["kind"] for target in package["targets"])
        if identity in seen or macro:
            continue
        seen[identity] = package
        linked = (edge for edge in nodes[identity]["deps"] if any(kind["kind"] is None for kind in edge["dep_kinds"]))
        todo.extend(edge["pkg"] for edge in linked)
    return [package for package in seen.values() if package["source"]]


def notice(package: dict[str, Any]) -> str:
    """Read the copyright lines of a crate whose licence asks that they be kept."""
    if any(licence in package["license"] for licence in WITHOUT_NOTICE):
        return ""
    folder = Path(package["manifest_path"]).parent
    lines = [
        line.strip()
        for file in sorted(folder.glob("LICENSE*"))
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines()
        if line.strip().lower().startswith("copyright")
    ]
    return "; ".join(dict.fromkeys(lines)) or f"Copyright (c) the authors of {package['name']}"


def table() -> str:
    """List the crates of all platforms as a Markdown table, by name."""
    rows = {}
    for platform in PLATFORMS:
        for package in compiled_in(metadata(platform)):
            rows[package["name"]] = f"| {package['name']} | {package['license']} | {notice(package)} |"
    return "\n".join(["| crate | licence | notice |", "|---|---|---|", *(rows[name] for name in sorted(rows))])


def main() -> None:
    """Print the table or write it."""
    if sys.argv[1:] != ["--write"]:
        print(table())
        return
    text = DOCUMENT.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
