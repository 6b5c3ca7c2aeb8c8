"""Chat replies and frames, built with whatever usage a test wants to see."""

from __future__ import annotations

import json
from typing import Any

ABSENT = object()
USAGE = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}
DONE = b"data: [DONE]\n\n"


def completion(text: str = "one two three", usage: Any = USAGE, *, reason: str = "stop", **message: Any) -> bytes:
    body: dict[str, Any] = {
        "id": "c-1",
        "model": "served",
        "choices": [
            {"index": 0, "finish_reason": reason, "message": {"role": "assistant", "content": text, **message}}
        ],
    }
    if usage is not ABSENT:
        body["usage"] = usage
    return json.dumps(body).encode()


def frame(text: str | None = None, *, reason: str | None = None, usage: Any = ABSENT, **delta: Any) -> bytes:
    content = {} if text is None else {"content": text}
    body: dict[str, Any] = {
        "id": "c-1",
        "choices": [{"index": 0, "delta": {**content, **delta}, "finish_reason": reason}],
    }
    if usage is not ABSENT:
        body["usage"] = usage
    return event(body)


def usage_frame(usage: Any = USAGE) -> bytes:
    return event({"id": "c-1", "choices": [], "usage": usage})


def event(body: Any) -> bytes:
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


def whole(*, usage: Any = USAGE, done: bool = True) -> list[bytes]:
    """The frames of `one two three`."""
    frames = [frame("", role="assistant"), frame("one "), frame("two "), frame("three"), frame(reason="stop")]
    if usage is not ABSENT:
        frames.append(usage_frame(usage))
    return [*frames, DONE] if done else frames
