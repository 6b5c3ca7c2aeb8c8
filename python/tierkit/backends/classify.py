"""What a failed reply means: the cause, not the status.

One status hides several causes: a 429 may pass in a second, or only when somebody pays. The class decides what comes
next, so it is read from the body where the body says more than the status.

Example:
    >>> from tierkit.backends.classify import classify
    >>> classify("openai", 429, {}, b'{"error": {"code": "insufficient_quota"}}')
    'spend'
    >>> classify("vllm", 503, {}, b"<html>busy</html>")
    'overload'

"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ErrorClass", "classify", "error_message"]

ErrorClass: TypeAlias = Literal[
    "rate", "overload", "spend", "context", "auth", "not_found", "policy", "transient", "invalid"
]
"""`invalid` is a request that the server cannot read or will not take: sending it again changes nothing."""

_BODY_CAP_BYTES = 64 * 1024

# Words are compared with the values of code, type, status, reason, error_code, quotaId and __type of a body.
_CODES: tuple[tuple[ErrorClass, tuple[str, ...]], ...] = (
    (
        "spend",
        (
            "insufficient_quota",
            "credit_balance_exhausted",
            "organization_usage_limit_exceeded",
            "organization_spend_limit_exceeded",
            "project_spend_limit_exceeded",
            "enforced_spend_limit_reached",
            "billing_error",
            "billing_hard_limit_reached",
            "billing_not_active",
        ),
    ),
    (
        "context",
        ("context_length_exceeded", "exceed_context_size_error", "request_too_large", "string_above_max_length"),
    ),
    ("policy", ("content_filter", "content_policy_violation", "responsibleaipolicyviolation", "safety")),
    ("rate", ("in_flight_budget_exhausted",)),
    (
        "overload",
        ("overloaded_error", "modelnotreadyexception", "serviceunavailableexception", "server_overloaded"),
    ),
    ("rate", ("rate_limit_exceeded", "rate_limit_error", "throttlingexception", "too_many_requests")),
    (
        "transient",
        ("modeltimeoutexception", "modelerrorexception", "internalserverexception", "server_error", "api_error"),
    ),
    ("auth", ("invalid_api_key", "authentication_error", "permission_error", "accessdeniedexception")),
    ("not_found", ("model_not_found", "not_found_error", "notfounderror", "resourcenotfoundexception")),
)
# Phrases are looked for in the message, for servers that say it in words only.
_SPEND_WORDS = (
    "usage limits",
    "spend limit",
    "credit balance",
    "insufficient balance",
    "out of credit",
    "quota limit: 0",
)
_CONTEXT_WORDS = (
    "context length",
    "context window",
    "context size",
    "max_model_len",
    "maximum context",
    "prompt is too long",
    "input is too long",
    "input token count",
    "too many tokens",
    "exceeds the maximum number of tokens",
)
_BUSY_WORDS = ("high demand", "currently busy", "queue is full", "overloaded", "over capacity", "not ready")
_POLICY_WORDS = ("content filter", "content management policy", "content policy")

_STATUS: dict[int, ErrorClass] = {
    401: "auth",
    402: "spend",
    403: "auth",
    404: "not_found",
    408: "transient",
    409: "transient",
    410: "not_found",
    413: "context",
    424: "transient",
    425: "transient",
    429: "rate",
    500: "transient",
    502: "transient",
    503: "overload",
    504: "overload",
    529: "overload",
}


def classify(kind: str, status: int, headers: Mapping[str, str], body: bytes) -> ErrorClass:
    """Name the cause of a failed reply.

    Args:
        kind: The provider, such as "openai", "anthropic", "gemini", "bedrock", "vllm".
        status: HTTP status; 200 for an error that came inside a stream.
        headers: Reply headers with lower-case names.
        body: The body, whatever it is: JSON, HTML, text, nothing.

    Returns:
        One of `ErrorClass`. Never raises.

    """
    parsed = _parse(body)
    codes = {_norm(code) for code in _codes(parsed)}
    codes.add(_norm(headers.get("x-amzn-errortype", "").partition(":")[0]))
    message = error_message(body).lower()
    found = _by_body(status, codes, message, parsed)
    if found is not None:
        return found
    if kind == "gemini" and status == 429 and _zero_quota(message):  # noqa: PLR2004 - an HTTP status
        return "spend"
    if status in _STATUS:
        return _STATUS[status]
    return "transient" if status >= 500 or status < 300 else "invalid"  # noqa: PLR2004 - HTTP status ranges


def _by_body(status: int, codes: set[str], message: str, parsed: Any) -> ErrorClass | None:
    if any(word in message for word in _SPEND_WORDS) and status in {200, 400, 402, 403, 429}:
        return "spend"
    if status in {400, 413, 422, 200, 500} and _is_context(codes, message, parsed):
        return "context"
    for error_class, words in _CODES:
        if any(word in codes for word in words) and _agrees(error_class, status):
            busy = error_class == "rate" and any(word in message for word in _BUSY_WORDS)
            return "overload" if busy else error_class
    return _by_words(status, message)


def _by_words(status: int, message: str) -> ErrorClass | None:
    if status in {200, 429, 500, 503} and any(word in message for word in _BUSY_WORDS):
        return "overload"
    if status in {200, 400, 403} and any(word in message for word in _POLICY_WORDS):
        return "policy"
    return None


def _agrees(error_class: ErrorClass, status: int) -> bool:
    """Tell whether a word may overrule the status: a clear status beats a general word such as api_error."""
    if error_class in {"transient", "auth", "not_found"}:
        return status not in _STATUS
    return error_class != "rate" or status in {200, 400, 402, 429}


def _is_context(codes: set[str], message: str, parsed: Any) -> bool:
    error = parsed.get("error") if isinstance(parsed, dict) else None
    param = error.get("param") if isinstance(error, dict) else None
    return (
        param == "input_tokens"
        or "context_length_exceeded" in codes
        or "exceed_context_size_error" in codes
        or any(word in message for word in _CONTEXT_WORDS)
    )


def _zero_quota(message: str) -> bool:
    return "limit: 0" in message.replace("limit:0", "limit: 0").replace("limit: 0.", "limit: 1.")


def error_message(body: bytes, *, cap: int = 2000) -> str:
    """Return the sentence of an error body: from JSON where there is one, else the text itself, cut at `cap`."""
    parsed = _parse(body)
    for found in _messages(parsed):
        if isinstance(found, str) and found:
            return found[:cap]
    return body[: cap * 4].decode("utf-8", "replace")[:cap]


def _parse(body: bytes) -> Any:
    import json  # noqa: PLC0415 - loaded with the first use

    try:
        return json.loads(body[:_BODY_CAP_BYTES])
    except (ValueError, RecursionError):
        return None


def _messages(parsed: Any) -> Iterator[Any]:
    if isinstance(parsed, list):  # Gemini wraps stream errors in a list
        parsed = parsed[0] if parsed else None
    if not isinstance(parsed, dict):
        yield parsed
        return
    error = parsed.get("error")
    if isinstance(error, dict):
        yield error.get("message")
    yield from (error, parsed.get("message"), parsed.get("Message"), parsed.get("detail"))


def _codes(parsed: Any, depth: int = 4) -> Iterator[str]:
    """Yield the values of all fields that name a cause, wherever they stand."""
    if depth == 0:
        return
    if isinstance(parsed, list):
        for item in parsed[:16]:
            yield from _codes(item, depth - 1)
    if not isinstance(parsed, dict):
        return
    for key in ("code", "type", "status", "reason", "error_code", "quotaId", "__type"):
        value = parsed.get(key)
        if isinstance(value, str):
            yield value
    for key in ("error", "details", "innererror", "response"):
        yield from _codes(parsed.get(key), depth - 1)


def _norm(code: str) -> str:
    return code.rpartition("#")[2].lower()[:80]
