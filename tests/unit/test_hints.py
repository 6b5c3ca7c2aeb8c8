"""Waits and limits as servers write them."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tierkit.backends import LimitRow, parse_limits, retry_after_s
from tierkit.backends.hints import MAX_HINT_S
from tierkit.backends.limits import parse_duration_s

NOW_S = 1_795_000_000.0


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"retry-after": "7"}, b"", 7.0),
        ({"retry-after": "0"}, b"", 0.0),
        ({"retry-after": "1.5"}, b"", 1.5),
        ({"retry-after": " 2 "}, b"", 2.0),
        ({"retry-after-ms": "250"}, b"", 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, b"", 0.25),
        ({"retry-after-ms": "x", "retry-after": "9"}, b"", 9.0),
        ({"retry-after": formatdate(NOW_S + 30, usegmt=True)}, b"", 30.0),
        ({"retry-after": formatdate(NOW_S - 30, usegmt=True)}, b"", None),
        ({"retry-after": "-1"}, b"", None),
        ({"retry-after": "soon"}, b"", None),
        ({"retry-after": "nan"}, b"", None),
        ({"retry-after": "inf"}, b"", None),
        ({"retry-after": "Wed, 99 Foo 2026 99:99:99 GMT"}, b"", None),
        ({"retry-after": ""}, b"", None),
        ({"retry-after": "1e300"}, b"", MAX_HINT_S),
        ({}, b"", None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, b"", 360.0),
        ({"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "6m0s"}, b"", None),
        ({}, b'{"error": {"message": "Please try again in 5.289s. Visit"}}', 5.289),
        ({}, b'{"error": {"message": "Please try again in 7m12s."}}', 432.0),
        ({}, b'{"error": {"details": [{"@type": "RetryInfo", "retryDelay": "46s"}]}}', 46.0),
        ({}, b'{"retryDelay": "10h17m5.72s"}', 37025.72),
        ({}, b"try again in 9garbage", None),
    ],
)
def test_hints(headers: dict[str, str], body: bytes, expected: float | None) -> None:
    assert retry_after_s("openai", headers, body, now_s=NOW_S) == (
        None if expected is None else pytest.approx(expected)
    )


def test_a_date_is_read_by_the_clock_of_the_server_that_wrote_it() -> None:
    headers = {"retry-after": formatdate(NOW_S + 3630, usegmt=True), "date": formatdate(NOW_S + 3600, usegmt=True)}
    assert retry_after_s("openai", headers, b"", now_s=NOW_S) == 30


@given(st.text(max_size=40), st.binary(max_size=80))
def test_garbage_never_raises_and_is_never_negative(text: str, body: bytes) -> None:
    headers = {"retry-after": text, "retry-after-ms": text, "date": text, "x-ratelimit-reset-requests": text}
    found = retry_after_s("openai", headers, body, now_s=NOW_S)
    assert found is None or 0 <= found <= MAX_HINT_S


@pytest.mark.parametrize(
    ("text", "expected"),
    [("12ms", 0.012), ("1s", 1), ("6m0s", 360), ("2m59.56s", 179.56), ("7.66s", 7.66), ("1h", 3600), ("30", 30),
     ("s", None), ("1x", None), ("", None), ("-3", None), ("1s!", None)],
)  # fmt: skip
def test_durations(text: str, expected: float | None) -> None:
    assert parse_duration_s(text) == (None if expected is None else pytest.approx(expected))


def test_limits_of_providers() -> None:
    openai = {
        "x-ratelimit-limit-requests": "500",
        "x-ratelimit-remaining-requests": "499",
        "x-ratelimit-reset-requests": "120ms",
        "x-ratelimit-remaining-tokens": "-1",
    }
    assert parse_limits("openai", openai, now_s=NOW_S) == [LimitRow("requests", 500, 499, pytest.approx(0.12))]
    anthropic = {
        "anthropic-ratelimit-input-tokens-limit": "40000",
        "anthropic-ratelimit-input-tokens-remaining": "0",
        "anthropic-ratelimit-input-tokens-reset": "2026-11-18T18:26:50Z",
    }
    assert parse_limits("anthropic", anthropic, now_s=1_795_026_400) == [LimitRow("input_tokens", 40000, 0, 10.0)]
    together = {"x-ratelimit-limit": "60", "x-ratelimit-remaining": "1", "x-ratelimit-reset": "1"}
    assert parse_limits("together", together, now_s=NOW_S) == [LimitRow("requests", 60, 1, 1.0)]
    assert parse_limits("vllm", {"x-ratelimit-limit-requests": "lots"}, now_s=NOW_S) == []
