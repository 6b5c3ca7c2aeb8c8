"""Every provider's usage in one form; nothing that a server writes becomes a negative or a crash."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tierkit.backends import parse_usage
from tierkit.backends.usage import MAX_TOKENS, UsageReader
from tierkit.backends.usage_rules import RULES
from tierkit.request import Usage

if TYPE_CHECKING:
    from pathlib import Path

CHAT = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
ROWS: list[tuple[str, dict[str, Any], Usage]] = [
    (
        "openai",
        {
            **CHAT,
            "prompt_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 10, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 5, "accepted_prediction_tokens": 0},
        },
        Usage(100, 20, cache_read_tokens=64, cache_write_5m_tokens=10, reasoning_tokens=5),
    ),
    ("azure", CHAT, Usage(100, 20)),
    ("mistral", CHAT, Usage(100, 20)),
    ("groq", {**CHAT, "prompt_time": 0.01, "total_time": 0.2}, Usage(100, 20)),
    ("together", CHAT, Usage(100, 20)),
    (
        "vllm",
        {**CHAT, "prompt_tokens_details": {"cached_tokens": 8, "created_cache_tokens": 2, "multimodal_tokens": None}},
        Usage(100, 20, cache_read_tokens=8, cache_write_5m_tokens=2),
    ),
    ("sglang", {**CHAT, "prompt_tokens_details": {"cached_tokens": 8}}, Usage(100, 20, cache_read_tokens=8)),
    ("llama.cpp", {**CHAT, "prompt_tokens_details": {"cached_tokens": 84}}, Usage(100, 20, cache_read_tokens=84)),
    (
        "deepseek",
        {**CHAT, "prompt_cache_hit_tokens": 60, "prompt_cache_miss_tokens": 40},
        Usage(100, 20, cache_read_tokens=60),
    ),
    (
        "xai",
        {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "total_tokens": 150,
            "completion_tokens_details": {"reasoning_tokens": 30},
        },
        Usage(100, 50, reasoning_tokens=30),
    ),
    (
        "openai_responses",
        {
            "input_tokens": 100,
            "input_tokens_details": {"cached_tokens": 64},
            "output_tokens": 20,
            "output_tokens_details": {"reasoning_tokens": 7},
            "total_tokens": 120,
        },
        Usage(100, 20, cache_read_tokens=64, reasoning_tokens=7),
    ),
    (
        "anthropic",
        {
            "input_tokens": 10,
            "cache_read_input_tokens": 60,
            "cache_creation_input_tokens": 30,
            "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
            "output_tokens": 20,
        },
        Usage(100, 20, cache_read_tokens=60, cache_write_5m_tokens=20, cache_write_1h_tokens=10),
    ),
    (
        "anthropic",
        {"input_tokens": 10, "cache_read_input_tokens": 60, "cache_creation_input_tokens": 30, "output_tokens": 20},
        Usage(100, 20, cache_read_tokens=60, cache_write_5m_tokens=30),
    ),
    (
        "bedrock",
        {
            "inputTokens": 10,
            "outputTokens": 20,
            "cacheReadInputTokens": 90,
            "cacheWriteInputTokens": 0,
            "totalTokens": 120,
        },
        Usage(100, 20, cache_read_tokens=90),
    ),
]


@pytest.mark.parametrize(("kind", "usage", "expected"), ROWS)
def test_every_provider(kind: str, usage: dict[str, Any], expected: Usage) -> None:
    assert parse_usage(kind, {"usage": usage}) == expected


def test_gemini_adds_thoughts_and_tool_prompts() -> None:
    body = {
        "usageMetadata": {
            "promptTokenCount": 90,
            "cachedContentTokenCount": 50,
            "candidatesTokenCount": 12,
            "thoughtsTokenCount": 8,
            "toolUsePromptTokenCount": 10,
            "totalTokenCount": 120,
        }
    }
    assert parse_usage("gemini", body) == Usage(100, 20, cache_read_tokens=50, reasoning_tokens=8)


@pytest.mark.parametrize(
    ("file", "kind", "expected"),
    [
        ("chat_nonstream.json", "vllm", Usage(19, 24)),
        ("responses_nonstream.json", "openai_responses", Usage(5, 16, served_tier="auto")),
        ("messages_nonstream.json", "anthropic", Usage(5, 6)),
    ],
)
def test_recordings(file: str, kind: str, expected: Usage, root: Path) -> None:
    assert parse_usage(kind, json.loads((root / "tests/fixtures/vllm" / file).read_bytes())) == expected


def test_a_recorded_messages_stream_keeps_what_the_start_said(root: Path) -> None:
    reader = UsageReader("anthropic")
    for line in (root / "tests/fixtures/vllm/messages_stream.sse").read_text(encoding="utf-8").splitlines():
        if line.startswith("data: "):
            reader.feed(json.loads(line[6:]))
    assert reader.usage() == Usage(5, 3)


@pytest.mark.parametrize("broken", [-1, "12", 1e30, 12.5, True, float("nan"), float("inf"), [3], MAX_TOKENS + 1])
@pytest.mark.parametrize("field", ["prompt_tokens", "completion_tokens"])
def test_what_is_no_count_is_ignored_and_flagged(field: str, broken: Any) -> None:
    usage = parse_usage("openai", {"usage": {**CHAT, field: broken}})
    assert usage is not None
    assert usage.estimated
    left = {"prompt_tokens": (0, 20), "completion_tokens": (100, 0)}[field]
    assert (usage.input_tokens, usage.output_tokens) == left


@pytest.mark.parametrize("body", [{}, {"usage": None}, {"usage": {}}, {"usage": []}, {"usage": "x"}, None, [], 3, "x"])
def test_no_usage_is_none(body: Any) -> None:
    assert parse_usage("openai", body) is None


def test_an_explicit_zero_is_a_value() -> None:
    assert parse_usage("openai", {"usage": {"prompt_tokens": 5, "completion_tokens": 0}}) == Usage(5, 0)


def test_null_is_absence() -> None:
    usage = parse_usage("openai", {"usage": {"prompt_tokens": 5, "completion_tokens": None}})
    assert usage == Usage(5, 0, estimated=True)


def test_a_whole_float_is_a_count() -> None:
    assert parse_usage("openai", {"usage": {"prompt_tokens": 5.0, "completion_tokens": 2.0}}) == Usage(5, 2)


def test_a_total_that_does_not_add_up_is_suspect() -> None:
    assert parse_usage("openai", {"usage": {**CHAT, "total_tokens": 999}}) == Usage(100, 20, estimated=True)


def test_a_part_above_its_total_is_cut_and_suspect() -> None:
    usage = parse_usage("openai", {"usage": {**CHAT, "prompt_tokens_details": {"cached_tokens": 101}}})
    assert usage == Usage(100, 20, cache_read_tokens=100, estimated=True)


def test_a_later_broken_figure_does_not_replace_a_good_one() -> None:
    reader = UsageReader("openai")
    reader.feed({"usage": CHAT})
    reader.feed({"usage": {"prompt_tokens": -5, "completion_tokens": "many"}})
    assert reader.usage() == Usage(100, 20, estimated=True)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*CHAT, "x"]), inner, max_size=4),
    max_leaves=8,
)


@given(
    st.sampled_from(sorted(RULES)),
    st.dictionaries(st.sampled_from(["usage", "usageMetadata", "message", "metadata", "response"]), json_values),
    st.data(),
)
def test_nothing_raises_and_nothing_is_negative(kind: str, body: dict[str, Any], data: st.DataObject) -> None:
    rule = RULES[kind]
    names = [
        rule.input,
        rule.output,
        rule.total or "t",
        *(path.rpartition(".")[2] for path in rule.reads + rule.reasoning),
    ]
    body = {**body, rule.roots[0]: data.draw(st.dictionaries(st.sampled_from(names), json_values))}
    usage = parse_usage(kind, body)
    assert usage is None or (usage.input_tokens >= 0 and usage.output_tokens >= 0)
