"""Where each provider writes its token counts, and which of them are parts of others.

"OpenAI-compatible" says nothing about inside and outside: the rule belongs to the provider, never to the format.

Source: docs/concepts/backends.md, "Usage"; field names as read in each provider's SDK or reply.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["RULES", "UsageRule", "rule_of"]

Paths = tuple[str, ...]


class UsageRule(NamedTuple):
    """Dotted paths inside the usage object, and how the counts relate.

    Attributes:
        roots: Where the usage object lies in a body; the first that exists counts.
        input: Paths of the input total (summed when several exist outside each other).
        output: Paths of the output total.
        total: Path of the grand total, checked against input + output; empty when there is none.
        reads: Input read from the provider's cache.
        writes_5m: Input written to the cache for five minutes (or for a time that the provider does not name).
        writes_1h: Input written to the cache for an hour.
        reasoning: Output spent on reasoning.
        cached_outside: True when `input` leaves out cached tokens.
        reasoning_outside: True when `output` leaves out reasoning tokens.
        extra_input: Further input that `input` leaves out.
        served: Path of the processing tier that was served.

    """

    roots: Paths
    input: str
    output: str
    total: str = ""
    reads: Paths = ()
    writes_5m: Paths = ()
    writes_1h: Paths = ()
    reasoning: Paths = ()
    cached_outside: bool = False
    reasoning_outside: bool = False
    extra_input: Paths = ()
    served: Paths = ()


_CHAT = UsageRule(
    roots=("usage",),
    input="prompt_tokens",
    output="completion_tokens",
    total="total_tokens",
    reads=("prompt_tokens_details.cached_tokens",),
    writes_5m=("prompt_tokens_details.cache_write_tokens", "prompt_tokens_details.created_cache_tokens"),
    reasoning=("completion_tokens_details.reasoning_tokens",),
    served=("service_tier",),
)
_RESPONSES = UsageRule(
    roots=("usage", "response.usage"),
    input="input_tokens",
    output="output_tokens",
    total="total_tokens",
    reads=("input_tokens_details.cached_tokens",),
    writes_5m=("input_tokens_details.cache_write_tokens",),
    reasoning=("output_tokens_details.reasoning_tokens",),
    served=("service_tier", "response.service_tier"),
)
_MESSAGES = UsageRule(
    roots=("usage", "message.usage"),
    input="input_tokens",
    output="output_tokens",
    reads=("cache_read_input_tokens",),
    writes_5m=("cache_creation.ephemeral_5m_input_tokens",),
    writes_1h=("cache_creation.ephemeral_1h_input_tokens",),
    reasoning=("output_tokens_details.thinking_tokens",),
    cached_outside=True,
    served=("usage.service_tier", "message.usage.service_tier"),
)
_GEMINI = UsageRule(
    roots=("usageMetadata",),
    input="promptTokenCount",
    output="candidatesTokenCount",
    total="totalTokenCount",
    reads=("cachedContentTokenCount",),
    reasoning=("thoughtsTokenCount",),
    reasoning_outside=True,
    extra_input=("toolUsePromptTokenCount",),
    served=("usageMetadata.trafficType",),
)
_BEDROCK = UsageRule(
    roots=("usage", "metadata.usage"),
    input="inputTokens",
    output="outputTokens",
    total="totalTokens",
    reads=("cacheReadInputTokens",),
    writes_5m=("cacheWriteInputTokens",),
    cached_outside=True,
)

RULES: dict[str, UsageRule] = {
    "openai": _CHAT,
    "azure": _CHAT,
    "openai_compatible": _CHAT,
    "vllm": _CHAT,
    "sglang": _CHAT,
    "llama.cpp": _CHAT,
    "mistral": _CHAT,
    "groq": _CHAT,
    "moonshot": _CHAT,
    "together": _CHAT,
    "fireworks": _CHAT,
    "deepseek": _CHAT._replace(reads=("prompt_cache_hit_tokens", "prompt_tokens_details.cached_tokens")),
    "xai": _CHAT._replace(reasoning_outside=True),
    "openai_responses": _RESPONSES,
    "anthropic": _MESSAGES,
    "messages": _MESSAGES,
    "gemini": _GEMINI,
    "bedrock": _BEDROCK,
}


def rule_of(kind: str) -> UsageRule:
    """Return the rule of a provider; an unknown kind reads like OpenAI chat."""
    return RULES.get(kind, _CHAT)
