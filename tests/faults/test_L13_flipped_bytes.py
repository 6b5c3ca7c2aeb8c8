"""Fault row L13: whatever is changed in a ledger, `verify` finds it; what is whole, it passes."""

# ruff: noqa: S608 - the names of the tables are this file's own

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

import tierkit as tk
from tierkit.report.verify import LedgerProof

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
# Two budgets see each request: the order of an entry's postings is not the order in which the file keeps them.
POLICY = tk.Policy(
    tiers=[tk.Tier("only", model="m", price=PRICE)],
    budgets=[
        tk.Budget("1 USD", name="teams", period="day", per=["team"]),
        tk.Budget("9 USD", name="all", period="total"),
    ],
)


def _ask(governor: tk.Governor, team: str, **words: Any) -> Any:
    return governor.admit(None, input_tokens=100, max_output_tokens=50, labels={"team": team}, **words)


def _traffic(state: Path) -> None:
    """Every kind of end: posts, an overrun, a void, an expiry, a late settle; one reservation stays open."""
    clock = tk.testing.ManualClock()
    with tk.Governor(POLICY, state=state, clock=clock) as governor:
        for number in range(40):
            _ask(governor, "ab"[number % 2], id=f"r{number}").settle(tk.Usage(100, number))
        _ask(governor, "b", id="over").settle(tk.Usage(100, 5_000))
        _ask(governor, "a", id="void").cancel()
        for number in (3, 8):
            governor._engine.gate.adjust(f"r{number}", -100, f"credit {number}")
        late = _ask(governor, "a", id="late")
        _ask(governor, "b", id="forgotten")
        clock.advance(s=90_000)
        _ask(governor, "a", id="next day").settle(tk.Usage(100, 1))
        late.settle(tk.Usage(100, 2))
        _ask(governor, "a", id="open")
        _ask(governor, "b", id="open too")


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = tmp_path_factory.mktemp("healthy")
    _traffic(state)
    with closing(sqlite3.connect(state / "ledger.db")) as ledger:
        ledger.execute("PRAGMA journal_mode = DELETE")  # one file, to be copied and damaged
    return state


@pytest.fixture
def ledger(healthy: Path, tmp_path: Path) -> Path:
    return shutil.copy(healthy / "ledger.db", tmp_path / "ledger.db")


def _proof(state: Path) -> dict[str, Any]:
    return LedgerProof(state).run()


def test_L13_a_healthy_ledger_passes(healthy: Path) -> None:  # noqa: N802 - the row's name
    found = _proof(healthy)
    assert found["ok"], found
    with closing(sqlite3.connect(healthy / "ledger.db")) as read:
        kinds = dict(read.execute("SELECT kind, count(*) FROM entry GROUP BY kind"))
        assert kinds == {"reserve": 47, "post": 43, "void": 1, "expire": 2, "adjust": 2}
        assert found["entries"] == sum(kinds.values())
        assert read.execute("SELECT count(*) FROM open").fetchone() == (2,)


COLUMNS = [
    (table, column)
    for table, columns in {
        "entry": "seq reservation kind at_ns nano_usd labels units usage flags saved_nano_usd expires_ns hash"
        " adjustment changes",
        "account": "id rule scope start_ns end_ns posted pending",
        "open": "reservation seq expires_ns",
        "head": "seq hash",
    }.items()
    for column in columns.split()
]


def _other(value: Any) -> Any:
    """A value of the same type that differs as little as it can."""
    match value:
        case None:
            return ""
        case int():
            return value ^ 1
        case bytes():
            return bytes([value[0] ^ 1]) + value[1:]
        case "post":
            return "void"
        case "reserve" | "void" | "expire" | "adjust":
            return "post"
        case _:
            return value + " "


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_L13_any_column_of_any_row(healthy: Path, ledger: Path, table: str, column: str) -> None:  # noqa: N802 - the row's name
    chance = random.Random(f"{table}.{column}")
    with closing(sqlite3.connect(ledger)) as read:
        names = [name for _, name, *_ in read.execute(f"PRAGMA table_info({table})")]
        rows = read.execute(f"SELECT * FROM {table}").fetchall()
    where = " AND ".join(f"{name} IS :{name}" for name in names)
    for number in sorted({0, len(rows) // 2, len(rows) - 1, *(chance.randrange(len(rows)) for _ in range(5))}):
        row = dict(zip(names, rows[number], strict=True))
        shutil.copy(healthy / "ledger.db", ledger)
        with closing(sqlite3.connect(ledger)) as change, change:
            update = f"UPDATE OR REPLACE {table} SET {column} = :new WHERE {where}"
            assert change.execute(update, {**row, "new": _other(row[column])}).rowcount == 1
        found = _proof(ledger.parent)
        assert not found["ok"], (table, row)
        assert found["finding"]["what"]


def _swap(change: sqlite3.Connection, one: int, two: int) -> None:
    for old, new in ((one, -1), (two, one), (-1, two)):
        change.execute("UPDATE entry SET seq = ? WHERE seq = ?", (new, old))


MISCHIEF = {
    "first entry gone": "DELETE FROM entry WHERE seq = 1",
    "an entry gone": "DELETE FROM entry WHERE seq = 9",
    "last entry gone": """DELETE FROM open WHERE reservation = 'open too';
        DELETE FROM entry WHERE seq = (SELECT max(seq) FROM entry)""",
    "all entries gone": "DELETE FROM account; DELETE FROM open; DELETE FROM entry",
    "a posting gone": "UPDATE entry SET changes = json_remove(changes, '$[1]') WHERE seq = 20",
    "an account gone": "DELETE FROM account WHERE rule = 'all'",
    "an open one gone": "DELETE FROM open WHERE reservation = 'open'",
    "the head gone": "DELETE FROM head",
    "an entry too many": """INSERT INTO entry SELECT seq + 1, 'x', kind, at_ns, nano_usd, labels, units, usage, flags,
        saved_nano_usd, expires_ns, hash, NULL, '[]' FROM entry ORDER BY seq DESC LIMIT 1""",
    "an entry before the first": """INSERT INTO entry SELECT 0, 'x', kind, at_ns, nano_usd, labels, units, usage,
        flags, saved_nano_usd, expires_ns, hash, NULL, '[]' FROM entry WHERE seq = 1""",
    "a posting too many": "UPDATE entry SET changes = json_insert(changes, '$[#]', json('[1,0,0]')) WHERE seq = 20",
    "a posting of no account": "UPDATE entry SET changes = json_insert(changes, '$[#]', json('[99,0,0]'))",
    "a posting of another account": "UPDATE entry SET changes = json_set(changes, '$[0][0]', 3) WHERE seq = 1",
    "a posting of another window": "UPDATE entry SET changes = json_insert(changes, '$[0][#]', 5) WHERE seq = 1",
    "postings in other words": "UPDATE entry SET changes = replace(changes, ',', ', ') WHERE seq = 20",
    "an account too many": "INSERT INTO account SELECT 99, 'x', scope, 0, 0, 0, 0 FROM account LIMIT 1",
    "an open one too many": "INSERT INTO open VALUES ('r1', 3, 0)",
    "a posted one open again": "INSERT INTO open SELECT reservation, seq, expires_ns FROM entry WHERE seq = 1",
    "money moved between accounts": """UPDATE account SET posted = posted + 5 WHERE rule = 'all';
        UPDATE account SET posted = posted - 5 WHERE rule = 'teams'""",
    "an index gone": "DROP INDEX entry_of",
    "another view": "DROP VIEW posting; CREATE VIEW posting AS SELECT seq, 'x' AS rule FROM entry",
    "a trigger": "CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM open; END",
}


@pytest.mark.parametrize("name", MISCHIEF)
def test_L13_rows_added_and_taken(ledger: Path, name: str) -> None:  # noqa: N802 - the row's name
    with closing(sqlite3.connect(ledger)) as change:
        change.executescript(MISCHIEF[name])
    found = _proof(ledger.parent)
    assert not found["ok"]
    assert found["finding"]["what"]


@pytest.mark.parametrize(("one", "two"), [(1, 2), (7, 8), (5, 60), (92, 93)])
def test_L13_two_entries_swapped(ledger: Path, one: int, two: int) -> None:  # noqa: N802 - the row's name
    with closing(sqlite3.connect(ledger, isolation_level=None)) as change:
        _swap(change, one, two)
        found = _proof(ledger.parent)
        assert (found["ok"], found["finding"]["seq"]) == (False, one)
        _swap(change, one, two)
        assert _proof(ledger.parent)["ok"]


def _content(file: Path) -> list[Any]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as read:
        tables = [name for (name,) in read.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
        rows = [read.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables]
        return [read.execute("SELECT type, name, sql FROM sqlite_schema").fetchall(), tables, rows]


def _flips(size: int, chance: random.Random) -> Iterator[tuple[int, int]]:
    yield from ((byte, 1 << bit) for byte in range(100) for bit in (0, 7))  # the header of the file
    yield from ((chance.randrange(size), 1 << chance.randrange(8)) for _ in range(1_200))


def test_L13_raw_bytes_of_the_file(ledger: Path) -> None:  # noqa: N802 - the row's name
    """Found, or refused, or the byte means nothing: what the file says is what it said."""
    whole, content, found, idle = ledger.read_bytes(), _content(ledger), 0, 0
    for byte, mask in _flips(len(whole), random.Random(13)):
        damaged = bytearray(whole)
        damaged[byte] ^= mask
        ledger.write_bytes(damaged)
        try:
            passed = _proof(ledger.parent)["ok"]
        except tk.StateError:
            passed = False
        if passed:
            assert _content(ledger) == content, f"byte {byte}, bit {mask:#x} changes what the ledger says"
            idle += 1
        else:
            found += 1
        for name in ("ledger.db-wal", "ledger.db-shm"):
            (ledger.parent / name).unlink(missing_ok=True)
    assert found > 700, (found, idle)


WORKER = f"""
import sys, tierkit as tk
policy = tk.Policy(tiers=[tk.Tier("only", model="m", price={PRICE!r})], budgets=[
    tk.Budget("1000 USD", name="teams", period="hour", per=["team"]),
    tk.Budget("9000 USD", name="all", period="total")])
governor = tk.Governor(policy, state=sys.argv[1])
for n in range(1_000_000):
    admission = governor.admit(None, input_tokens=1000, max_output_tokens=10, labels={{"team": str(n % 3)}})
    if n % 5:
        admission.settle(tk.Usage(1000, n % 20))
    elif n % 2:
        admission.cancel()
    print(n, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
def test_L13_beside_running_writers_and_after_their_kill(tmp_path: Path) -> None:  # noqa: N802 - the row's name
    start = [sys.executable, "-W", "ignore", "-c", WORKER, str(tmp_path)]
    running = [subprocess.Popen(start, stdout=subprocess.PIPE) for _ in range(2)]
    try:
        for worker in running:
            assert worker.stdout is not None
            worker.stdout.readline()
        seen = []
        for _ in range(5):
            time.sleep(0.1)
            found = _proof(tmp_path)
            assert found["ok"], found
            seen.append(found["entries"])
        assert seen == sorted(seen)
        assert seen[-1] > seen[0]
    finally:
        for worker in running:
            worker.send_signal(signal.SIGKILL)
            worker.communicate()
    assert _proof(tmp_path)["ok"]
