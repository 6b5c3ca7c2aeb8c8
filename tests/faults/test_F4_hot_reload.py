"""F4: the policy is exchanged under load: one switch, each request by one policy, and no more than both allow."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from faults.reload_worker import LIMIT, PRICE, ask, policy, work

import tierkit as tk
from tierkit.report.verify import LedgerProof

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def workers(what: str, kind: str, state: Path, count: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that have opened the state."""
    command = [sys.executable, str(Path(__file__).with_name("reload_worker.py")), what, kind, str(state)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    try:
        for worker in running:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "up\n"
        yield running
    finally:
        for worker in running:
            worker.kill()
            worker.communicate()


def spent(governor: tk.Governor, kind: str) -> int:
    """Requests that the budget of a policy paid for."""
    governor.reload(policy(kind))
    rows = [row for row in governor.balances() if row.rule == f"money-{kind}"]
    return sum(int(1_000 * (row.posted + row.pending)) for row in rows) // PRICE[kind]


def check(governor: tk.Governor, seen: list[list[str]]) -> None:
    assert all(tiers == sorted(tiers, reverse=True) for tiers in seen), "after the switch nothing is decided by the old"
    count = Counter(tier for tiers in seen for tier in tiers)
    assert count["old"] > 0
    assert count["new"] == LIMIT["new"], "the bucket goes on, and holds no more than the new burst"
    assert (spent(governor, "old"), spent(governor, "new")) == (count["old"], count["new"])


@pytest.mark.parametrize("place", ["memory", "shared"])
def test_threads_switch_once_and_admit_no_more_than_both(place: str, tmp_path: Path) -> None:
    with tk.Governor(policy("old"), state=tmp_path if place == "shared" else None) as governor:
        seen: list[list[str]] = [[] for _ in range(4)]
        threads = [threading.Thread(target=work, args=(governor, tiers)) for tiers in seen]
        for thread in threads:
            thread.start()
        while not all(seen):
            time.sleep(0.001)
        governor.reload(policy("new"))
        for thread in threads:
            thread.join()
        check(governor, seen)


def test_processes_follow_one_that_reloads(tmp_path: Path) -> None:
    with tk.Governor(policy("old"), state=tmp_path) as governor, workers("load", "old", tmp_path, 3) as running:
        time.sleep(0.1)
        governor.reload(policy("new"))
        said = [json.loads(worker.communicate(timeout=50)[0]) for worker in running]
        assert [worker.returncode for worker in running] == [0, 0, 0]
        assert [last for _, last in said] == ["new"] * 3
        check(governor, [tiers for tiers, _ in said])


def test_who_waits_in_another_process_is_judged_anew(tmp_path: Path) -> None:
    with tk.Governor(policy("new"), state=tmp_path) as governor:
        work(governor, [])
        with workers("wait", "new", tmp_path, 1) as (worker,):
            time.sleep(0.3)
            governor.reload(policy("new").with_(limits=[]))
            assert worker.communicate(timeout=10)[0] == "new\n"


def test_killed_while_it_reloads_leaves_the_old_policy_or_the_new_one(tmp_path: Path) -> None:
    chance = Random(7)
    for _ in range(10):
        with workers("flip", "old", tmp_path, 1):
            time.sleep(chance.uniform(0.0, 0.1))
    with tk.Governor(policy("old"), state=tmp_path) as governor:
        assert spent(governor, "new") > 5
        assert spent(governor, "old") > 5
        ask(governor).cancel()
        governor.flush()
    assert LedgerProof(tmp_path).run()["ok"]


def slots(count: int, name: str = "slots") -> tk.Policy:
    tier = tk.Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "0 USD/Mtok"})
    return tk.Policy(tiers=[tier], limits=[tk.Limit(concurrency=count, name=name)])


async def settled(waiting: set[asyncio.Task[tk.Admission]], left: int) -> set[asyncio.Task[tk.Admission]]:
    for _ in range(200):
        if len(waiting) == left:
            break
        await asyncio.sleep(0.01)
        waiting = {task for task in waiting if not task.done()}
    assert len(waiting) == left
    return waiting


def test_those_who_wait_are_judged_anew() -> None:
    asyncio.run(_waiting())


async def _waiting() -> None:
    with tk.Governor(slots(2)) as governor:
        held = [governor.admit(None, input_tokens=1, max_output_tokens=1) for _ in range(2)]
        waits = [governor.admit_async(None, input_tokens=1, max_output_tokens=1, wait_s=30) for _ in range(6)]
        tasks = [asyncio.create_task(wait) for wait in waits]
        rest = await settled(set(tasks), 6)
        governor.reload(slots(4))
        rest = await settled(rest, 4)
        # A limit of another name is held by nobody.
        governor.reload(slots(1, name="others"))
        rest = await settled(rest, 3)
        governor.reload(tk.Policy(tiers=governor.policy.tiers))
        await settled(rest, 0)
        for admission in [*held, *(task.result() for task in tasks)]:
            admission.cancel()


def test_tasks_are_served_by_one_policy_each() -> None:
    asyncio.run(_tasks())


async def _tasks() -> None:
    with tk.Governor(policy("old")) as governor:
        seen: list[str] = []

        async def one(at: int) -> None:
            await asyncio.sleep(0.0005 * (at % 20))
            admission = await governor.admit_async(None, input_tokens=1, max_output_tokens=1)
            await asyncio.sleep(0.002)
            admission.settle(tk.Usage(1, 0))
            seen.append(admission.tier)

        tasks = [asyncio.create_task(one(at)) for at in range(300)]
        await asyncio.sleep(0.004)
        governor.reload(policy("new"))
        await asyncio.gather(*tasks)
        count = Counter(seen)
        assert (spent(governor, "old"), spent(governor, "new")) == (count["old"], count["new"])
