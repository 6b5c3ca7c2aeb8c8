"""What servers say of their load, and what the next requests are told."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tierkit as tk
from tierkit.backends import OpenAICompatibleBackend, ReportedLimit, reported_limits
from tierkit.errors import BackendOverloaded
from tierkit.governor.pressure import Pressure
from tierkit.request import Call, Reply
from tierkit.testing import MockBackend

PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
TIERS = [tk.Tier(name, model="m", backend=name, price=PRICE) for name in ("small", "large")]
SMALL = ("small", "m", "small")
SECOND = 1_000_000_000

GENERIC = {
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-remaining-requests": "59",
    "x-ratelimit-reset-requests": "1s",
    "x-ratelimit-limit-tokens": "150000",
    "x-ratelimit-remaining-tokens": "149984",
    "x-ratelimit-reset-tokens": "6m0s",
}
ROWS = [
    ("openai", GENERIC, [("requests", 60, 60, 59), ("total_tokens", 150_000, 60, 149_984)]),
    (
        "openai",
        {
            **GENERIC,
            "x-ratelimit-limit-tokens_usage_based": "90000",
            "x-ratelimit-remaining-tokens_usage_based": "100",
        },
        [("requests", 60, 60, 59), ("total_tokens", 90_000, 60, 100)],
    ),
    (
        "azure",
        {**GENERIC, "x-ratelimit-reset-tokens": "7"},
        [("requests", 60, 60, 59), ("total_tokens", 150_000, 60, 149_984)],
    ),
    (
        "azure",
        {"x-ratelimit-limit-tokens": "-1", "x-ratelimit-remaining-tokens": "-1", "x-ratelimit-reset-tokens": "0"},
        [],
    ),
    (
        "anthropic",
        {
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "49",
            "anthropic-ratelimit-requests-reset": "2025-08-21T12:40:59Z",
            "anthropic-ratelimit-input-tokens-limit": "30000",
            "anthropic-ratelimit-input-tokens-remaining": "29000",
            "anthropic-ratelimit-output-tokens-limit": "8000",
            "anthropic-ratelimit-output-tokens-remaining": "0",
            "anthropic-ratelimit-unified-status": "allowed",
            "anthropic-ratelimit-unified-reset": "1755780000",
            "anthropic-priority-input-tokens-remaining": "5",
        },
        [("requests", 50, 60, 49), ("input_tokens", 30_000, 60, 28_001), ("output_tokens", 8_000, 60, 0)],
    ),
    (
        "groq",
        {**GENERIC, "x-ratelimit-limit-requests": "14400", "x-ratelimit-reset-requests": "2m59.56s"},
        [("requests", 14_400, 86_400, 59), ("total_tokens", 150_000, 60, 149_984)],
    ),
    (
        "together",
        {
            "x-ratelimit-limit": "10",
            "x-ratelimit-remaining": "9",
            "x-ratelimit-reset": "1",
            "x-tokenlimit-limit": "1000",
            "x-tokenlimit-remaining": "900",
        },
        [("requests", 10, 60, 9), ("total_tokens", 1_000, 60, 900)],
    ),
    ("mistral", {"x-ratelimit-limit": "5", "x-ratelimit-remaining": "4"}, [("requests", 5, 60, 4)]),
    ("gemini", {}, []),
    ("bedrock", {}, []),
    ("deepseek", {}, []),
    ("vllm", {"server": "uvicorn"}, []),
    ("sglang", {}, []),
    ("openai", {"x-ratelimit-limit-requests": "many", "x-ratelimit-remaining-requests": "1e9"}, []),
    ("openai", {"x-ratelimit-remaining-requests": "7"}, [("requests", None, 60, 7)]),
]


def governor(clock: Any = None, **parts: Any) -> tk.Governor:
    engine = tk.Governor(tk.Policy(tiers=parts.pop("tiers", TIERS), **parts), clock=clock)
    engine._engine.pressure._jitter = lambda: 0.0
    return engine


def ask(engine: tk.Governor, **asked: Any) -> tk.Admission:
    return engine.admit(None, input_tokens=10, max_output_tokens=10, **asked)


@pytest.mark.parametrize(("kind", "headers", "expected"), ROWS)
def test_every_provider_is_read(kind: str, headers: dict[str, str], expected: list[Any]) -> None:
    assert [tuple(row) for row in reported_limits(kind, headers)] == expected


@given(
    st.sampled_from(["openai", "azure", "anthropic", "groq", "together", "vllm"]),
    st.dictionaries(
        st.sampled_from([name for _, headers, _ in ROWS for name in headers]),
        st.text(max_size=30) | st.integers().map(str),
    ),
)
def test_garbage_is_ignored_and_never_raises(kind: str, headers: dict[str, str]) -> None:
    pressure = Pressure(tk.Policy(tiers=TIERS), clock=tk.testing.ManualClock())
    pressure.heard(SMALL, began_ns=0, limits=reported_limits(kind, headers))
    pressure.take(SMALL, 10, 10)


@pytest.mark.parametrize("hint", [-1.0, float("nan"), float("inf"), 0.0])
def test_a_hint_that_is_none_pauses_nothing(hint: float) -> None:
    pressure = Pressure(tk.Policy(tiers=TIERS))
    pressure.heard(SMALL, began_ns=0, error_class="transient", retry_after_s=hint)
    assert pressure.ignored == 1
    assert pressure.take(SMALL, 10, 10) is None
    rows = [ReportedLimit("requests", 0, 60, 5), ReportedLimit("requests", None, 60, 0)]
    pressure.heard(SMALL, began_ns=0, limits=[*rows, ReportedLimit("requests", 5, 60, -3)])
    assert pressure.ignored == 4
    assert pressure.take(SMALL, 10, 10) is None


def test_a_paused_backend_is_passed_over_until_its_time() -> None:
    clock = tk.testing.ManualClock()
    engine = governor(clock)
    first = ask(engine)
    first.cancel()
    first.heard(error_class="rate", retry_after_s=20)
    assert ask(engine).tier == "large"
    with pytest.raises(tk.RateLimited, match=r"rule 'provider:small' refuses \(paused\)") as caught:
        ask(engine, tiers=["small"])
    assert caught.value.retry_after_s == 20
    assert caught.value.decision is not None
    assert caught.value.decision.key == {"backend": "small", "model": "m"}
    clock.advance(s=20)
    assert ask(engine).tier == "small"


def test_a_pause_is_stretched_by_up_to_a_tenth_and_never_shortened() -> None:
    clock, jitter = tk.testing.ManualClock(), iter([0.5, 0.999, 0.0])
    pressure = Pressure(tk.Policy(tiers=TIERS), clock=clock, jitter=lambda: next(jitter))
    for hint, expected in ((10, 10.5), (100, 109.9), (1, 109.9)):
        pressure.heard(SMALL, began_ns=0, error_class="overload", retry_after_s=hint)
        decision = pressure.take(SMALL, 1, 1)
        assert decision is not None
        assert decision.retry_after_s == pytest.approx(expected)


def test_an_account_without_money_is_left_alone_for_an_hour() -> None:
    engine = governor(tk.testing.ManualClock())
    first = ask(engine)
    first.cancel()
    first.heard(error_class="spend")
    with pytest.raises(tk.RateLimited) as caught:
        ask(engine, tiers=["small"])
    assert caught.value.retry_after_s == 3_600


def test_what_is_left_lowers_the_level_and_time_refills_it() -> None:
    clock = tk.testing.ManualClock()
    engine = governor(clock)
    first, other = ask(engine), ask(engine)
    clock.advance(ns=1)
    first.settle(tk.Usage(10, 10))
    first.heard(limits=[ReportedLimit("requests", 60, 60, 2)])
    assert [ask(engine).tier for _ in range(3)] == ["small", "small", "large"]
    other.cancel()
    clock.advance(s=1)
    assert [ask(engine).tier for _ in range(2)] == ["small", "large"]
    # More left than is known here raises nothing: the requests on their way are not counted there yet.
    late = ask(engine, tiers=["large"])
    late.settle(tk.Usage(10, 10))
    with pytest.raises(tk.RateLimited, match=r"provider:small.*rate"):
        ask(engine, tiers=["small"])


def test_tokens_that_were_not_used_come_back() -> None:
    engine = governor(tk.testing.ManualClock())
    first = ask(engine)
    first.settle(tk.Usage(10, 10))
    first.heard(limits=[ReportedLimit("total_tokens", 1_000, 60, 25)])
    second = ask(engine)
    assert ask(engine).tier == "large"
    second.settle(tk.Usage(3, 2))
    assert ask(engine).tier == "small"


def test_an_answer_to_an_older_request_says_nothing_new() -> None:
    clock = tk.testing.ManualClock()
    engine = governor(clock)
    old = ask(engine)
    clock.advance(ns=5)
    new = ask(engine)
    for admission, left in ((new, 50), (old, 0)):
        admission.settle(tk.Usage(10, 10))
        admission.heard(limits=[ReportedLimit("requests", 60, 60, left)])
    assert engine._engine.pressure.ignored == 1
    assert ask(engine).tier == "small"


def test_overload_halves_what_runs_at_once_and_success_brings_it_back() -> None:
    clock = tk.testing.ManualClock()
    engine = governor(clock, tiers=TIERS[:1])
    running = [ask(engine) for _ in range(16)]
    clock.advance(ns=5)
    running[0].settle(tk.Usage(0, 0))
    running[0].heard(error_class="overload")
    running[1].settle(tk.Usage(0, 0))
    running[1].heard(error_class="overload")  # of the same wave
    provider = engine._engine.pressure._providers["small"]
    assert (provider.cap, provider.running) == (8, 14)
    with pytest.raises(tk.ConcurrencyLimited, match=r"provider:small"):
        ask(engine)
    for admission in running[2:]:
        admission.settle(tk.Usage(1, 1))
        admission.heard()
    assert (provider.cap, provider.running) == (9, 0)
    clock.advance(s=601)
    assert [ask(engine).tier for _ in range(20)] == ["small"] * 20


def test_a_policy_with_slots_of_its_own_learns_no_cap() -> None:
    engine = governor(tiers=TIERS[:1], limits=[tk.Limit(concurrency=100, where={"backend": "small"})])
    first = ask(engine)
    first.settle(tk.Usage(0, 0))
    first.heard(error_class="overload")
    assert engine._engine.pressure._providers["small"].cap is None


def test_a_used_up_rate_without_a_hint_empties_what_is_known() -> None:
    engine = governor(tk.testing.ManualClock())
    first = ask(engine)
    first.settle(tk.Usage(10, 10))
    first.heard(limits=[ReportedLimit("requests", 60, 60, 50)])
    second = ask(engine)
    second.settle(tk.Usage(0, 0))
    second.heard(error_class="rate")
    assert ask(engine).tier == "large"


def test_forgotten_requests_do_not_fill_a_cap_for_ever() -> None:
    clock = tk.testing.ManualClock()
    engine = governor(clock, tiers=TIERS[:1], reservation_ttl_s=60)
    first = ask(engine)
    ask(engine)
    first.settle(tk.Usage(0, 0))
    first.heard(error_class="overload")
    with pytest.raises(tk.ConcurrencyLimited):
        ask(engine)
    clock.advance(s=61)
    ask(engine)


def test_those_who_wait_for_a_cap_are_served_by_a_settle() -> None:
    engine = governor(tiers=TIERS[:1])

    async def story() -> None:
        running = [ask(engine) for _ in range(3)]
        running[0].settle(tk.Usage(0, 0))
        running[0].heard(error_class="overload")
        running[1].cancel()
        patient = asyncio.create_task(engine.admit_async(None, input_tokens=10, max_output_tokens=10, wait_s=10))
        await asyncio.sleep(0.01)
        assert not patient.done()
        with pytest.raises(tk.RateLimited, match="others wait"):
            ask(engine)
        running[2].cancel()
        assert (await asyncio.wait_for(patient, 0.2)).tier == "small"

    asyncio.run(story())


def test_a_refusal_of_the_gate_takes_nothing_from_the_server() -> None:
    engine = governor(limits=[tk.Limit(concurrency=1, per=["user"])])
    held = ask(engine, id="a")
    ask(engine, id="a")
    with pytest.raises(tk.ConcurrencyLimited):
        ask(engine)
    provider = engine._engine.pressure._providers["small"]
    assert provider.running == 1
    held.cancel()
    assert provider.running == 0


@pytest.mark.parametrize("streamed", [False, True])
def test_the_client_passes_on_what_servers_say(*, streamed: bool) -> None:
    clock = tk.testing.ManualClock()
    engine = governor(clock)
    slow = BackendOverloaded("slow down", backend="small", error_class="rate", outcome="refused", retry_after_s=9)
    backends = {"small": MockBackend([slow, "small"]), "large": MockBackend("large")}
    client = tk.Client(engine, backends=backends)

    def text(asked: str) -> str:
        return "".join(chunk.text for chunk in client.stream(asked)) if streamed else client.complete(asked).text

    assert text("one") == "large"
    assert text("two") == "large"
    clock.advance(s=9)
    assert text("three") == "small"
    assert [len(backends[name].calls) for name in ("small", "large")] == [2, 2]


def test_limits_of_a_reply_reach_the_governor() -> None:
    engine = governor(tk.testing.ManualClock())
    limits = [ReportedLimit("requests", 60, 60, 0)]
    backends = {"small": MockBackend([Reply("small", limits=limits)]), "large": MockBackend("large")}
    client = tk.Client(engine, backends=backends)
    assert [client.complete(asked).text for asked in ("one", "two")] == ["small", "large"]


def test_headers_come_over_the_wire() -> None:
    from fault_server import fault_server, reply

    body = b'{"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}'
    expected = (ReportedLimit("requests", 60, 60, 59),)
    headers = {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "59"}
    call = Call([{"role": "user", "content": "hi"}], model="m")
    with fault_server(reply(200, body, **headers)) as server:
        backend = OpenAICompatibleBackend(server.url)
        assert backend.complete(call).limits == expected
        backend.close()
    with fault_server(reply(429, b"", **headers)) as server:
        backend = OpenAICompatibleBackend(server.url)
        with pytest.raises(BackendOverloaded) as caught:
            backend.complete(call)
        backend.close()
        assert caught.value.limits == expected
    frame = b'data: {"choices": [{"delta": {"content": "hi"}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
    with fault_server(reply(200, frame, **headers, **{"content-type": "text/event-stream"})) as server:
        backend = OpenAICompatibleBackend(server.url)
        chunks = list(backend.stream(call))
        backend.close()
    assert [chunk.limits for chunk in chunks if chunk.limits] == [expected]


def test_a_governor_that_does_not_listen_is_no_problem() -> None:
    from tierkit.client.walk import _pass_on

    _pass_on(SimpleNamespace(), limits=())  # type: ignore[arg-type]
