"""Processes that bring different policies to one directory: the one that was loaded last is in force."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING

import tierkit as tk

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def written(file: Path, usd: int) -> Path:
    file.write_text(
        f'version = 1\n[[tier]]\nname = "tier-{usd}"\nmodel = "m"\n'
        'price = { input = "1 USD/Mtok", output = "0 USD/Mtok" }\n'
        f'[[budget]]\nname = "all"\namount = "{usd} USD"\nperiod = "total"\n',
        encoding="utf-8",
    )
    return file


def served(governor: tk.Governor) -> tuple[str, str]:
    """Which tier serves, and the amount of the budget."""
    tier = governor.admit(None, input_tokens=1, max_output_tokens=1, cache="off").tier
    return tier, str(governor.balances()[0].limit)


def test_an_older_worker_follows_and_turns_nothing_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file, state = tmp_path / "tierkit.toml", tmp_path / "state"
    preloaded = tk.Policy.from_toml(written(file, 1))
    with tk.Governor(preloaded, state=state) as first:
        written(file, 2)
        first.reload()
        with tk.Governor(preloaded, state=state) as respawned:
            assert served(respawned) == ("tier-2", "2")
            assert caplog.text.count("following") == 1
            written(file, 3)
            with tk.Governor(tk.Policy.from_toml(file), state=state) as newer:
                assert served(newer) == served(first) == served(respawned) == ("tier-3", "3")
            assert caplog.text.count("following") == 3, "each tells it once"
            written(file, 4)
            assert respawned.reload().budgets[0].amount == tk.Money("4")
            assert served(first) == ("tier-4", "4")


def test_it_is_followed_also_by_the_first_of_a_directory(tmp_path: Path) -> None:
    """A server with one worker: it dies, and the next one is forked from a master that loaded an older policy."""
    file, state = tmp_path / "tierkit.toml", tmp_path / "state"
    preloaded = tk.Policy.from_toml(written(file, 1))
    with tk.Governor(preloaded, state=state) as worker:
        written(file, 2)
        worker.reload()
    with tk.Governor(preloaded, state=state) as worker:
        assert served(worker) == ("tier-2", "2")


def test_buckets_and_accounts_live_through_a_new_policy_at_the_start(tmp_path: Path) -> None:
    file, state = tmp_path / "tierkit.toml", tmp_path / "state"
    limit = '[[limit]]\nname = "rate"\nrate = "%d requests/8760h"\n'
    written(file, 1).write_text(file.read_text(encoding="utf-8") + limit % 5, encoding="utf-8")
    with tk.Governor(tk.Policy.from_toml(file), state=state) as governor:
        for _ in range(5):
            served(governor)
    written(file, 2).write_text(file.read_text(encoding="utf-8") + limit % 9, encoding="utf-8")
    with tk.Governor(tk.Policy.from_toml(file), state=state) as governor:
        assert str(governor.balances()[0].pending) == "0.000005"
        try:
            served(governor)
        except tk.RateLimited:
            return
    raise AssertionError("the bucket was filled again")


def test_another_program_keeps_its_tiers_and_follows_the_rules(tmp_path: Path) -> None:
    file, state = tmp_path / "tierkit.toml", tmp_path / "state"
    policy = tk.Policy.from_toml(written(file, 1))
    own = tk.Tier("own", model="m", price={"input": "1 USD/Mtok", "output": "0 USD/Mtok"})
    batch_policy = tk.Policy(tiers=[own], budgets=policy.budgets)
    with tk.Governor(policy, state=state) as server, tk.Governor(batch_policy, state=state) as batch:
        assert (served(server), served(batch)) == (("tier-1", "1"), ("own", "1"))
        written(file, 4)
        server.reload()
        assert (served(server), served(batch)) == (("tier-4", "4"), ("own", "4"))


def test_a_copy_was_loaded_when_its_original_was(tmp_path: Path) -> None:
    policy = tk.Policy.from_toml(written(tmp_path / "tierkit.toml", 1))
    for again in (pickle.loads(pickle.dumps(policy)), copy.copy(policy)):  # noqa: S301 - made here
        assert (again, again.loaded_ns, again.path) == (policy, policy.loaded_ns, policy.path)
    assert policy.with_(timezone="Europe/Berlin").loaded_ns > policy.loaded_ns
