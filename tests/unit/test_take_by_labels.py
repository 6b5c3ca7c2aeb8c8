"""A take by labels matches the rules anew each time, and does what a handle's take does."""

from __future__ import annotations

import pytest

import tierkit as tk

ADA = {"user": "ada"}


def limiter(*limits: tk.Limit) -> tk.Limiter:
    return tk.Limiter(limits, clock=tk.testing.ManualClock())


def test_labels_and_a_handle_take_from_one_bucket() -> None:
    both = limiter(tk.Limit("3 requests/second", per=["user"]))
    scope = both.bind(ADA)
    assert [bool(both.take(ADA)), bool(scope.take()), bool(both.take(ADA))] == [True] * 3
    assert not scope.take()
    assert not both.take(ADA)
    assert both.take({"user": "eve"})


def test_the_first_take_of_a_key_takes_from_a_full_bucket_and_not_more() -> None:
    one = limiter(tk.Limit("3 requests/second", per=["user"]))
    assert not one.take(ADA, requests=4)
    assert one.take(ADA, requests=3)
    assert not one.take(ADA)


def test_a_take_before_a_reload_is_settled_after_it() -> None:
    rates = limiter(tk.Limit("3 requests/second", per=["user"], name="rate"))
    taken = rates.take(ADA, requests=3)
    rates.reload([tk.Limit("3 requests/second", per=["user"], name="rate"), tk.Limit(concurrency=1, name="slots")])
    assert rates.take(ADA).rule == "rate"
    rates.settle(taken, requests=1)
    held = rates.take(ADA)
    assert held
    assert rates.take(ADA).rule == "slots"
    rates.settle(held)
    assert rates.take({"user": "eve"})


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ({"user": 7}, "label 'user': 7 is not text"),
        ({7: "ada"}, "label name: 7 is not text"),
        ({"user": "\ud800"}, "lone surrogate"),
        ({"user": "v" * 257}, "a value of 257 bytes"),
        ({"": "ada"}, "label name ''"),
        ({f"l{n}": "" for n in range(65)}, "65 labels"),
    ],
)
def test_labels_that_a_handle_refuses_are_refused(labels: dict[str, str], sentence: str) -> None:
    rates = limiter(tk.Limit("3 requests/second", per=["user"]))
    for take in (rates.take, rates.bind):
        with pytest.raises(tk.ConfigError, match=sentence):
            take(labels)
