"""Model servers behind one seam: a backend sends one request per call and reports what it used.

Example:
    >>> from tierkit.backends import OpenAICompatibleBackend
    >>> backend = OpenAICompatibleBackend("http://127.0.0.1:8000", name="local", kind="vllm")
    >>> backend.url
    'http://127.0.0.1:8000/v1'

"""

from __future__ import annotations

from tierkit.backends.classify import ErrorClass, classify
from tierkit.backends.hints import retry_after_s
from tierkit.backends.limits import LimitRow, parse_limits
from tierkit.backends.openai_compatible import OpenAICompatibleBackend
from tierkit.backends.protocol import AsyncBackend, Backend
from tierkit.backends.reported import ReportedLimit, reported_limits
from tierkit.backends.settings import backend_from_settings
from tierkit.backends.sse import SseEvent, SseReader
from tierkit.backends.usage import UsageReader, parse_usage

__all__ = [
    "AsyncBackend",
    "Backend",
    "ErrorClass",
    "LimitRow",
    "OpenAICompatibleBackend",
    "ReportedLimit",
    "SseEvent",
    "SseReader",
    "UsageReader",
    "backend_from_settings",
    "classify",
    "parse_limits",
    "parse_usage",
    "reported_limits",
    "retry_after_s",
]
