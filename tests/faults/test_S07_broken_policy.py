"""S7: the policy is read again and is broken: the old one is kept, whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import tierkit as tk

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """
version = 1
[[tier]]
name = "only"
model = "m"
price = { input = "1000 USD/Mtok", output = "0 USD/Mtok" }
[[budget]]
name = "all"
amount = "%s USD"
period = "total"
"""


@pytest.fixture(params=["memory", "shared"])
def governor(request: pytest.FixtureRequest, tmp_path: Path):  # noqa: ANN201 - closed at the end
    file = tmp_path / "tierkit.toml"
    file.write_text(GOOD % "1", encoding="utf-8")
    state = tmp_path / "state" if request.param == "shared" else None
    with tk.Governor(tk.Policy.from_toml(file), state=state) as made:
        yield made


def ask(governor: tk.Governor, tokens: int) -> tk.Admission:
    return governor.admit(None, input_tokens=tokens, max_output_tokens=1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version = 1\n[[tier]\n", "tierkit.toml:2"),
        (GOOD % "ten dollars", "amount"),
        (GOOD % "2" + '[[limit]]\nrate = "5 tokns/second"\n', "did you mean"),
        (GOOD % "2" + '[routing]\npace = "all"\n', "pace"),
        ("version = 1\n", "no tier"),
        ((GOOD % "2").replace('price = { input = "1000 USD/Mtok", output = "0 USD/Mtok" }', ""), "price"),
        (None, "no such file"),
    ],
)
def test_a_broken_file_changes_nothing(governor: tk.Governor, tmp_path: Path, text: str | None, said: str) -> None:
    held, before = ask(governor, 600), governor.policy
    file = tmp_path / "tierkit.toml"
    if text is None:
        file.unlink()
    else:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(tk.ConfigError, match=said):
        governor.reload()
    assert governor.policy is before
    with pytest.raises(tk.BudgetExceeded):
        ask(governor, 500)
    held.settle(tk.Usage(100, 0))
    ask(governor, 500).cancel()
    file.write_text(GOOD % "5", encoding="utf-8")
    assert governor.reload() is governor.policy
    ask(governor, 4_900).cancel()


def test_a_policy_made_in_code_has_no_file_to_read() -> None:
    tier = tk.Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "0 USD/Mtok"})
    with tk.Governor(tk.Policy(tiers=[tier])) as governor, pytest.raises(tk.ConfigError, match="pass the new one"):
        governor.reload()


def test_a_policy_too_long_for_the_segment_is_refused_and_one_of_4096_rules_is_not(tmp_path: Path) -> None:
    tier = tk.Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "0 USD/Mtok"})
    many = [tk.Limit("9 requests/second", name=f"rule-{at}", where={"user": f"user-{at}"}) for at in range(4_096)]
    with tk.Governor(tk.Policy(tiers=[tier], limits=many), state=tmp_path) as governor:
        ask(governor, 1).cancel()
        for limits, said in (
            ([*many, tk.Limit("1 requests/second", name="more")], "4097 rules: at most 4096"),
            (
                [tk.Limit("1 requests/second", where={"user": [f"{at:0200d}" for at in range(25_000)]})],
                "at most 4194304",
            ),
        ):
            with pytest.raises(tk.ConfigError, match=said):
                governor.reload(tk.Policy(tiers=[tier], limits=limits))
            assert len(governor.policy.limits) == 4_096
        for user in ("user-0", "user-4095"):
            governor.admit(None, input_tokens=1, max_output_tokens=1, labels={"user": user}).cancel()
