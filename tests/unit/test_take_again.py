"""A handle gives out a decision again only where nobody can tell."""

from __future__ import annotations

import pytest

import tierkit as tk


def handle() -> tuple[tk.Limiter, tk.testing.ManualClock]:
    clock = tk.testing.ManualClock()
    return tk.Limiter([tk.Limit("3 requests/second", per=["user"])], clock=clock), clock


def test_decisions_that_are_held_are_each_their_own() -> None:
    limiter, _ = handle()
    take = limiter.bind({"user": "ada"}).take
    first, second = take(), take()
    assert first is not second
    limiter.settle(first, requests=0)
    limiter.settle(second, requests=0)
    with pytest.raises(tk.errors.AlreadySettled):
        limiter.settle(first)
    assert [bool(take()) for _ in range(4)] == [True, True, True, False]


def test_a_decision_that_was_dropped_leaves_nothing_to_the_next() -> None:
    limiter, clock = handle()
    take = limiter.bind({"user": "ada"}).take
    for _ in range(5):
        limiter.settle(take(), requests=0)
    assert take(requests=3)
    clock.advance(ns=1_000_000_000)
    held = take(requests=2)
    limiter.settle(held, requests=1)
    assert bool(take(requests=2))
    assert not take()
