"""A whole decision: tokens, cache, tier, four limits and two budgets; then the exact price."""

from __future__ import annotations

import subprocess
import sys
from statistics import median
from time import perf_counter_ns
from typing import TYPE_CHECKING

import pytest

import tierkit as tk
from tierkit.policy import Routing

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

# About 128 tokens for o200k.
PROMPT = "Explain in a few plain sentences why the tides follow the moon, " * 9 + "and say it so a child can follow it."
LABELS = {"org": "acme", "team": "search", "user": "ada"}
SMALL = {"input": "0.05 USD/Mtok", "output": "0.20 USD/Mtok"}
LARGE = {"input": "1 USD/Mtok", "output": "8 USD/Mtok"}


def governor(share: float | None) -> tk.Governor:
    rates = [tk.Limit("1000000 requests/second", per=[label]) for label in ("org", "team", "user")]
    tokens = tk.Limit("1000000000 total_tokens/second", per=["org"])
    budgets = [tk.Budget("1000000 USD", period="day", per=[label]) for label in ("org", "team")]
    tiers = [tk.Tier("small", model="gpt-4o", price=SMALL), tk.Tier("large", model="gpt-5", price=LARGE)]
    routing = None if share is None else Routing(share={"large": share})
    return tk.Governor(tk.Policy(tiers=tiers, limits=[*rates, tokens], budgets=budgets, routing=routing))


@pytest.mark.parametrize("share", [None, 0.2], ids=["without classifier", "with classifier"])
def test_decision(share: float | None) -> None:
    """Each decision is timed alone, so that the 99th percentile can be read too."""
    engine = governor(share)
    times_ns = []
    for _ in range(5_200):
        began = perf_counter_ns()
        admission = engine.admit(PROMPT, labels=LABELS, max_output_tokens=100)
        times_ns.append(perf_counter_ns() - began)
        admission.cancel()
    times_ns = sorted(times_ns[200:])
    p99 = times_ns[len(times_ns) * 99 // 100]
    tokens = int(tk.count_tokens(PROMPT))
    print(f"\n  whole decision, {tokens} tokens: p50 {median(times_ns) / 1000:.1f} us, p99 {p99 / 1000:.1f} us")


@pytest.mark.benchmark(group="admit and settle by token count")
def test_admit_and_settle(benchmark: BenchmarkFixture) -> None:
    engine = governor(None)
    usage = tk.Usage(128, 90)

    def pair() -> tk.Money:
        return engine.admit(None, input_tokens=128, labels=LABELS, max_output_tokens=100).settle(usage)

    benchmark.pedantic(pair, rounds=200, iterations=100)


def test_import_time() -> None:
    """Medians of 15 alternating starts, so that both sides see the same machine."""

    def start_ms(code: str) -> float:
        began = perf_counter_ns()
        subprocess.run([sys.executable, "-c", code], check=True)
        return (perf_counter_ns() - began) / 1e6

    bare, ours = [], []
    for _ in range(15):
        bare.append(start_ms("pass"))
        ours.append(start_ms("import tierkit"))
    loaded = "import sys, tierkit; print([m for m in ('numpy','onnxruntime','httpx2','asyncio') if m in sys.modules])"
    heavy = subprocess.run([sys.executable, "-c", loaded], check=True, capture_output=True, text=True).stdout.strip()
    print(f"\n  import tierkit: {median(ours) - median(bare):.1f} ms over bare Python; heavy modules loaded: {heavy}")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_of_scopes() -> None:
    """Resident bytes of 100,000 scopes that are all in use."""
    code = """
import resource, tierkit as tk
def resident(): return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
limiter = tk.Limiter([tk.Limit("60 requests/minute", per=["user"])])
limiter.take({"user": "first"})
before = resident()
for n in range(100_000): limiter.take({"user": f"user-{n}"})
print((resident() - before) / 1e6)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    print(f"\n  100,000 live scopes: {float(done.stdout):.1f} MB")
