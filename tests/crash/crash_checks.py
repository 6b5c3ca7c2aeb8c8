"""What must hold after processes were killed: the workers' logs, the ledger and the reopened state agree."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from crash_worker import CALLS, RAW, SLOTS, TAKES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import tierkit as tk

SUMS = """
SELECT a.rule, a.scope, a.posted, a.pending, coalesce(sum(p.posted), 0), coalesce(sum(p.pending), 0) FROM account a
LEFT JOIN posting p ON p.rule = a.rule AND p.scope = a.scope AND p.start_ns = a.start_ns GROUP BY a.rule, a.scope
"""
Call = tuple[str, str]  # kind and id


class Told(NamedTuple):
    """What the workers wrote down: nano-USD by call."""

    done: dict[Call, int]
    unknown: dict[Call, int]


def told(logs: Iterable[Path]) -> Told:
    begun: dict[Call, int] = {}
    done: dict[Call, int] = {}
    refused: set[Call] = set()
    for log in logs:
        text = log.read_text()
        # A kill in the middle of a write leaves a line without its end.
        for line in text[: text.rfind("\n") + 1].splitlines():
            mark, kind, name, nusd = line.split()
            call = ("post" if kind == "again" else kind, name)
            if mark == "?":
                begun[call] = int(nusd)
            elif mark == "!":
                done[call] = int(nusd)
            elif mark == "-":
                refused.add(call)
    unknown = {call: nusd for call, nusd in begun.items() if call not in done and call not in refused}
    return Told(done, unknown)


def ledger_faults(folder: Path, seen: Told) -> list[str]:
    """Each acknowledged entry once, nothing that nobody asked for, and accounts that are the sums of their postings."""
    database = sqlite3.connect(folder / "ledger.db")
    try:
        rows = database.execute("SELECT kind, reservation, nano_usd FROM entry").fetchall()
        sums = database.execute(SUMS).fetchall()
        whole = database.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        database.close()
    faults = [] if whole == "ok" else [f"sqlite: {whole}"]
    faults += entry_faults(rows, seen)
    faults += [f"account {row[:2]}: {row[2:4]}, its postings {row[4:]}" for row in sums if row[2:4] != row[4:]]
    posted = sum(nusd for kind, _, nusd in rows if kind == "post")
    total = sum(row[2] for row in sums if row[0] == "all")
    return faults if total == posted else [*faults, f"posted {posted}, in the account {total}"]


def entry_faults(rows: list[tuple[str, str, int]], seen: Told) -> list[str]:
    counted = Counter((kind, name) for kind, name, _ in rows)
    amounts = {(kind, name): nusd for kind, name, nusd in rows}
    booked = {call: nusd for call, nusd in seen.done.items() if call[0] != "take"}
    lost = [f"acknowledged and lost: {call}" for call in booked if call not in counted]
    twice = [f"{count} times: {call}" for call, count in counted.items() if count > 1]
    other = [f"{call}: {amounts[call]}, not {nusd}" for call, nusd in booked.items() if amounts.get(call, nusd) != nusd]
    strange = [f"nobody asked for {call}" for call in counted if call not in booked and call not in seen.unknown]
    kinds = defaultdict(set)
    for kind, name in counted:
        kinds[name].add(kind)
    ends = [f"{name} ended as {ended}" for name, ended in kinds.items() if {"post", "void"} <= ended]
    unreserved = [f"{name} ended without a reserve" for name, ended in kinds.items() if "reserve" not in ended]
    return lost + twice + other + strange + ends + unreserved


def state_faults(folder: Path, seen: Told, figures: dict[str, dict[str, int]]) -> list[str]:
    """The reopened state has the ledger's sums, all slots, and every take."""
    database = sqlite3.connect(folder / "ledger.db")
    try:
        rows = database.execute("SELECT rule, sum(posted), sum(pending) FROM account GROUP BY rule").fetchall()
    finally:
        database.close()
    kept = (figures["posted"], figures["pending"])
    faults = [
        f"{rule}: {kept[0].get(rule, 0)} and {kept[1].get(rule, 0)} kept, {ledger} in the ledger"
        for rule, *ledger in rows
        if [kept[0].get(rule, 0), kept[1].get(rule, 0)] != ledger
    ]
    if figures["left"]["slots"] != SLOTS:
        faults.append(f"{SLOTS - figures['left']['slots']} slots stay behind")
    done = sum(kind == "take" for kind, _ in seen.done)
    most = done + sum(kind == "take" for kind, _ in seen.unknown)
    taken = TAKES - figures["left"]["taken"]
    return faults if done <= taken <= most else [*faults, f"{taken} taken, {done} acknowledged, at most {most}"]


def figures(governor: tk.Governor) -> dict[str, dict[str, int]]:
    """What a reopened state holds, for `state_faults`; slots of the dead come back within a tenth of a second."""
    gate = governor._engine.gate
    found: dict[str, Counter[str]] = {"posted": Counter(), "pending": Counter(), "left": Counter()}
    for row in governor.balances():
        found["posted"][row.rule] += int(row.posted.scaleb(9))
        found["pending"][row.rule] += int(row.pending.scaleb(9))
    for labels in (CALLS, RAW):
        # Asking for more than there is takes nothing, and tells what is left.
        asked = gate.reserve(labels, None, None, output_tokens=10**15, concurrency=10**6, requests=0)
        found["left"].update({row["rule"]: int(Decimal(row["available"].split()[0])) for row in asked.failing})
    return {name: dict(counter) for name, counter in found.items()}
