"""The end of a governor: its thread ends with it, what is closed stays closed, and a program may end in the middle."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import tierkit as tk
from tierkit.report.verify import LedgerProof
from tierkit.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
BUDGET, LIMIT = (
    tk.Budget("5 USD", name="all", period="total"),
    tk.Limit("1000 requests/minute", name="rpm", per=["user"]),
)
POLICY = tk.Policy(tiers=[tk.Tier("only", model="m", price=PRICE)], budgets=[BUDGET], limits=[LIMIT])


def _writers() -> int:
    """Threads of this process that write a ledger."""
    found = 0
    for task in Path("/proc/self/task").iterdir():
        try:
            found += (task / "comm").read_text().strip() == "tierkit-journal"
        except OSError:  # it ended meanwhile
            continue
    return found


def _admit(governor: tk.Governor) -> tk.Admission:
    return governor.admit(None, labels={"user": "ada"}, input_tokens=1_000, max_output_tokens=10)


OPENERS: dict[str, Callable[[Path], tk.Governor | tk.Limiter | tk.Ledger]] = {
    "governor": lambda state: tk.Governor(POLICY, state=state),
    "strict": lambda state: tk.Governor(POLICY, state=state, durability="strict"),
    "private": lambda state: tk.Governor(POLICY, state=state, clock=ManualClock()),
    "limiter": lambda state: tk.Limiter([LIMIT], state=state),
    "ledger": lambda state: tk.Ledger([BUDGET], state=state),
}


@pytest.mark.parametrize("kind", OPENERS)
def test_a_close_ends_the_writer_although_objects_live_on(tmp_path: Path, kind: str) -> None:
    before = _writers()
    opened = OPENERS[kind](tmp_path)
    kept = _admit(opened) if isinstance(opened, tk.Governor) else opened
    for _ in range(3):
        opened.close()
        assert _writers() == before
    if isinstance(kept, tk.Admission):
        with pytest.raises(tk.ConfigError, match="this one is closed"):
            kept.settle(tk.Usage(1_000, 1))
    # The directory is free, for one that shares it with nobody too.
    tk.Governor(POLICY, state=tmp_path, clock=ManualClock()).close()
    tk.Governor(POLICY, state=tmp_path).close()
    assert _writers() == before
    assert LedgerProof(tmp_path).run()["ok"]


def test_every_handle_of_what_is_closed_is_refused(tmp_path: Path) -> None:
    for state in (None, tmp_path):
        limiter = tk.Limiter([LIMIT], state=state)
        scope = limiter.bind({"user": "ada"})
        taken = scope.take()
        limiter.close()
        for call in (scope.take, limiter.flush, lambda: limiter.take({"user": "ada"}), lambda: limiter.settle(taken)):  # noqa: B023 - called here
            with pytest.raises(tk.ConfigError, match="this one is closed; open another"):
                call()


def test_another_one_on_the_directory_goes_on(tmp_path: Path) -> None:
    before = _writers()
    first, second = tk.Governor(POLICY, state=tmp_path), tk.Governor(POLICY, state=tmp_path, durability="strict")
    held = _admit(second)
    first.close()
    assert _writers() == before + 1
    held.settle(tk.Usage(1_000, 1))
    assert second.balances()[0].pending == 0
    second.close()
    assert _writers() == before


def test_what_was_waiting_for_room_is_told(tmp_path: Path) -> None:
    limiter, told = tk.Limiter([tk.Limit("1 requests/hour", name="rare", burst=1)], state=tmp_path), []
    limiter.take()

    def wait() -> None:
        try:
            limiter.wait(timeout_s=3_600)
        except tk.ConfigError as error:
            told.append(str(error))

    waiter = threading.Thread(target=wait)
    waiter.start()
    while not limiter._waiting.waiters:
        pass
    limiter.close()
    waiter.join(20)
    assert told
    assert "closed" in told[0]


def test_callers_of_other_threads_are_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    governor = tk.Governor(POLICY.with_(limits=[]), state=tmp_path, durability="strict")
    done, odd = [], []

    def work(name: int) -> None:
        for number in range(1_000_000):
            try:
                admission = governor.admit(None, input_tokens=1_000, max_output_tokens=10, id=f"{name}/{number}")
                admission.settle(tk.Usage(1_000, 1))
                done.append(admission.id)
            except tk.ConfigError:
                return
            except tk.Refused as error:
                odd.append(error)
                return
            except tk.StateError as error:
                # One whose call was under way: whether its entry is in the file is not known.
                if "closed" not in str(error):
                    odd.append(error)
                return

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    while len(done) < 20:
        pass
    governor.close()
    for thread in threads:
        thread.join(20)
    assert not odd
    proof = LedgerProof(tmp_path).run()
    assert proof["ok"], proof
    with tk.Governor(POLICY, state=tmp_path) as again:
        assert all(again.explain(name)["state"] == "posted" for name in done)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_child_that_closes_leaves_its_parent_open(tmp_path: Path) -> None:
    before = _writers()
    first, second = tk.Governor(POLICY, state=tmp_path), tk.Governor(POLICY, state=tmp_path)
    held = _admit(first)
    child = os.fork()
    if child == 0:
        try:
            _admit(first).cancel()
            first.close()
            _admit(second).cancel()
            assert _writers() == 1
            second.close()
            assert _writers() == 0
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    held.settle(tk.Usage(1_000, 1))
    first.flush()
    first.close()
    assert _writers() == before + 1
    second.close()
    assert _writers() == before


ENDING = """
import sys, threading, time
import tierkit as tk
policy = tk.Policy(tiers=[tk.Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "2 USD/Mtok"})],
                   budgets=[tk.Budget("5000 USD", name="all", period="total")])
governor = tk.Governor(policy, state=sys.argv[1], durability=sys.argv[2])
if sys.argv[3] == "closed":
    threading.Timer(0.15, governor.close).start()
def work():
    while True:
        governor.admit(None, input_tokens=1, max_output_tokens=1).settle(tk.Usage(1, 1))
threading.excepthook = lambda told: None
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.15)
"""


@pytest.mark.parametrize("durability", ["relaxed", "strict"])
@pytest.mark.parametrize("way", ["open", "closed"])
def test_a_program_may_end_in_the_middle_of_calls(tmp_path: Path, durability: str, way: str) -> None:
    start = [sys.executable, "-W", "ignore", "-c", ENDING, str(tmp_path), durability, way]
    for _ in range(2):
        ended = subprocess.run(start, capture_output=True, text=True, timeout=50, check=False)
        assert ended.returncode == 0, (ended.returncode, ended.stderr)
        assert "fatal" not in ended.stderr.lower(), ended.stderr
    tk.Governor(POLICY, state=tmp_path).close()
    assert LedgerProof(tmp_path).run()["ok"]


SHADOW = """
import sys, time
import tierkit as tk
from tierkit.policy import Routing
from tierkit.testing import MockBackend
price = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
tiers = [tk.Tier("small", model="s", backend="cheap", price=price, max_output_tokens=10),
         tk.Tier("large", model="l", backend="dear", price=price, max_output_tokens=10)]
budget = tk.Budget("9 USD", name="judging", period="total", where={"purpose": "shadow"})
routing = Routing(share={"large": 0.0}, shadow=1.0, shadow_budget="judging")
policy = tk.Policy(tiers=tiers, budgets=[budget], routing=routing)
governor = tk.Governor(policy, state=sys.argv[1], durability="strict")
client = tk.Client(governor, backends={"cheap": MockBackend("first"), "dear": MockBackend(["second"] * 64)},
                   judge=lambda *seen: (1.0, 1.0))
for number in range(60):
    client.complete(f"question {number}")
print(sum(row.posted > 0 for row in governor.balances()))
"""


def test_a_program_may_end_while_second_answers_are_made(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    for _ in range(2):
        ended = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SHADOW, str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert (ended.returncode, ended.stderr) == (0, ""), (ended.returncode, ended.stderr)
        assert ended.stdout.strip() == "1", "no second answer was under way"
    assert LedgerProof(tmp_path).run()["ok"]
