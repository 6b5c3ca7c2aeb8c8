"""What is learned of the length of answers, and what is not."""

from __future__ import annotations

import tierkit as tk
from tierkit.governor.lengths import COLD_START_TOKENS, OutputLengths
from tierkit.policy import CacheSettings

PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
TIERS = [tk.Tier("small", model="m", price=PRICE)]


def lengths(*seen: tuple[int, int]) -> OutputLengths:
    learned = OutputLengths()
    for count, tokens in seen:
        for _ in range(count):
            learned.observe(tokens)
    return learned


def test_one_answer_in_twenty_may_be_longer_and_no_more() -> None:
    assert lengths((19, 100)).high() == COLD_START_TOKENS
    assert lengths((304, 100), (16, 1_000)).high() == 103
    assert lengths((303, 100), (17, 1_000)).high() == 1_023


def test_old_answers_fade() -> None:
    assert lengths((4_096, 1_000), (12_288, 7)).high() == 7


def test_a_settle_that_is_told_twice_is_learned_once() -> None:
    governor = tk.Governor(tk.Policy(tiers=TIERS))
    for number in range(19):
        admission = governor.admit(f"Why {number}?")
        for _ in range(3):
            admission.settle(tk.Usage(9, 50))
    assert governor.route("Why?").output_tokens == COLD_START_TOKENS
    governor.admit("Why not?").settle(tk.Usage(9, 50))
    assert governor.route("Why?").output_tokens == 51


def test_requests_without_a_tenant_share_no_answer() -> None:
    governor = tk.Governor(tk.Policy(tiers=TIERS, cache=CacheSettings(per=["org", "team"])))
    for labels in ({}, {"org": "a"}, {"team": "a"}):
        for _ in range(2):
            admission = governor.admit("Why?", labels=labels, max_output_tokens=9)
            assert admission.hit is None
            admission.settle(tk.Usage(9, 9), answer="scattering")
