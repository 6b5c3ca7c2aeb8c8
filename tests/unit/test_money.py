"""Amounts of money where users write them: as keys, and as the burst of a rate in USD."""

from __future__ import annotations

from decimal import Decimal

import pytest

import tierkit as tk


@pytest.mark.parametrize("usd", ["1", "0.5", "0", "-3", "9223372036.854775807"])
def test_equal_amounts_are_one_key(usd: str) -> None:
    assert tk.Money(usd) == Decimal(usd)
    assert {tk.Money(usd): "found"}[Decimal(usd)] == "found"  # type: ignore[index]
    assert hash(tk.Money("1")) == hash(1)


@pytest.mark.parametrize("burst", ["0.05 USD", Decimal("0.05"), tk.Money("0.05")])
def test_a_burst_of_money_may_be_less_than_a_dollar(burst: str | Decimal | tk.Money) -> None:
    limiter = tk.Limiter([tk.Limit("0.60 USD/minute", burst=burst)], clock=tk.testing.ManualClock())
    assert limiter.take({}, usd="0.05")
    refused = limiter.take({}, usd="0.01")
    assert (refused.allowed, refused.wait_ns) == (False, 10**9)


@pytest.mark.parametrize(
    ("rate", "burst", "sentence"),
    [
        ("5 requests/s", "0.05 USD", "a rate of requests; expected a whole number of requests"),
        ("5 USD/s", "-1 USD", "burst -1: expected more than 0 USD"),
        ("5 USD/s", "much", "expected a decimal number of USD"),
        ("5 USD/s", 0.5, "expected a whole number from 1 on"),
        ("5 USD/s", True, "expected a whole number from 1 on"),
    ],
)
def test_a_burst_that_cannot_be_is_refused_with_what_is_wanted(rate: str, burst: object, sentence: str) -> None:
    with pytest.raises(tk.ConfigError, match=sentence):
        tk.Limit(rate, burst=burst)  # type: ignore[arg-type]


@pytest.mark.parametrize("labels", ["x", 5, [1, 2]])
def test_labels_that_are_no_mapping_are_refused(labels: object) -> None:
    limiter = tk.Limiter([tk.Limit("5 requests/s")])
    for ask in (limiter.take, limiter.bind, tk.Ledger([tk.Budget("1 USD", period="total")]).reserve):
        with pytest.raises(tk.ConfigError, match="expected a mapping"):
            ask(labels, **({"usd": "0.1"} if ask.__name__ == "reserve" else {}))  # type: ignore[arg-type]
