"""A8: every attempt is admitted and charged; nothing that may have cost something is tried again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_governor import INPUT_TOKENS, RESERVED, FakeGovernor, tier

from tierkit.client import AsyncClient, Client
from tierkit.errors import (
    BackendError,
    BackendOverloaded,
    BackendRejected,
    BackendTimeout,
    BackendUnavailable,
    ConfigError,
    RateLimited,
)
from tierkit.money import Money
from tierkit.request import Usage, count_tokens
from tierkit.testing import MockBackend

NOTHING = ("settle", Usage(0, 0))
ANSWERED = ("settle", Usage(7, 3))


def failing(error_class: str, outcome: str, kind: type[BackendError] = BackendOverloaded) -> MockBackend:
    return MockBackend([kind("no", error_class=error_class, outcome=outcome)])


def good() -> MockBackend:
    return MockBackend("fine", usage=Usage(7, 3))


def ask(governor: FakeGovernor, how: str, **backends: MockBackend) -> Any:
    if how == "complete":
        return Client(governor, backends=backends).complete("hi", id="r")
    if how == "stream":
        with Client(governor, backends=backends).stream("hi", id="r") as answer:
            list(answer)
        return answer

    async def main() -> Any:
        client = AsyncClient(governor, backends=backends)
        if how == "acomplete":
            return await client.complete("hi", id="r")
        async with client.stream("hi", id="r") as answer:
            async for _ in answer:
                pass
        return answer

    return asyncio.run(main())


each_way = pytest.mark.parametrize("how", ["complete", "stream", "acomplete", "astream"])


@each_way
@pytest.mark.parametrize("error_class", ["overload", "transient", "rate", "context", "spend"])
@pytest.mark.parametrize(("outcome", "ending"), [("refused", NOTHING), ("not_sent", ("cancel", None))])
def test_a_failure_that_cost_nothing_goes_to_the_next_tier(
    how: str, error_class: str, outcome: str, ending: Any
) -> None:
    governor = FakeGovernor()
    answer = ask(governor, how, small=failing(error_class, outcome), large=good())
    assert governor.endings() == [ending, ANSWERED]
    assert [admission.id for admission in governor.admissions] == ["r/1", "r/2"]
    assert governor.asked[1]["tiers"] == ("large",)
    assert (answer.tier, answer.model, answer.id, answer.text) == ("large", "large-model", "r", "fine")
    assert [(a.id, a.tier, a.outcome) for a in answer.attempts] == [
        ("r/1", "small", outcome),
        ("r/2", "large", "answered"),
    ]
    assert answer.cost == Money.from_nusd(10)


@each_way
@pytest.mark.parametrize("outcome", ["uncertain", "partial"])
def test_a_failure_that_may_have_cost_something_is_raised(how: str, outcome: str) -> None:
    governor = FakeGovernor()
    with pytest.raises(BackendTimeout) as caught:
        ask(governor, how, small=failing("transient", outcome, BackendTimeout), large=good())
    assert caught.value.tier == "small"
    usage = Usage(INPUT_TOKENS, 0, estimated=True) if outcome == "partial" else None
    assert governor.endings() == [("settle", usage)]


@each_way
@pytest.mark.parametrize("error_class", ["auth", "not_found", "policy", "invalid"])
def test_a_request_that_no_server_would_take_is_raised(how: str, error_class: str) -> None:
    governor = FakeGovernor()
    with pytest.raises(BackendRejected):
        ask(governor, how, small=failing(error_class, "refused", BackendRejected), large=good())
    assert governor.endings() == [NOTHING]


@each_way
def test_the_fallback_has_no_free_pass(how: str) -> None:
    governor = FakeGovernor(full=("large",))
    with pytest.raises(BackendOverloaded) as caught:
        ask(governor, how, small=failing("overload", "refused"), large=good())
    assert isinstance(caught.value.__cause__, RateLimited)
    assert governor.endings() == [NOTHING]


@each_way
def test_a_refusal_before_any_attempt_is_the_refusal(how: str) -> None:
    with pytest.raises(RateLimited):
        ask(FakeGovernor(full=("small", "large")), how, small=good(), large=good())


@each_way
def test_three_attempts_at_most_and_never_the_same_target(how: str) -> None:
    tiers = [tier(name) for name in "abcde"]
    twin = tier("b2", backend="b")
    twin.model = "b-model"
    governor = FakeGovernor(*tiers[:2], twin, *tiers[2:])
    backends = {name: failing("overload", "refused") for name in "abcde"}
    with pytest.raises(BackendOverloaded):
        ask(governor, how, **backends)
    assert [admission.tier for admission in governor.admissions] == ["a", "b", "c"]
    assert governor.endings() == [NOTHING] * 3


def test_a_long_context_goes_to_wider_tiers_only() -> None:
    tiers = [tier("a", context_tokens=8000), tier("b", context_tokens=4000), tier("c", context_tokens=32000), tier("d")]
    governor = FakeGovernor(*tiers)
    backends = {
        "a": failing("context", "refused", BackendRejected),
        "c": failing("rate", "refused"),
        "b": good(),
        "d": good(),
    }
    assert Client(governor, backends=backends).complete("hi").tier == "d"
    assert [asked["tiers"] for asked in governor.asked] == [None, ("c", "d"), ("d",)]


def test_a_long_context_never_goes_back_to_a_weaker_tier() -> None:
    governor = FakeGovernor(full=("small",))
    with pytest.raises(BackendRejected):
        Client(governor, backends={"large": failing("context", "refused", BackendRejected), "small": good()}).complete(
            "x"
        )


@pytest.mark.parametrize("how", ["stream", "astream"])
@pytest.mark.parametrize("outcome", ["refused", "not_sent", "uncertain", "partial"])
def test_nothing_follows_visible_output(how: str, outcome: str) -> None:
    error = BackendUnavailable("broke", error_class="overload", outcome=outcome)
    broken = MockBackend("a text of length", fail_after_chunks=(1, error))
    governor = FakeGovernor()
    with pytest.raises(BackendUnavailable):
        ask(governor, how, small=broken, large=good())
    own = int(count_tokens("a text o", model="small-model"))
    assert governor.endings() == [("settle", Usage(INPUT_TOKENS, own, estimated=True))]


@pytest.mark.parametrize("how", ["stream", "astream"])
def test_a_stream_that_breaks_before_output_goes_on(how: str) -> None:
    broken = MockBackend("text", fail_after_chunks=(0, BackendUnavailable("no", outcome="refused")))
    governor = FakeGovernor()
    answer = ask(governor, how, small=broken, large=good())
    assert governor.endings() == [NOTHING, ANSWERED]
    assert answer.text == "fine"


@each_way
def test_a_tier_without_a_backend_gives_back_what_it_took(how: str) -> None:
    governor = FakeGovernor()
    with pytest.raises(ConfigError, match="no backend 'small'"):
        ask(governor, how, large=good())
    assert governor.endings() == [("cancel", None)]


@pytest.mark.parametrize(("raised", "ending"), [(KeyboardInterrupt, ("settle", None)), (TimeoutError, ("settle", None)),
                                                (ZeroDivisionError, ("cancel", None))])  # fmt: skip
def test_other_endings_of_a_call(raised: type[BaseException], ending: Any) -> None:
    class Odd(MockBackend):
        def complete(self, _: object) -> Any:
            raise raised

    governor = FakeGovernor()
    with pytest.raises(raised):
        Client(governor, backends={"small": Odd()}).complete("hi")
    assert governor.endings() == [ending]
    assert governor.admissions[0].cost == RESERVED or ending[0] == "cancel"


def test_the_deadline_holds_for_all_attempts_together() -> None:
    slow = MockBackend([BackendOverloaded("no", error_class="overload", outcome="refused")], latency_s=0.15)
    governor = FakeGovernor()
    with pytest.raises(BackendOverloaded):
        Client(governor, backends={"small": slow, "large": good()}).complete("hi", timeout_s=0.1)
    assert len(governor.admissions) == 1
    assert slow.calls[0].timeout_s is not None
    assert slow.calls[0].timeout_s <= 0.1
