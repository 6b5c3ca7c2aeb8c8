"""A1: usage that is missing, broken, repeated or late is booked exactly, or estimated and flagged; never below 0."""

from __future__ import annotations

from typing import Any

import pytest
from chat_frames import ABSENT, DONE, USAGE, completion, frame, usage_frame, whole
from fake_governor import INPUT_TOKENS, FakeGovernor, tier
from fault_server import END, fault_server, reply, stream

from tierkit.backends import OpenAICompatibleBackend
from tierkit.client import Client
from tierkit.request import Usage, count_tokens

TEXT = "one two three"
OWN = Usage(INPUT_TOKENS, int(count_tokens(TEXT, model="small-model")), estimated=True)
BROKEN: list[Any] = [None, {}, [], "lots", {"prompt_tokens": None}, {"prompt_tokens": "9", "completion_tokens": "3"}]
BROKEN += [{"prompt_tokens": -4, "completion_tokens": -9}, {"prompt_tokens": 1e30, "completion_tokens": True}, ABSENT]


def ask(server_url: str, *, streamed: bool) -> tuple[FakeGovernor, Usage | None, str]:
    governor = FakeGovernor(tier("small", backend="b"))
    backend = OpenAICompatibleBackend(server_url, name="b", kind="vllm")
    client = Client(governor, backends={"b": backend})
    try:
        if streamed:
            with client.stream("hi") as answer:
                text = "".join(chunk.text for chunk in answer)
            assert answer.text == text
            return governor, answer.usage, text
        whole_answer = client.complete("hi")
        return governor, whole_answer.usage, whole_answer.text
    finally:
        backend.close()


@pytest.mark.parametrize("usage", BROKEN)
@pytest.mark.parametrize("streamed", [False, True])
def test_unusable_usage_is_estimated_from_the_text(usage: Any, *, streamed: bool) -> None:
    script = stream(*whole(usage=usage), END) if streamed else reply(200, completion(TEXT, usage))
    with fault_server(script) as server:
        governor, seen, text = ask(server.url, streamed=streamed)
    assert text == TEXT
    assert seen == OWN
    assert governor.endings() == [("settle", OWN)]


@pytest.mark.parametrize(("usage", "expected"), [
    ({"prompt_tokens": 500, "completion_tokens": -1}, Usage(500, OWN.output_tokens, estimated=True)),
    ({"prompt_tokens": "x", "completion_tokens": 70}, Usage(INPUT_TOKENS, 70, estimated=True)),
    ({"prompt_tokens": 7, "completion_tokens": 0}, Usage(7, 0)),
])  # fmt: skip
@pytest.mark.parametrize("streamed", [False, True])
def test_a_half_is_kept_and_a_zero_is_a_value(usage: Any, expected: Usage, *, streamed: bool) -> None:
    script = stream(*whole(usage=usage), END) if streamed else reply(200, completion(TEXT, usage))
    with fault_server(script) as server:
        assert ask(server.url, streamed=streamed)[0].endings() == [("settle", expected)]


@pytest.mark.parametrize(
    "frames",
    [
        [*whole(done=False), usage_frame(USAGE), DONE],  # twice
        [frame("one ", usage={"prompt_tokens": 11, "completion_tokens": 1}), *whole()],  # early and late
        [*whole()[:-2], frame(usage=USAGE), DONE],  # in a frame with choices
        whole(done=False),  # [DONE] missing
        [b": keep-alive\n\n", *whole()],
    ],
)
def test_usage_wherever_it_comes_is_exact(frames: list[bytes]) -> None:
    with fault_server(stream(*frames, END)) as server:
        governor, _, _ = ask(server.url, streamed=True)
    assert governor.endings() == [("settle", Usage(11, 3))]


def test_cached_tokens_only_in_the_last_frame() -> None:
    usage = {**USAGE, "prompt_tokens_details": {"cached_tokens": 8}}
    with fault_server(stream(*whole(usage=usage), END)) as server:
        governor, _, _ = ask(server.url, streamed=True)
    assert governor.endings() == [("settle", Usage(11, 3, cache_read_tokens=8))]


def test_two_choices_of_a_server_that_reports_one() -> None:
    body = completion(TEXT).replace(b'"choices": [', b'"choices": [{"index": 1, "message": {"content": "x"}}, ')
    with fault_server(reply(200, body)) as server:
        backend = OpenAICompatibleBackend(server.url, name="b", kind="llama.cpp")
        answer = Client(FakeGovernor(tier("small", backend="b")), backends={"b": backend}).complete("hi", n=2)
        backend.close()
    assert answer.usage is not None
    assert answer.usage.estimated
