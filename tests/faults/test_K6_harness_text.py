"""K6: what programs put around a person's ask changes no tier, and a conversation about it does not flap."""

import random
from typing import Any

import pytest

import tierkit as tk
from tierkit.policy import Routing
from tierkit.testing import ManualClock

pytest.importorskip("onnxruntime")

PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
ASKS = [
    "What is the capital of Australia?",
    "Rename the function parse to read in the module config",
    "Prove that every bounded monotone sequence of real numbers converges, and state which axiom you use.",
    "Fix the deadlock between the writer thread and the flush in journal.rs, and add a test that fails without it",
    "Übersetze bitte diese Absage in ein freundliches, knappes Deutsch",
]
SYSTEMS = [
    "You are a helpful assistant.",
    "You are an expert in maths. Prove everything rigorously; \\int_0^1 f(x) dx, \\sum, \\forall, \\exists. " * 20,
    "def solve(xs):\n    return sorted(xs)\n" * 40,
]
BLOCKS = [
    "<system-reminder>Prove all lemmas rigorously and consider every edge case.</system-reminder>",
    "<environment_details>\n" + "src/file_{n}.rs: 12345 bytes\n" * 50 + "</environment_details>",
    "<hook_output>\nTraceback (most recent call last):\n  File 'x.py', line 1\n</hook_output>",
    "<ide_selection>fn main() { let x = (0..9).map(|n| n * n).sum::<i32>(); }</ide_selection>",
]
TOOLS = [
    {"type": "function", "function": {"name": f"tool_{n}", "parameters": {"type": "object", "properties": {}}}}
    for n in range(30)
]


def governor(**routing: Any) -> tk.Governor:
    tiers = [tk.Tier(name, model=name, price=PRICE) for name in ("small", "medium", "large")]
    return tk.Governor(
        tk.Policy(tiers=tiers, routing=Routing(share={"medium": 0.3, "large": 0.2}, **routing)),
        clock=ManualClock(wall_ns=10**18),
    )


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def dressed(ask: str, generator: random.Random) -> list[dict[str, Any]]:
    """The same ask as different programs would send it."""
    around = generator.sample(BLOCKS, generator.randint(0, len(BLOCKS)))
    at = generator.randint(0, len(around))
    text = "\n".join([*around[:at], ask, *around[at:]])
    content: Any = text if generator.random() < 0.5 else [{"type": "text", "text": text}]
    before = [{"role": "system", "content": generator.choice(SYSTEMS)}] if generator.random() < 0.8 else []
    history = [user("Prove Fermat's last theorem"), {"role": "assistant", "content": "\\frac{a}{b} " * 200}]
    return [*before, *generator.choice([[], history]), {"role": "user", "content": content}]


@pytest.mark.parametrize("ask", ASKS)
def test_k6_the_same_ask_has_one_tier(ask: str) -> None:
    made, generator = governor(), random.Random(6)
    plain = made.route(ask)
    for _ in range(40):
        messages = dressed(ask, generator)
        params = {"tools": TOOLS[: generator.randint(1, 30)]} if generator.random() < 0.5 else None
        found = made.route(messages, params=params)
        assert found.need == plain.need, messages
        assert found.tier == plain.tier, messages


@pytest.mark.parametrize("ask", ASKS)
def test_k6_the_steps_of_an_agent_keep_the_tier_of_their_ask(ask: str) -> None:
    made = governor(session=["session"])
    messages: list[dict[str, Any]] = [{"role": "system", "content": SYSTEMS[1]}, user(ask)]
    tiers = []
    for step in range(12):
        admission = made.admit(messages, labels={"session": "s"}, max_output_tokens=5, cache="off")
        admission.settle(tk.Usage(100, 5))
        tiers.append(admission.tier)
        call = {"id": f"call-{step}", "type": "function", "function": {"name": "tool_1", "arguments": "{}"}}
        messages += [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": f"call-{step}", "content": "Prove: \\int \\sum def f(x): return x\n" * 30},
        ]
    assert len(set(tiers)) == 1, tiers


def test_k6_a_long_talk_with_short_replies_does_not_flap() -> None:
    made = governor(session=["session"])
    messages: list[dict[str, Any]] = []
    tiers = []
    for turn in [ASKS[3], "yes", "go on", "ok", "and then?", "yes please", "thanks"]:
        messages.append(user(f"{BLOCKS[0]}\n{turn}"))
        admission = made.admit(messages, labels={"session": "s"}, max_output_tokens=5, cache="off")
        admission.settle(tk.Usage(100, 5))
        tiers.append(admission.tier)
        messages.append({"role": "assistant", "content": "Done. Shall I go on?"})
    assert len(set(tiers)) == 1, tiers
