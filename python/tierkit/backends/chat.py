"""The OpenAI chat format: requests as bytes, replies and frames as values. Pure; no socket, no clock."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tierkit.backends.sse import SseEvent, SseReader
from tierkit.backends.usage import UsageReader, parse_usage
from tierkit.request import Chunk, Reply, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tierkit.request import Call

__all__ = ["ChatStream", "read_reply", "request_body"]

_OWN_FIELDS = frozenset({"messages", "model", "stream", "max_tokens", "max_completion_tokens"})
# Fields of a delta that are output which the reader of the text does not see.
_HIDDEN = ("tool_calls", "function_call", "reasoning_content", "reasoning", "refusal")


def request_body(kind: str, call: Call, *, stream: bool) -> bytes:
    """Write the body of one chat request; unknown fields of `params` pass through.

    OpenAI has renamed the output limit; the other servers that speak the format read the older name, and some of them
    only that.
    """
    body: dict[str, Any] = {name: value for name, value in call.params.items() if name not in _OWN_FIELDS}
    body["model"] = call.model
    body["messages"] = list(call.messages)
    if call.max_output_tokens is not None:
        body["max_completion_tokens" if kind == "openai" else "max_tokens"] = int(call.max_output_tokens)
    if stream:
        body["stream"] = True
        options = body.get("stream_options")
        body["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
    else:
        body.pop("stream_options", None)
    # A lone surrogate cannot be sent as UTF-8; the server's vocabulary would read it as a replacement anyway.
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def read_reply(kind: str, headers: Mapping[str, str], raw: bytes) -> Reply | None:
    """Read a whole answer; None when the body is not one."""
    body = _json(raw)
    choices = body.get("choices") if isinstance(body, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(body, dict) or not isinstance(choice, dict) or not isinstance(message, dict):
        return None
    tool_calls = message.get("tool_calls")
    return Reply(
        _text(message.get("content")),
        usage=_one_choice_only(kind, parse_usage(kind, body), len(choices or ())),
        finish_reason=_str(choice.get("finish_reason")),
        model=_str(body.get("model")) or "",
        tool_calls=[call for call in tool_calls if isinstance(call, dict)] if isinstance(tool_calls, list) else [],
        raw=raw,
        request_id=headers.get("x-request-id") or headers.get("request-id") or _str(body.get("id")),
    )


def _one_choice_only(kind: str, usage: Usage | None, choices: int) -> Usage | None:
    """Mark the usage of llama.cpp with n > 1 as suspect: it reports one choice only."""
    if usage is None or choices < 2 or kind not in {"llama.cpp", "openai_compatible"}:  # noqa: PLR2004 - n of one
        return usage
    return Usage(usage.input_tokens, usage.output_tokens, cache_read_tokens=usage.cache_read_tokens, estimated=True)


class ChatStream:
    """Turns the bytes of a streamed answer into chunks, whatever the cuts.

    Attributes:
        error: The data of a frame that reports an error; the stream is over.
        final: True once the terminal frame came: only then is usage complete.
        started: True once a frame brought output, visible or not.
        finish_reason: What ended the answer, once known.

    """

    __slots__ = (
        "_ended", "_frames", "_hidden", "_open", "_sse", "_usage", "_usage_frame", "error", "final", "finish_reason"
    )  # fmt: skip

    def __init__(self, kind: str) -> None:
        """Start before the first byte."""
        self._sse = SseReader()
        self._usage = UsageReader(kind)
        self._usage_frame = False  # the frame without choices that only tells usage
        self._hidden = 0
        self._frames = 0
        self._open: set[int] = set()
        self._ended: set[int] = set()
        self.error: bytes | None = None
        self.final = False
        self.finish_reason: str | None = None

    @property
    def started(self) -> bool:
        """True once a frame brought output."""
        return self._frames > 0

    @property
    def dropped(self) -> int:
        """Number of frames that were too long to keep."""
        return self._sse.dropped

    @property
    def usage(self) -> Usage | None:
        """Usage so far; output that nobody sees and nobody counted is at least a token a frame."""
        usage = self._usage.usage()
        if usage is None and self._hidden:
            return Usage(0, self._hidden, estimated=True)
        return usage

    def feed(self, data: bytes) -> list[Chunk]:
        """Take the next bytes of the body; return the chunks that they complete."""
        return self._chunks(self._sse.feed(data))

    def finish(self) -> list[Chunk]:
        """Take the clean end of the body. Without `final` afterwards, the answer was cut.

        `[DONE]` may be missing: an answer whose every choice ended is whole, and its usage is too if it came in the
        frame made for it.
        """
        last = self._sse.finish()
        chunks = self._chunks([last] if last is not None else [])
        if not self.final and self.error is None and self._ended and self._ended >= self._open:
            chunks.append(self._last(b"", sure=self._usage_frame))
        return chunks

    def _chunks(self, events: Iterable[SseEvent]) -> list[Chunk]:
        chunks = []
        for event in events:
            if self.final or self.error is not None:
                break
            chunk = self._chunk(event)
            if chunk is not None:
                chunks.append(chunk)
        return chunks

    def _chunk(self, event: SseEvent) -> Chunk | None:
        if event.data.strip() == b"[DONE]":
            return self._last(event.data, sure=True)
        frame = _json(event.data)
        if event.name == "error" or (isinstance(frame, dict) and frame.get("error")):
            self.error = event.data
            return None
        if not isinstance(frame, dict):
            return None  # cut by the end of the body, or not of this format
        had_usage = self._usage.feed(frame)
        text, hidden = self._choices(frame, had_usage=had_usage)
        return Chunk(
            text,
            usage=self.usage if had_usage or hidden else None,
            finish_reason=self.finish_reason,
            tool_calls=hidden,
            raw=event.data,
        )

    def _choices(self, frame: Mapping[str, Any], *, had_usage: bool) -> tuple[str, bool]:
        choices = frame.get("choices")
        if not isinstance(choices, list) or not choices:
            self._usage_frame |= had_usage
            return "", False
        text, hidden = "", False
        for choice in choices:
            if not isinstance(choice, dict):
                continue
            found, more = self._choice(choice)
            text += found
            hidden |= more
        self._hidden += hidden
        self._frames += hidden or bool(text)
        return text, hidden

    def _choice(self, choice: Mapping[str, Any]) -> tuple[str, bool]:
        index = choice.get("index") or 0
        index = index if isinstance(index, int) else 0
        self._open.add(index)
        reason = _str(choice.get("finish_reason"))
        if reason:
            self._ended.add(index)
            if index == 0:
                self.finish_reason = reason
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return "", False
        text = _text(delta.get("content"))
        hidden = any(delta.get(name) for name in _HIDDEN)
        # Further choices would garble the text of the first; they stand in `raw`.
        return (text, hidden) if index == 0 else ("", hidden or bool(text))

    def _last(self, raw: bytes, *, sure: bool) -> Chunk:
        self.final = True
        usage = self.usage
        if usage is not None and not sure:
            usage = Usage(
                usage.input_tokens,
                usage.output_tokens,
                cache_read_tokens=usage.cache_read_tokens,
                reasoning_tokens=usage.reasoning_tokens,
                estimated=True,
            )
        return Chunk("", usage=usage, finish_reason=self.finish_reason, final=True, raw=raw)


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):  # some servers answer in parts
        return "".join(_text(part.get("text")) for part in content if isinstance(part, dict))
    return ""


def _str(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
