"""Routing over the processes of a state directory: one quota, one threshold, one session, whoever serves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import tierkit as tk
from tierkit.policy import Routing

if TYPE_CHECKING:
    from pathlib import Path

PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
DEAR = {"input": "20 USD/Mtok", "output": "40 USD/Mtok"}
WORKERS, EACH = 4, 150

WORKER = """
import json, sys
sys.path.insert(0, sys.argv[2])
from test_routing_workers import governor
made = governor(sys.argv[1])
print("ready", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    tiers, cost = [], [0, 0]
    for _ in range(asked["times"]):
        admission = made.admit(
            None, input_tokens=1000, max_output_tokens=100, need=asked["need"], labels=asked["labels"]
        )
        settled = admission.settle(__import__("tierkit").Usage(1000, 100))
        cost[admission.tier == "large"] += settled.nusd
        tiers.append(admission.tier)
    print(json.dumps([tiers.count("large"), tiers[-1], cost]), flush=True)
"""


def governor(state: Path | str) -> tk.Governor:
    routing = Routing(
        share={"large": 0.5}, quota=0.2, quota_per=["user"], quota_burst=7, money_quota=0.6, session=["session"]
    )
    tiers = [tk.Tier("small", model="s", price=PRICE), tk.Tier("large", model="l", price=DEAR)]
    budgets = [tk.Budget("1000 USD", period="total")]
    return tk.Governor(tk.Policy(tiers=tiers, budgets=budgets, routing=routing), state=state)


class Worker:
    """A process with a governor of the same directory."""

    def __init__(self, state: Path) -> None:
        here = os.path.dirname(__file__)  # noqa: PTH120 - for the child's path
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(state), here], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def ask(self, times: int, need: float, **labels: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"times": times, "need": need, "labels": labels}) + "\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


def test_all_workers_have_one_quota_also_after_a_kill(tmp_path: Path) -> None:
    """Held per process, it would be as many quotas as there are workers."""
    workers = [Worker(tmp_path) for _ in range(WORKERS)]
    try:
        for worker in workers:
            worker.ask(EACH, 1.0, user="mallory")
        found = [worker.answer() for worker in workers]
        workers[0].ask(10_000, 1.0, user="somebody")  # killed in the middle of its work
        workers[0].kill()
        workers[0] = Worker(tmp_path)
        for worker in workers:
            worker.ask(EACH, 1.0, user="mallory")
        found += [worker.answer() for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    strong, asked = sum(row[0] for row in found), 2 * WORKERS * EACH
    assert asked * 0.2 * 0.5 < strong <= 7 + 0.2 * asked
    dear, total = sum(row[2][1] for row in found), sum(sum(row[2]) for row in found)
    assert dear <= 1_000_000_000 + 0.6 * total
    with governor(tmp_path) as made:
        assert made.routing().counts["requests"] >= asked


def test_a_session_keeps_its_tier_in_every_worker(tmp_path: Path) -> None:
    workers = [Worker(tmp_path) for _ in range(2)]
    try:
        for worker, need, user, wanted in [
            (0, 0.9, "ada", "large"), (1, 0.1, "ada", "large"), (0, 0.1, "ada", "large"), (1, 0.1, "bob", "small"),
        ]:  # fmt: skip
            workers[worker].ask(1, need, session="1", user=user)
            assert workers[worker].answer()[1] == wanted
    finally:
        for worker in workers:
            worker.kill()


def test_the_thresholds_follow_the_traffic_of_all(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    try:
        with governor(tmp_path) as made:
            assert made.routing().thresholds["large"] == 0.5
            worker.ask(300, 0.05)
            worker.answer()
            assert made.routing().thresholds["large"] < 0.1
            assert made.route("hi", need=0.3).tier == "large"
    finally:
        worker.kill()
