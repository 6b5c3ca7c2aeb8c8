"""Request bodies: one format, two names for the output limit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from chat_frames import completion

from tierkit.backends.chat import read_reply, request_body
from tierkit.request import Call, Usage


def body(kind: str, *, stream: bool = False, **settings: Any) -> dict[str, Any]:
    call = Call([{"role": "user", "content": "hi"}], model="m", **settings)
    parsed: dict[str, Any] = json.loads(request_body(kind, call, stream=stream))
    return parsed


@pytest.mark.parametrize(
    ("kind", "name"),
    [("openai", "max_completion_tokens"), ("vllm", "max_tokens"), ("sglang", "max_tokens"), ("llama.cpp", "max_tokens"),
     ("openai_compatible", "max_tokens")],
)  # fmt: skip
def test_the_output_limit_by_kind(kind: str, name: str) -> None:
    limits = {"max_tokens", "max_completion_tokens"}
    assert {key: value for key, value in body(kind, max_output_tokens=9).items() if key in limits} == {name: 9}
    assert not limits & set(body(kind))


def test_own_fields_win_over_params_and_the_rest_passes() -> None:
    params = {
        "model": "other",
        "stream": True,
        "max_tokens": 10**9,
        "tools": [{"type": "function"}],
        "vendor": {"x": 1},
    }
    found = body("vllm", max_output_tokens=5, params=params)
    assert found == {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5,
                     "tools": [{"type": "function"}], "vendor": {"x": 1}}  # fmt: skip


def test_streams_always_ask_for_usage() -> None:
    params = {"stream_options": {"include_usage": False, "include_obfuscation": False}}
    found = body("openai", stream=True, params=params)
    assert found["stream"] is True
    assert found["stream_options"] == {"include_usage": True, "include_obfuscation": False}
    assert "stream_options" not in body("openai", params=params)


def test_lone_surrogates_can_be_sent() -> None:
    call = Call([{"role": "user", "content": "a\ud800b"}], model="m")
    assert json.loads(request_body("vllm", call, stream=False))["messages"][0]["content"] == "a?b"


def test_a_reply_in_parts_with_tool_calls() -> None:
    raw = completion(tool_calls=[{"id": "t"}, 3], content=[{"type": "text", "text": "a"}, {"text": "b"}])
    reply = read_reply("vllm", {"x-request-id": "r-1"}, raw)
    assert reply is not None
    assert (reply.text, reply.tool_calls, reply.request_id, reply.model) == ("ab", [{"id": "t"}], "r-1", "served")
    assert (reply.usage, reply.raw) == (Usage(11, 3), raw)
