"""What a request asks, read once: its messages, its tokens for each model, its key in the cache."""

from __future__ import annotations

from tierkit import _core
from tierkit.errors import ConfigError
from tierkit.governor.billing import billing_of
from tierkit.request import TokenCount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

__all__ = ["Prompt"]

# Tokens that chat formats put around each message and before the answer (OpenAI cookbook, "How to count tokens").
_PER_MESSAGE = 3
_ROLE = 1
_BEFORE_ANSWER = 3
# An image without a stated size; the largest figure of the common formats, so that the ceiling holds.
_PER_IMAGE = 1_500
# What the common formats say about tools before the first one; the largest figure, rounded up.
_BEFORE_TOOLS = 350
_TOLD_AS_TEXT = ("tools", "functions", "response_format", "json_schema")


class Prompt:
    """A prompt as text, as messages, or only as a number of tokens.

    Attributes:
        billing: How many answers are asked for, and which processing.
        content: The text or the messages; None when only the length is known.
    """

    __slots__ = ("_counts", "_given", "_params", "billing", "content")

    def __init__(
        self,
        content: str | Sequence[Mapping[str, Any]] | None,
        input_tokens: int | None,
        params: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep the prompt; nothing is counted yet.

        Raises:
            ConfigError: Neither a prompt nor a number of tokens, or a negative one.
        """
        if input_tokens is not None and (
            isinstance(input_tokens, bool) or not isinstance(input_tokens, int) or input_tokens < 0
        ):
            raise ConfigError(f"input_tokens={input_tokens!r}: expected a whole number of 0 or more")
        if content is None and input_tokens is None:
            raise ConfigError("prompt: missing; give text, messages, or input_tokens when only the length is known")
        if content is not None and not isinstance(content, (str, list, tuple)):
            raise ConfigError(f"prompt of type {type(content).__name__}: expected text or a list of messages")
        self.content = content
        self._given = None if input_tokens is None else TokenCount(input_tokens)
        self._params = params or {}
        self.billing = billing_of(params)
        self._counts: dict[str, TokenCount] = {}

    @property
    def messages(self) -> Sequence[Mapping[str, Any]]:
        """The prompt as messages; text is one user message."""
        if isinstance(self.content, str):
            return [{"role": "user", "content": self.content}]
        return self.content or ()

    @property
    def tools(self) -> Any:
        """The tools that the answer may call, as they were given."""
        return self._params.get("tools") or self._params.get("functions")

    @property
    def wants(self) -> frozenset[str]:
        """What a tier must be able to do: "tools", "vision", "json"."""
        found = set()
        if self.tools:
            found.add("tools")
        if self._params.get("response_format") or self._params.get("json_schema"):
            found.add("json")
        if not isinstance(self.content, str) and any(_sees(message) for message in self.content or ()):
            found.add("vision")
        return frozenset(found)

    def tokens(self, model: str) -> TokenCount:
        """Count the input tokens for a model; a number given by the caller stands."""
        if self._given is not None:
            return self._given
        found = self._counts.get(model)
        if found is None:
            found = self._counts[model] = self._count(model)
        return found

    def _count(self, model: str) -> TokenCount:
        told, around = self._told() if self._params else ([], 0)
        if isinstance(self.content, str):
            texts, extra = [self.content], _PER_MESSAGE + _ROLE
        else:
            texts, extra = _texts(self.content or ())
        tokens, estimated = extra + around + _BEFORE_ANSWER, bool(told)
        for text in (*texts, *told):
            one, guessed = _core.count_tokens(text, model)
            tokens += one
            estimated = estimated or guessed
        return TokenCount(tokens, estimated=estimated)

    def _told(self) -> tuple[list[str], int]:
        """Return the parameters that a server writes into the prompt, as JSON: few write them longer."""
        told = [self._params[name] for name in _TOLD_AS_TEXT if self._params.get(name)]
        if not told:
            return [], 0
        import json  # noqa: PLC0415 - most requests have no tools

        return [json.dumps(value, ensure_ascii=False, default=str) for value in told], _BEFORE_TOOLS


def _sees(message: Mapping[str, Any]) -> bool:
    """Whether a message holds an image."""
    content = message.get("content") if hasattr(message, "get") else None
    parts = content if isinstance(content, (list, tuple)) else ()
    return any(hasattr(part, "get") and "image" in str(part.get("type", "")) for part in parts)


def _texts(messages: Sequence[Mapping[str, Any]]) -> tuple[list[str], int]:
    """Collect every text that a server would tokenise, and tokens that are not text."""
    texts: list[str] = []
    extra = 0
    for message in messages:
        if not hasattr(message, "get"):
            raise ConfigError(f"message {message!r:.60}: expected a mapping with 'role' and 'content'")
        extra += _PER_MESSAGE
        for key, value in message.items():
            if isinstance(value, str):
                texts.append(value)
            elif key == "content" and isinstance(value, (list, tuple)):
                extra += _parts(value, texts)
            elif value is not None:
                texts.append(str(value))
    return texts, extra


def _parts(parts: Sequence[Any], texts: list[str]) -> int:
    extra = 0
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
        elif hasattr(part, "get") and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif hasattr(part, "get") and "image" in str(part.get("type", "")):
            extra += _PER_IMAGE
        else:
            texts.append(str(part))
    return extra
