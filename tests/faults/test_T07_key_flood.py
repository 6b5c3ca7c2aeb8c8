"""Fault row T7: a flood of keys in a state that processes share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import tierkit as tk
from tierkit.report.limits import live_limits

TIERKIT = Path(sys.executable).with_name("tierkit")
SLOTS = 65_536
KEPT = SLOTS - SLOTS // 8


def test_T07_a_flooding_tenant_leaves_room_and_is_seen(tmp_path: Path) -> None:  # noqa: N802 - the row's name
    limit = tk.Limit("2 requests/week", name="users", per=["tenant", "user"])
    with tk.Limiter([limit], state=tmp_path) as limiter:

        def take(tenant: str, user: object) -> str:
            decision = limiter.take({"tenant": tenant, "user": str(user)})
            return decision.cause or "taken"

        assert [take("spent", 1) for _ in range(3)] == ["taken", "taken", "rate"]
        flood = [take("flood", user) for user in range(KEPT + 5_000)]
        assert flood.count("taken") == KEPT - 1
        assert set(flood[KEPT:]) == {"full"}
        assert take("flood", 1) == "taken", "who has a scope keeps it"
        assert [take("other", user) for user in range(1_000)] == ["taken"] * 1_000
        assert take("spent", 1) == "rate", "a limiting key is never forgotten"
        table = live_limits(tmp_path)["table"]
    assert table == {"kept": KEPT + 1_000, "slots": SLOTS, "refused": 5_001}
    command, wide = [TIERKIT, "limits", "--state", tmp_path], {**os.environ, "COLUMNS": "160"}
    shown = subprocess.run(command, capture_output=True, text=True, env=wide, check=True)
    assert "58,344 of 65,536 slots for keys are taken; 5,001 requests of new keys were refused" in shown.stdout


def test_T07_the_refusal_names_the_table(tmp_path: Path) -> None:  # noqa: N802 - as above
    with tk.Limiter([tk.Limit("1 requests/week", name="users", per=["user"])], state=tmp_path) as limiter:
        decisions = [limiter.take({"user": str(user)}) for user in range(KEPT + 1)]
    last = decisions[-1]
    assert (sum(map(bool, decisions)), last.cause, last.rule, last.key) == (KEPT, "full", "users", {"user": str(KEPT)})
