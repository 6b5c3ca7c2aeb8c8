"""The cause of a failure, from every example that we know."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any, get_args

import pytest

from tierkit.backends import ErrorClass, classify
from tierkit.backends.classify import error_message
from tierkit.backends.failures import from_body
from tierkit.errors import BackendOverloaded, BackendRejected, BackendUnavailable

if TYPE_CHECKING:
    from pathlib import Path


def openai(code: str, message: str = "no", kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def anthropic(kind: str, message: str = "no", **more: Any) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message, **more}}


def gemini(status: str, message: str = "no", **detail: Any) -> dict[str, Any]:
    return {"error": {"code": 400, "message": message, "status": status, "details": [detail]}}


EXAMPLES: list[tuple[str, str, int, Any]] = [
    ("rate", "openai", 429, openai("rate_limit_exceeded", "Rate limit reached for gpt-5", "requests")),
    ("rate", "anthropic", 429, anthropic("rate_limit_error", "This request would exceed your rate limit")),
    ("rate", "gemini", 429, gemini("RESOURCE_EXHAUSTED", quotaId="GenerateRequestsPerMinutePerProject")),
    ("rate", "bedrock", 429, {"__type": "com.amazon#ThrottlingException", "message": "Too many requests"}),
    ("rate", "bedrock", 400, {"__type": "ThrottlingException"}),
    ("rate", "deepseek", 429, {"error": {"message": "Rate limit reached"}}),
    ("rate", "openai_compatible", 402, openai("in_flight_budget_exhausted")),
    ("overload", "anthropic", 529, anthropic("overloaded_error", "Overloaded")),
    ("overload", "anthropic", 200, anthropic("overloaded_error", "Overloaded")),
    ("overload", "openai", 503, openai("", "The engine is currently overloaded", "server_error")),
    ("overload", "openai_compatible", 503, "<html>503</html>"),
    ("overload", "openai_compatible", 504, ""),
    ("overload", "sglang", 503, {"error": {"message": "The request queue is full.", "code": 503}}),
    ("overload", "bedrock", 503, {"__type": "ServiceUnavailableException"}),
    ("overload", "bedrock", 429, {"__type": "ModelNotReadyException", "message": "The model is not ready"}),
    ("overload", "azure", 429, openai("429", "The service is experiencing high demand", "x")),
    ("spend", "openai", 429, openai("insufficient_quota", "You exceeded your current quota")),
    ("spend", "openai", 429, openai("credit_balance_exhausted")),
    ("spend", "openai", 429, openai("organization_usage_limit_exceeded")),
    ("spend", "openai", 429, openai("organization_spend_limit_exceeded")),
    ("spend", "openai", 429, openai("project_spend_limit_exceeded")),
    ("spend", "anthropic", 429, anthropic("rate_limit_error", details={"error_code": "enforced_spend_limit_reached"})),
    (
        "spend",
        "anthropic",
        400,
        anthropic("invalid_request_error", "You have reached your specified API usage limits."),
    ),
    ("spend", "anthropic", 402, anthropic("billing_error")),
    ("spend", "deepseek", 402, {"error": {"message": "Insufficient Balance"}}),
    ("spend", "mistral", 402, ""),
    ("spend", "gemini", 402, gemini("FAILED_PRECONDITION")),
    ("spend", "gemini", 429, gemini("RESOURCE_EXHAUSTED", "Quota exceeded for metric x, limit: 0, model: y")),
    ("context", "openai", 400, openai("context_length_exceeded", "maximum context length is 128000 tokens")),
    ("context", "anthropic", 400, anthropic("invalid_request_error", "prompt is too long: 210000 tokens > 200000")),
    ("context", "anthropic", 413, anthropic("request_too_large", "Request exceeds the maximum size")),
    (
        "context",
        "gemini",
        400,
        gemini("INVALID_ARGUMENT", "The input token count (2) exceeds the maximum number of tokens"),
    ),
    ("context", "bedrock", 400, {"__type": "ValidationException", "message": "Input is too long for requested model."}),
    ("context", "llama.cpp", 400, {"error": {"code": 400, "type": "exceed_context_size_error", "n_ctx": 8192}}),
    ("auth", "openai", 401, openai("invalid_api_key")),
    ("auth", "openai", 403, ""),
    ("not_found", "openai", 404, openai("model_not_found")),
    ("policy", "azure", 400, openai("content_filter", "The response was filtered", "x")),
    ("policy", "openai", 400, openai("content_policy_violation")),
    ("transient", "openai", 408, ""),
    ("transient", "openai", 409, ""),
    ("transient", "openai", 500, openai("", "The server had an error", "server_error")),
    ("transient", "openai", 502, "<html>Bad Gateway</html>"),
    ("transient", "bedrock", 408, {"__type": "ModelTimeoutException"}),
    ("transient", "bedrock", 424, {"__type": "ModelErrorException"}),
    ("invalid", "openai", 400, openai("unknown_parameter")),
    ("invalid", "openai", 302, ""),
    ("transient", "vllm", 200, {"error": {"message": "EngineCore encountered an issue", "code": 500}}),
]


@pytest.mark.parametrize(("expected", "kind", "status", "body"), EXAMPLES)
def test_every_example(expected: str, kind: str, status: int, body: Any) -> None:
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    assert classify(kind, status, {}, raw) == expected


def test_bedrock_names_the_error_in_a_header() -> None:
    headers = {"x-amzn-errortype": "ModelNotReadyException:http://internal.amazon.com/"}
    assert classify("bedrock", 429, headers, b"{}") == "overload"


@pytest.mark.parametrize(
    ("file", "status", "expected"),
    [
        ("err_badjson.json", 400, "invalid"),
        ("err_badparam.json", 400, "invalid"),
        ("err_ctx_len.json", 400, "context"),
        ("err_maxtok.json", 400, "context"),
        ("err_embeddings.json", 404, "not_found"),
        ("err_noauth.json", 401, "auth"),
        ("err_overload_503.json", 503, "overload"),
        ("err_wrong_model.json", 404, "not_found"),
    ],
)
def test_recordings(file: str, status: int, expected: str, root: Path) -> None:
    assert classify("vllm", status, {}, (root / "tests/fixtures/vllm" / file).read_bytes()) == expected


def random_body(source: random.Random) -> bytes:
    words = ["error", "code", "type", "message", "details", "param", "status", "reason"]

    def value(depth: int) -> Any:
        pick = source.randrange(8 if depth else 6)
        if pick == 6:
            return [value(depth - 1) for _ in range(source.randrange(4))]
        if pick == 7:
            return {source.choice(words): value(depth - 1) for _ in range(source.randrange(4))}
        return [None, True, source.randrange(600), source.random(), "rate_limit_error", "\ud800 é\x00"][pick]

    shape = source.randrange(4)
    if shape == 0:
        return source.randbytes(source.randrange(300))
    if shape == 1:
        return b"[" * source.randrange(5000)
    text = json.dumps(value(5)).encode()
    return text[: source.randrange(len(text) + 1)] if shape == 2 else text


def test_a_thousand_random_bodies_never_raise() -> None:
    source = random.Random(7)
    classes = set(get_args(ErrorClass))
    for _ in range(1000):
        body, status = random_body(source), source.choice([200, 301, 400, 401, 402, 413, 429, 500, 503, 529, 999])
        kind = source.choice(["openai", "gemini", "anthropic", "vllm", "?"])
        assert classify(kind, status, {}, body) in classes
        assert isinstance(error_message(body), str)
        str(from_body("b", kind, status, {"retry-after": "x"}, body))


def test_errors_carry_class_status_hint_and_no_secret() -> None:
    body = b'{"error": {"message": "Incorrect API key provided: sk-secret.\\n\\u001b[31mBye"}}'
    error = from_body("b", "openai", 401, {}, body, secret="sk-secret")  # noqa: S106 - a made-up one
    assert isinstance(error, BackendRejected)
    assert (error.error_class, error.status, error.outcome) == ("auth", 401, "refused")
    assert "sk-secret" not in str(error)
    assert str(error).isprintable()
    busy = from_body("b", "openai", 429, {"retry-after": "7"}, b"")
    assert isinstance(busy, BackendOverloaded)
    assert busy.retry_after_s == 7
    assert isinstance(from_body("b", "openai", 500, {}, b""), BackendUnavailable)


def test_a_gateway_timeout_may_have_cost_something() -> None:
    assert from_body("b", "openai", 504, {}, b"").outcome == "uncertain"
