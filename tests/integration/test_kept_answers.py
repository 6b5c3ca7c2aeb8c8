"""Answers in a state directory outlive a policy; they are given only for the tiers and models that made them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tierkit as tk

if TYPE_CHECKING:
    from pathlib import Path

PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}


def answer(state: Path, *tiers: tuple[str, str], only: list[str] | None = None) -> bytes | None:
    """Ask; if nothing is kept, answer with the name of the model."""
    made = [tk.Tier(name, model=model, price=PRICE) for name, model in tiers]
    with tk.Governor(tk.Policy(tiers=made), state=state) as governor:
        admission = governor.admit("Why is the sky blue?", max_output_tokens=9, tiers=only)
        if admission.hit is not None:
            return admission.hit.value
        admission.settle(tk.Usage(9, 9), answer=admission.model)
        return None


def test_another_policy_gets_no_answer_of_other_models(tmp_path: Path) -> None:
    small, large = ("small", "m-1"), ("large", "m-9")
    assert answer(tmp_path, small) is None
    assert answer(tmp_path, small) == b"m-1"
    assert answer(tmp_path, ("tiny", "m-1")) is None, "another name"
    assert answer(tmp_path, ("small", "m-2")) is None, "another model"
    assert answer(tmp_path, small, large) is None, "a tier more"
    assert answer(tmp_path, small, large, only=["small"]) == b"m-1", "the same choice, said otherwise"
    assert answer(tmp_path, small) == b"m-1"
