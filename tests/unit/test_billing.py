"""The ceiling holds for everything that a request's parameters make dearer, and what was sent is never free."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import tierkit as tk
from tierkit.request import Reply
from tierkit.testing import MockBackend

if TYPE_CHECKING:
    from collections.abc import Iterator

PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
OWN = tk.Tier("small", model="gpt-5", backend="mine", price=PRICE)
BOOK = tk.Tier("small", model="gpt-4.1", backend="mine")
TOOL = {"type": "function", "function": {"name": "weather", "description": "says what the sky does " * 30}}


def governor(tier: tk.Tier = OWN) -> tk.Governor:
    return tk.Governor(tk.Policy(tiers=[tier], budgets=[tk.Budget("1 USD", period="day")]))


def balance(engine: tk.Governor) -> tuple[str, str]:
    (row,) = engine.balances()
    return str(row.posted), str(row.pending)


def reserved(tier: tk.Tier = OWN, **params: Any) -> tk.Admission:
    return governor(tier).admit("Why is the sky blue?", max_output_tokens=100, params=params)


def test_many_answers_are_reserved_each_in_full() -> None:
    one, five = reserved(), reserved(n=5)
    assert five.reserved.nusd - one.reserved.nusd == 4 * 100 * 2_000
    assert reserved(best_of=5).reserved == five.reserved
    assert five.settle() == five.reserved
    for odd in (None, 0, -3, 1, True, "7", 2.5):
        assert reserved(n=odd).reserved == one.reserved
    with pytest.raises(tk.ConfigError, match="output_tokens"):
        reserved(n=10**20)
    plan = governor().route("Why is the sky blue?", max_output_tokens=100, params={"n": 5})
    assert plan.price_ceiling == five.reserved


def test_usual_lengths_are_those_of_one_answer() -> None:
    engine = governor()
    for n in range(20):
        engine.admit(f"Why {n}?", params={"n": 4}).settle(tk.Usage(9, 400))
    assert engine.route("Why?").output_tokens == 103


@pytest.mark.parametrize("name", ["tools", "functions", "response_format"])
def test_what_is_told_beside_the_messages_is_counted(name: str) -> None:
    plain, told = reserved(), reserved(**{name: [TOOL]})
    words = int(tk.count_tokens(TOOL["function"]["description"], model="gpt-5"))
    assert told.input_tokens - plain.input_tokens > words
    assert (told.input_tokens.estimated, plain.input_tokens.estimated) == (True, False)
    assert told.reserved > plain.reserved
    assert reserved(**{name: []}).reserved == plain.reserved


def test_a_text_counts_as_the_message_that_is_sent() -> None:
    engine = governor()
    text = engine.admit("Why is the sky blue?", max_output_tokens=9)
    message = engine.admit([{"role": "user", "content": "Why is the sky blue?"}], max_output_tokens=9)
    assert text.input_tokens == message.input_tokens


def test_a_dearer_processing_is_reserved_and_charged() -> None:
    usage = tk.Usage(10, 100)
    plain, asked = reserved(BOOK), reserved(BOOK, service_tier="priority")
    assert asked.reserved > plain.reserved
    assert plain.settle(usage) < asked.settle(usage) <= asked.reserved
    told_otherwise = reserved(BOOK, service_tier="priority")
    assert told_otherwise.settle(tk.Usage(10, 100, served_tier="default")) == plain.cost
    for word in ("auto", "default", None):
        assert reserved(BOOK, service_tier=word).reserved == plain.reserved


@pytest.mark.parametrize("tier", [OWN, BOOK])
def test_a_processing_without_a_price_takes_the_dearest_known(tier: tk.Tier) -> None:
    asked = reserved(tier, service_tier="a word of tomorrow")
    assert reserved(tier).reserved <= asked.reserved
    assert reserved(tier).settle(tk.Usage(10, 100)) <= asked.settle(tk.Usage(10, 100)) <= asked.reserved


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "model", "stream"])
def test_a_client_refuses_what_it_would_not_pass_on(name: str) -> None:
    engine = governor()
    client = tk.Client(engine, backends={"mine": MockBackend("It scatters.")})
    with pytest.raises(tk.ConfigError, match=f"{name}=7: not passed on"):
        client.complete("Why?", **{name: 7})
    with pytest.raises(tk.ConfigError, match=f"{name}=7: not passed on"):
        client.stream("Why?", **{name: 7})
    assert engine.balances() == []


class Odd:
    """A backend of one's own with a mistake."""

    def __init__(self, reply: object) -> None:
        self.reply = reply

    def complete(self, _call: object) -> Any:
        return self.reply

    def stream(self, _call: object) -> Iterator[Any]:
        raise TypeError("mine")

    async def acomplete(self, _call: object) -> Any:
        return self.reply

    def astream(self, _call: object) -> Any:
        raise TypeError("mine")


@pytest.mark.parametrize(
    "reply",
    [None, "text", Reply("a", usage=SimpleNamespace(estimated=False)), Reply("a", tool_calls=[{"id": object()}])],
)
def test_a_reply_that_cannot_be_read_is_charged_as_reserved(reply: object) -> None:
    for complete in (_complete, _acomplete):
        engine = governor()
        with pytest.raises((AttributeError, TypeError, tk.ConfigError)):
            complete(engine, Odd(reply))
        posted, pending = balance(engine)
        assert (float(posted) > 0, pending) == (True, "0")


def test_a_stream_that_was_never_sent_costs_nothing() -> None:
    for stream in (_stream, _astream):
        engine = governor()
        with pytest.raises(TypeError, match="mine"):
            stream(engine, Odd(None))
        assert balance(engine) == ("0", "0")


def _complete(engine: tk.Governor, backend: Any) -> None:
    tk.Client(engine, backends={"mine": backend}).complete("Why?", max_output_tokens=9)


def _acomplete(engine: tk.Governor, backend: Any) -> None:
    asyncio.run(tk.AsyncClient(engine, backends={"mine": backend}).complete("Why?", max_output_tokens=9))  # type: ignore[arg-type]


def _stream(engine: tk.Governor, backend: Any) -> None:
    list(tk.Client(engine, backends={"mine": backend}).stream("Why?", max_output_tokens=9))


def _astream(engine: tk.Governor, backend: Any) -> None:
    async def read() -> None:
        async for _ in tk.AsyncClient(engine, backends={"mine": backend}).stream("Why?", max_output_tokens=9):
            pass

    asyncio.run(read())
