"""Waiting for room that another process of the state directory holds."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

import tierkit as tk
from tierkit.governor import waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOLDER = """
import sys, tierkit as tk
limiter = tk.Limiter([tk.Limit(concurrency=1, name="slots")], state=sys.argv[1])
held = limiter.take({})
print("held" if held else "refused", flush=True)
sys.stdin.readline()
limiter.settle(held)
print("settled", flush=True)
sys.stdin.readline()
"""
NAME = "tierkit-neighbours"


@pytest.fixture(autouse=True)
def _no_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every wake must come from the other process."""
    monkeypatch.setattr(waiting, "_RECHECK_NS", 3_600 * 10**9)


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def slots(state: Path) -> tk.Limiter:
    return tk.Limiter([tk.Limit(concurrency=1, name="slots")], state=state)


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def listeners() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == NAME]


def later(action: object, *arguments: object) -> None:
    threading.Timer(0.2, action, arguments).start()  # type: ignore[arg-type]


def quiet() -> None:
    for _ in range(200):
        if not listeners():
            return
        time.sleep(0.01)
    raise AssertionError("the thread goes on although nobody waits")


def test_a_settle_in_another_process_serves_the_line(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    with slots(tmp_path) as limiter:
        assert not limiter.take({})
        assert not listeners()
        later(go_on, holder)
        assert limiter.wait({}, timeout_s=30)
        quiet()


def test_the_slot_of_a_killed_process_serves_the_line(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    with slots(tmp_path) as limiter:
        later(holder.kill)
        assert limiter.wait({}, timeout_s=30)


def test_tasks_wait_for_another_process_on_one_thread(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    async def story() -> int:
        tasks = [asyncio.create_task(limiter.wait_async({"user": str(n)}, timeout_s=30)) for n in range(200)]
        while len(limiter._waiting.waiters) < len(tasks):  # noqa: ASYNC110 - the line has no event to wait for
            await asyncio.sleep(0.001)
        assert len(listeners()) == 1
        go_on(holder)
        served = 0
        for task in tasks:
            limiter.settle(await task)
            served += 1
        return served

    with slots(tmp_path) as limiter:
        assert asyncio.run(story()) == 200
        quiet()


def test_money_freed_by_another_process_serves_the_line(tmp_path: Path) -> None:
    program = """
import sys, tierkit as tk
ledger = tk.Ledger([tk.Budget("1 USD", period="total", name="all")], state=sys.argv[1])
held = ledger.reserve({}, usd="0.99")
print("held", flush=True)
sys.stdin.readline()
ledger.post(held, usd="0.01")
sys.stdin.readline()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        tier = tk.Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "2 USD/Mtok"})
        policy = tk.Policy(tiers=[tier], budgets=[tk.Budget("1 USD", period="total", name="all")])
        with tk.Governor(policy, state=tmp_path) as governor:
            later(go_on, process)
            with governor.admit(None, input_tokens=10_000, max_output_tokens=1_000, wait_s=30) as admission:
                admission.settle(tk.Usage(10_000, 1))
    finally:
        process.kill()
        process.communicate()


def test_a_close_ends_the_wait_and_the_thread(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    limiter, seen = slots(tmp_path), []

    def one() -> None:
        with pytest.raises(tk.ConfigError, match="closed"):
            limiter.wait({}, timeout_s=30)
        seen.append(True)

    thread = threading.Thread(target=one)
    thread.start()
    while not limiter._waiting.waiters:
        time.sleep(0.001)
    limiter.close()
    thread.join(5)
    assert seen
    assert not listeners()
    assert holder.poll() is None


def test_a_program_that_ends_while_a_loop_was_left_waiting_ends(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    program = """
import asyncio, os, sys, tierkit as tk
limiter = tk.Limiter([tk.Limit(concurrency=1, name="slots")], state=sys.argv[1])
loop = asyncio.new_event_loop()
task = loop.create_task(limiter.wait_async({}, timeout_s=1000))
loop.run_until_complete(asyncio.sleep(0.05))
print(len(limiter._waiting.waiters))
"""
    start = [sys.executable, "-c", program, str(tmp_path)]
    ended = subprocess.run(start, capture_output=True, check=False, text=True, timeout=30)
    assert (ended.returncode, ended.stdout) == (0, "1\n"), ended.stderr
    assert holder.poll() is None
