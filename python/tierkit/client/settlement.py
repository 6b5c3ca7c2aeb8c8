"""What an attempt is charged, however it ended. Pure.

| ended | charged |
|---|---|
| answered | the server's usage; where it is missing or suspect, the larger of it and the own count |
| dropped by the caller, or cut after output | input in full, output as far as it arrived |
| refused | nothing but the request |
| not sent | nothing |
| uncertain | the reservation, until a late settle corrects it |
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tierkit.money import Money
from tierkit.request import Usage, count_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tierkit.client.ports import AdmissionLike
    from tierkit.errors import BackendError
    from tierkit.request import Reply

__all__ = ["charge_failure", "is_cacheable", "known_usage", "reply_usage"]


def known_usage(admission: AdmissionLike, usage: Usage | None, text: str, *, whole: bool) -> Usage:
    """Return what to post for output that arrived.

    Args:
        admission: The attempt.
        usage: What the server reported last, or None.
        text: The text that arrived.
        whole: True when the terminal frame came, so that the server's figure is its last word.

    """
    if usage is not None and whole and not usage.estimated:
        return usage
    own_output = int(count_tokens(text, model=admission.model)) if text else 0
    own_input = int(admission.input_tokens)
    if usage is None:
        return Usage(own_input, own_output, estimated=True)
    input_tokens = max(usage.input_tokens, own_input) if usage.estimated else usage.input_tokens
    return Usage(
        input_tokens,
        max(usage.output_tokens, own_output),
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_5m_tokens=usage.cache_write_5m_tokens,
        cache_write_1h_tokens=usage.cache_write_1h_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        served_tier=usage.served_tier,
        estimated=True,
    )


def reply_usage(admission: AdmissionLike, reply: Reply) -> Usage:
    """Return what to post for a whole reply; tool calls are output too."""
    if reply.usage is not None and not reply.usage.estimated:
        return reply.usage
    calls = json.dumps(reply.tool_calls, ensure_ascii=False) if reply.tool_calls else ""
    return known_usage(admission, reply.usage, reply.text + calls, whole=True)


def charge_failure(admission: AdmissionLike, error: BackendError, text: str) -> tuple[Usage | None, Money]:
    """End a failed attempt; return the usage that was posted, if one was, and its cost."""
    if error.outcome == "not_sent":
        admission.cancel()
        return None, Money("0")
    if error.outcome == "refused":
        usage = Usage(0, 0)
        return usage, admission.settle(usage, cacheable=False)
    if error.outcome == "partial":
        usage = known_usage(admission, error.usage, text, whole=False)
        return usage, admission.settle(usage, cacheable=False)
    return None, admission.settle(cacheable=False)


def is_cacheable(params: Mapping[str, Any], *, finish_reason: str | None, tool_calls: bool, text: str) -> bool:
    """Tell whether an answer may serve others: whole, plain, and not one of many that were asked for."""
    if finish_reason != "stop" or tool_calls or not text:
        return False
    n, temperature = params.get("n"), params.get("temperature")
    return (n is None or n == 1) and not (isinstance(temperature, (int, float)) and temperature > 0)
