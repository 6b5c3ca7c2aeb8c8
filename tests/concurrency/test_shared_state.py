"""One truth per machine: every process that opens a state directory decides on the same scopes, whoever dies when."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

import tierkit as tk

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}

# Every worker begins so: `governor` over a policy in `STATE`.
BEGIN = """
import os, sys, threading, time
import tierkit as tk
price = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
policy = tk.Policy(
    tiers=[tk.Tier("only", model="m", price=price)],
    limits=[tk.Limit(concurrency=8, name="slots")],
    budgets=[tk.Budget(os.environ["AMOUNT"] + " USD", name="spend", period="total")],
)
governor = tk.Governor(policy, state=os.environ["STATE"], durability=os.environ.get("DURABILITY", "relaxed"))
"""
POLICY_OF_WORKERS = {"slots": 8}


def policy(amount: str) -> tk.Policy:
    return tk.Policy(
        tiers=[tk.Tier("only", model="m", price=PRICE)],
        limits=[tk.Limit(concurrency=8, name="slots")],
        budgets=[tk.Budget(f"{amount} USD", name="spend", period="total")],
    )


def workers(code: str, count: int, state: Path, **environment: str) -> list[subprocess.Popen[str]]:
    start = [sys.executable, "-W", "ignore", "-c", code]
    with_state = {**os.environ, "STATE": str(state), **environment}
    return [subprocess.Popen(start, env=with_state, stdout=subprocess.PIPE, text=True) for _ in range(count)]


def end(worker: subprocess.Popen[str]) -> str:
    """Kill it at whatever it does; what it said until then."""
    worker.kill()
    return worker.communicate()[0]


def outputs(running: Sequence[subprocess.Popen[str]], timeout_s: float = 60) -> list[str]:
    said = [worker.communicate(timeout=timeout_s)[0] for worker in running]
    assert [worker.returncode for worker in running] == [0] * len(running)
    return said


def test_room_for_five_serves_five_of_four_processes(tmp_path: Path) -> None:
    code = (
        BEGIN
        + """
served = []
def ask():
    try:
        served.append(governor.admit(None, input_tokens=1_000, max_output_tokens=500))
    except tk.Refused:
        pass
threads = [threading.Thread(target=ask) for _ in range(50)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(served))
os._exit(0)  # without a settle: what was admitted stays on hold
"""
    )
    said = outputs(workers(code, 4, tmp_path, AMOUNT="0.011"))
    assert sum(map(int, said)) == 5
    with tk.Governor(policy("0.011"), state=tmp_path) as governor:
        (row,) = governor.balances()
        assert str(row.pending) == "0.01"


def test_one_rate_for_all_processes(tmp_path: Path) -> None:
    code = """
import os, time
import tierkit as tk
limiter = tk.Limiter([tk.Limit("2000 requests/second", name="rate", burst=100)], state=os.environ["STATE"])
take = limiter.bind({"user": "ada"}).take
began = time.monotonic()
admitted = 0
while time.monotonic() - began < 2:
    admitted += bool(take(requests=1))
print(admitted, began, time.monotonic())
"""
    said = [line.split() for line in outputs(workers(code, 4, tmp_path))]
    admitted = sum(int(line[0]) for line in said)
    lasted_s = max(float(line[2]) for line in said) - min(float(line[1]) for line in said)
    assert admitted <= 100 + 2_000 * lasted_s
    # Each worker runs for two seconds, not all of them at once; the first and the last alone take all that refills.
    assert admitted >= 0.95 * 2_000 * 2


def test_two_governors_of_one_process_share(tmp_path: Path) -> None:
    with tk.Governor(policy("1"), state=tmp_path) as one, tk.Governor(policy("1"), state=tmp_path) as two:
        one.admit(None, input_tokens=1_000, max_output_tokens=500, id="x").settle(tk.Usage(1_000, 0))
        assert [str(row.posted) for row in two.balances()] == ["0.001"]
        assert two.explain("x")["state"] == "posted"
        with tk.Governor(policy("2"), state=tmp_path) as three:
            assert [str(row.limit) for row in three.balances()] == ["2"]
        assert [str(row.limit) for row in one.balances()] == ["2"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_children_of_a_preloaded_program_share_with_it(tmp_path: Path) -> None:
    code = (
        BEGIN
        + """
governor.admit(None, input_tokens=1_000, max_output_tokens=0 or 1).settle(tk.Usage(1_000, 0))
children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        governor.admit(None, input_tokens=1_000, max_output_tokens=1).settle(tk.Usage(1_000, 0))
        governor.flush()
        os._exit(0)
    children.append(child)
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children], governor.balances()[0].posted)
governor.close()
"""
    )
    assert outputs(workers(code, 1, tmp_path, AMOUNT="1")) == ["[0, 0, 0, 0] 0.005\n"]


WORK = (
    BEGIN
    + """
n = 0
while True:
    try:
        admission = governor.admit(None, input_tokens=1_000, max_output_tokens=10, id=f"{os.getpid()}/{n}")
    except tk.Refused:
        continue
    admission.settle(tk.Usage(1_000, 0))
    n += 1
    print(n, flush=True)
"""
)


def said_last(worker: subprocess.Popen[str]) -> int:
    lines = end(worker).splitlines()
    return int(lines[-1]) if lines else 0


@pytest.mark.parametrize("seed", range(3))
def test_workers_killed_at_random_lose_nothing(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    running = workers(WORK, 4, tmp_path, AMOUNT="1000")
    acknowledged = 0
    for worker in running:
        assert worker.stdout is not None
        assert worker.stdout.readline(), "all of them are at work, however busy the machine"
    for _ in range(6):
        time.sleep(chance.random() * 0.2)
        victim = running.pop(chance.randrange(len(running)))
        acknowledged += said_last(victim)
        running += workers(WORK, 1, tmp_path, AMOUNT="1000")
    for worker in running:
        acknowledged += said_last(worker)
    with tk.Governor(policy("1000"), state=tmp_path) as governor:
        (row,) = governor.balances()
        posted = int(row.posted * 1000)
        # A worker may die between its settle and its word; each of the ten dead has at most one such.
        assert acknowledged <= posted <= acknowledged + 10
        assert int(row.pending / 1) == 0
        assert row.pending * 1_000_000 <= 10 * 1_020
        slots = [governor.admit(None, input_tokens=1, max_output_tokens=1) for _ in range(POLICY_OF_WORKERS["slots"])]
        assert len(slots) == 8, "the slots of the dead are free"
        governor.flush()
    assert posted == booked(tmp_path)


def booked(state: Path) -> int:
    from tierkit.governor.reading import ledger_spend

    (row,) = ledger_spend(state, by=[])
    return int(row.usd.decimal * 1000) if hasattr(row.usd, "decimal") else int(float(str(row.usd)) * 1000 + 0.5)


def test_the_next_writer_takes_over(tmp_path: Path) -> None:
    (first,) = workers(WORK, 1, tmp_path, AMOUNT="1000", DURABILITY="strict")
    assert first.stdout is not None
    first.stdout.readline()
    with tk.Governor(policy("1000"), state=tmp_path, durability="strict") as governor:
        governor.admit(None, input_tokens=1, max_output_tokens=1).settle(tk.Usage(1, 0))
        end(first)
        began = time.monotonic()
        governor.admit(None, input_tokens=1, max_output_tokens=1).settle(tk.Usage(1, 0))
        assert time.monotonic() - began < 5


def test_a_stopped_process_never_blocks_the_others(tmp_path: Path) -> None:
    running = workers(WORK, 2, tmp_path, AMOUNT="1000")
    time.sleep(1)
    with tk.Governor(policy("1000"), state=tmp_path) as governor:
        for _ in range(20):
            running[0].send_signal(signal.SIGSTOP)
            began = time.monotonic()
            # In the middle of a call it holds the lock: then the answer is a clear error, not a wait without end.
            with contextlib.suppress(tk.StateError, tk.Refused):
                governor.admit(None, input_tokens=1, max_output_tokens=1).cancel()
            assert time.monotonic() - began < 2
            running[0].send_signal(signal.SIGCONT)
            time.sleep(0.01)
    for worker in running:
        end(worker)


@pytest.mark.parametrize("damage", ["short", "zeros", "random", "gone"])
def test_a_damaged_segment_is_made_again_from_the_ledger(tmp_path: Path, damage: str) -> None:
    with tk.Governor(policy("1"), state=tmp_path) as governor:
        governor.admit(None, input_tokens=1_000, max_output_tokens=500, id="open")
        governor.admit(None, input_tokens=1_000, max_output_tokens=500).settle(tk.Usage(1_000, 0))
        before = governor.balances()
    file = tmp_path / "segment"
    size = file.stat().st_size
    if damage == "gone":
        file.unlink()
    else:
        content = {"short": b"x", "zeros": bytes(size), "random": random.Random(1).randbytes(size)}[damage]
        file.write_bytes(content)
    with tk.Governor(policy("1"), state=tmp_path) as governor:
        assert governor.balances() == before
        governor.admit(None, input_tokens=1_000, max_output_tokens=500, id="open").settle(tk.Usage(1_000, 500))
        assert [str(row.posted) for row in governor.balances()] == ["0.003"]


@pytest.mark.parametrize("name", ["segment", "procs", "lock"])
def test_links_are_not_followed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(tk.StateError) as caught:
        tk.Governor(policy("1"), state=tmp_path)
    assert name in caught.value.path
    assert not (tmp_path / "elsewhere").exists()
