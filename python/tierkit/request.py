"""A request to a language model, and what came back, in a form that no provider owns."""

from __future__ import annotations

from tierkit import _core
from tierkit._core import Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Self

__all__ = ["Call", "Chunk", "Reply", "TokenCount", "Usage", "count_tokens"]


class TokenCount(int):
    """A number of tokens that knows whether it is exact.

    Attributes:
        estimated: True when the model's own vocabulary is not in the package and the count is an upper estimate.

    """

    estimated: bool = False

    def __new__(cls, tokens: int, *, estimated: bool = False) -> Self:
        """Make a count."""
        count = super().__new__(cls, tokens)
        if estimated:  # an exact count, as most are, needs no dictionary of its own
            count.estimated = True
        return count

    def __repr__(self) -> str:
        """Show the figure and its mark."""
        return f"TokenCount({int(self)}, estimated={self.estimated})"


def count_tokens(text: str, *, model: str | None = None) -> TokenCount:
    """Count the tokens of a text as a model counts them.

    Args:
        text: Any string; lone surrogates count as the replacement character.
        model: A model name such as "gpt-5"; None counts with o200k.

    Returns:
        The count; `.estimated` is True when the model's vocabulary is unknown and o200k stands in for it.

    Cost: O(len(text)), no download, detached from the interpreter for long texts.

    Example:
        >>> from tierkit import count_tokens
        >>> count_tokens("hello world", model="gpt-5")
        TokenCount(2, estimated=False)

    """
    tokens, estimated = _core.count_tokens(text, model)
    return TokenCount(tokens, estimated=estimated)


class Call:
    """One HTTP request to come: what to send, to which model, within which bounds.

    Attributes:
        messages: Chat messages in the OpenAI form (`role`, `content`, …).
        model: The model name that the server knows.
        max_output_tokens: Upper bound of the answer, or None for the server's own.
        params: Further fields of the body, passed through untouched (`temperature`, `tools`, `response_format`, …).
        timeout_s: Deadline of the whole call in seconds, or None.
        id: The attempt's id, for logs and for the ledger.

    """

    __slots__ = ("id", "max_output_tokens", "messages", "model", "params", "timeout_s")

    def __init__(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str,
        max_output_tokens: int | None = None,
        params: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
        id: str = "",  # noqa: A002 - the word that users read in the ledger
    ) -> None:
        """Keep the parts."""
        self.messages = messages
        self.model = model
        self.max_output_tokens = max_output_tokens
        self.params = params or {}
        self.timeout_s = timeout_s
        self.id = id


class Reply:
    """A complete answer.

    Attributes:
        text: The answer's text.
        usage: What it used, or None when the server did not say.
        finish_reason: `stop`, `length`, `tool_calls`, … as the server wrote it.
        model: The model that the server names.
        tool_calls: Tool calls as the server wrote them.
        raw: The body, untouched.
        request_id: The server's id of the request, or None.
        limits: What is left of the provider's limits, as its headers say.

    """

    __slots__ = ("finish_reason", "limits", "model", "raw", "request_id", "text", "tool_calls", "usage")

    def __init__(
        self,
        text: str,
        *,
        usage: Usage | None = None,
        finish_reason: str | None = None,
        model: str = "",
        tool_calls: Sequence[Mapping[str, Any]] = (),
        raw: bytes = b"",
        request_id: str | None = None,
        limits: Sequence[Any] = (),
    ) -> None:
        """Keep the parts."""
        self.limits = limits
        self.text = text
        self.usage = usage
        self.finish_reason = finish_reason
        self.model = model
        self.tool_calls = tool_calls
        self.raw = raw
        self.request_id = request_id


class Chunk:
    """One frame of a streamed answer.

    Attributes:
        text: The text that this frame adds; may be empty.
        usage: Usage so far when the frame carries it; the last one wins, chunks are never summed.
        finish_reason: Set on the frame that ends the answer.
        final: True on the terminal frame: only now is usage complete.
        tool_calls: True when the frame carries part of a tool call.
        raw: The frame's data, untouched.
        limits: On the first frame: what is left of the provider's limits, as its headers say.

    """

    __slots__ = ("final", "finish_reason", "limits", "raw", "text", "tool_calls", "usage")

    def __init__(
        self,
        text: str = "",
        *,
        usage: Usage | None = None,
        finish_reason: str | None = None,
        final: bool = False,
        tool_calls: bool = False,
        raw: bytes = b"",
        limits: Sequence[Any] = (),
    ) -> None:
        """Keep the parts."""
        self.limits = limits
        self.text = text
        self.usage = usage
        self.finish_reason = finish_reason
        self.final = final
        self.tool_calls = tool_calls
        self.raw = raw
