"""The sample that `tierkit demo` replays: a real hour of requests, with prompts that may ship. See PROVENANCE.md."""

from __future__ import annotations

from pathlib import Path

__all__ = ["POLICY", "TRACE"]

_HERE = Path(__file__).parent
TRACE = _HERE / "demo.jsonl.gz"
POLICY = _HERE / "demo.toml"
