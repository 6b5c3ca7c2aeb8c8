"""A session's tier: whose it is, what moves it, and what its prompt cache is worth."""

from typing import Any

import tierkit as tk
from tierkit.policy import Routing
from tierkit.testing import ManualClock

CHEAP = {"input": "0.10 USD/Mtok", "output": "0.40 USD/Mtok", "cache_read": "0.01 USD/Mtok"}
DEAR = {"input": "2.00 USD/Mtok", "output": "8.00 USD/Mtok", "cache_read": "0.20 USD/Mtok"}
TIERS = [tk.Tier("small", model="s", price=CHEAP), tk.Tier("large", model="l", price=DEAR)]


def governor(clock: ManualClock | None = None, limits: Any = (), **routing: Any) -> tk.Governor:
    routing = {"share": {"large": 0.5}, "session": ["session"], **routing}
    return tk.Governor(tk.Policy(tiers=TIERS, limits=limits, routing=Routing(**routing)), clock=clock)


def turn(made: tk.Governor, need: float, prompt: Any = None, **labels: str) -> tk.Admission:
    tokens = 10 if prompt is None else None
    admission = made.admit(prompt, input_tokens=tokens, need=need, labels=labels, max_output_tokens=5, cache="off")
    admission.settle(tk.Usage(10, 5))
    return admission


def talk(*texts: str, system: str = "be brief") -> list[dict[str, str]]:
    roles = ("user", "assistant")
    turns = [{"role": roles[at % 2], "content": text} for at, text in enumerate(texts)]
    return [{"role": "system", "content": system}, *turns]


def test_two_tenants_with_one_session_name_stay_apart() -> None:
    made = governor()
    assert turn(made, 0.9, session="1", org="acme").tier == "large"
    assert turn(made, 0.1, session="1", org="initech").tier == "small"
    assert turn(made, 0.1, session="1", org="acme").tier == "large"
    # Nor may a value be written so that it reads as another label.
    assert turn(made, 0.1, session="1", org="acme3:orgx").tier == "small"


def test_a_compacted_conversation_may_fall() -> None:
    made = governor()
    assert turn(made, 0.9, talk("a hard one"), session="1").tier == "large"
    assert turn(made, 0.1, talk("a hard one", "…", "and an easy one"), session="1").tier == "large"
    compacted = talk("This is a summary of what was said", "…", "and an easy one")
    assert turn(made, 0.1, compacted, session="1").tier == "small"


def test_other_instructions_or_tools_end_the_cache() -> None:
    made = governor()
    for number, (messages, params) in enumerate(
        [(talk("x", system="be long"), {}), (talk("x"), {"tools": [{"type": "function", "function": {"name": "f"}}]})]
    ):
        assert turn(made, 0.9, talk("x"), session=str(number)).tier == "large"
        again = made.admit(messages, params=params, need=0.1, labels={"session": str(number)}, max_output_tokens=5)
        again.cancel()
        assert again.tier == "small"


def test_a_session_goes_on_where_it_was_admitted() -> None:
    """A tier without room: the cache there is lost, and going back would lose the new one."""
    clock = ManualClock(wall_ns=10**18)
    one = tk.Limit("1 requests/minute", burst=1, where={"tier": "large"})
    made = governor(clock, [one])
    assert turn(made, 0.9, session="1").tier == "large"
    assert turn(made, 0.9, session="1").tier == "small"
    clock.advance(s=70)
    assert turn(made, 0.1, session="1").tier == "small"
    assert turn(made, 0.9, session="1").tier == "large", "upward it may go again"


def test_a_rise_after_a_fit_must_be_worth_the_cache_that_it_leaves() -> None:
    clock = ManualClock(wall_ns=10**18)
    made = governor(clock)
    core = made._engine.steering.core
    for _ in range(20):
        core.cost(1_000_000, 20_000_000)

    def rise(session: str, cached: int, gain_ppm: int) -> int:
        core.decide(0.1, now_ns=0, session=session, tokens=(cached, 50))
        core.settle(session=session, cached_tokens=cached)
        plan, *_ = core.decide(0.9, now_ns=1, session=session, tokens=(cached + 20, 50), gain_ppm=(gain_ppm, 300_000))
        return plan[0]

    assert rise("short", 100, 300_000) == 1
    assert rise("long", 200_000, 300_000) == 0
    assert rise("long but much better", 200_000, 10_000_000) == 1
    counts = made.routing().counts
    assert (counts["switch"], counts["session"]) == (1, 0)


def test_sessions_of_a_killed_conversation_are_forgotten_after_silence() -> None:
    clock = ManualClock(wall_ns=10**18)
    made = governor(clock, session_idle_s=60)
    turn(made, 0.9, session="1")
    clock.advance(s=61)
    assert turn(made, 0.1, session="1").tier == "small"
