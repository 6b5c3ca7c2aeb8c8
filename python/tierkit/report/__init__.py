"""What happened, told afterwards: traces, replays, spend tables and the picture of a budget."""

from __future__ import annotations

__all__: list[str] = []
