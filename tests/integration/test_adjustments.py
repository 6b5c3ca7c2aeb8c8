"""Corrections of what was posted: in the accounts, in the file, across a restart and in reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import tierkit as tk
from tierkit.report.export import ledger_entries
from tierkit.report.spend import spend
from tierkit.report.verify import LedgerProof

if TYPE_CHECKING:
    from pathlib import Path

BUDGETS = [
    tk.Budget("1 USD", name="teams", period="total", per=["team"]),
    tk.Budget("9 USD", name="all", period="total"),
]


def _sums(ledger: tk.Ledger) -> dict[str, str]:
    return {row.rule: str(row.posted) for row in ledger.balances()}


@pytest.mark.parametrize("durability", ["relaxed", "strict"])
def test_an_adjustment_is_an_entry_of_its_own(tmp_path: Path, durability: str) -> None:
    with tk.Ledger(BUDGETS, state=tmp_path, durability=durability) as ledger:
        ledger.post(ledger.reserve({"team": "a"}, usd="0.5", id="r"), usd="0.4")
        assert str(ledger.adjust("r", usd="-0.1", id="credit")) == "0.3"
        assert str(ledger.adjust("r", usd="-0.1", id="credit")) == "0.3", "the same again changes nothing"
        with pytest.raises(tk.ReservationConflict, match=r"'credit' was made with -0.1 USD, not -0.2 USD"):
            ledger.adjust("r", usd="-0.2", id="credit")
        with pytest.raises(tk.ConfigError, match=r"0.3 USD are posted; expected a change other than 0 that leaves 0"):
            ledger.adjust("r", usd="-0.300000001", id="more")
        assert _sums(ledger) == {"teams": "0.3", "all": "0.3"}
        assert str(ledger.post("r", usd="0.4")) == "0.4", "the post is still the post"
        ledger.reserve({"team": "a"}, usd="0.5", id="open")
        with pytest.raises(tk.ConfigError, match="is open: only what was posted can be adjusted"):
            ledger.adjust("open", usd="0.1")
        with pytest.raises(tk.BudgetExceeded):
            ledger.reserve({"team": "a"}, usd="0.3")
        ledger.adjust("r", usd="-0.1", id="second credit")
        ledger.void(ledger.reserve({"team": "a"}, usd="0.3"))
        ledger.flush()
    found = [entry for entry in ledger_entries(tmp_path) if entry["kind"] == "adjust"]
    assert [(entry["id"], entry["adjustment"], entry["usd"]) for entry in found] == [
        ("r", "credit", "-0.1"),
        ("r", "second credit", "-0.1"),
    ]
    assert {(posting["rule"], posting["posted_usd"]) for posting in found[0]["postings"]} == {
        ("teams", "-0.1"),
        ("all", "-0.1"),
    }
    assert LedgerProof(tmp_path).run()["ok"]


def test_an_adjustment_is_known_after_a_restart_from_the_file(tmp_path: Path) -> None:
    clock = tk.testing.ManualClock()
    with tk.Ledger(BUDGETS, state=tmp_path, clock=clock) as ledger:
        ledger.post(ledger.reserve({"team": "a"}, usd="0.5", id="r"), usd="0.4")
        ledger.adjust("r", usd="0.2", id="late charge")
    with tk.Ledger(BUDGETS, state=tmp_path, clock=clock) as ledger:
        assert _sums(ledger) == {"teams": "0.6", "all": "0.6"}
        assert str(ledger.adjust("r", usd="0.2", id="late charge")) == "0.6"
        assert str(ledger.post("r", usd="0.4")) == "0.4"
        assert str(ledger.adjust("r", usd="-0.6", id="all of it")) == "0"
        assert _sums(ledger) == {"teams": "0", "all": "0"}
    assert LedgerProof(tmp_path).run()["ok"]


def test_a_report_counts_the_money_and_not_the_correction(tmp_path: Path) -> None:
    with tk.Ledger(BUDGETS, state=tmp_path) as ledger:
        ledger.post(ledger.reserve({"team": "a"}, usd="0.1", id="r"), usd="0.1")
        ledger.adjust("r", usd="-0.04", id="credit")
        ledger.flush()
    total = spend(tmp_path, by=["team"])["rows"][0]
    assert (total["requests"], str(total["usd"])) == (1, "0.06")
