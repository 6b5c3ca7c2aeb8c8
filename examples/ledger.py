"""The ledger alone: reserve money before you spend it, book what it cost, and find it again after a restart.

Run: python examples/ledger.py
"""

import tierkit as tk

budgets = [tk.Budget("25 USD", name="team-daily", period="day", per=["team"])]

with tk.Ledger(budgets, state="ledger-example") as ledger:
    held = ledger.reserve({"team": "search"}, usd="0.02", id="request-1")
    ledger.post(held, usd="0.013")
    ledger.void(ledger.reserve({"team": "search"}, usd="0.05"))

with tk.Ledger(budgets, state="ledger-example") as ledger:
    again = ledger.reserve({"team": "search"}, usd="0.02", id="request-1")  # the same id charges once
    for row in ledger.balances():
        print(row.rule, row.key, row.posted, "posted,", row.pending, "pending of", row.limit, "USD")
