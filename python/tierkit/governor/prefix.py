"""What stays the same in all turns of a conversation, as a number: while it does, a server's prompt cache is of use."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tierkit.governor.prompt import Prompt

__all__ = ["prefix_of"]

_INSTRUCTIONS = frozenset({"system", "developer"})


def prefix_of(prompt: Prompt) -> int:
    """Digest the instructions, the tools and the first other message; 0 when there is no text to read.

    A harness that shortens a conversation, or offers other tools, changes one of them.
    """
    if isinstance(prompt.content, str) or not prompt.content:
        return 0
    from hashlib import blake2b  # noqa: PLC0415 - a policy without sessions needs none

    digest = blake2b(digest_size=8)
    for message in prompt.content:
        digest.update(_written(message))
        if message.get("role") not in _INSTRUCTIONS:
            break
    digest.update(_written(prompt.tools))
    return int.from_bytes(digest.digest(), "little")


def _written(value: Mapping[str, Any] | list[Any] | None) -> bytes:
    import json  # noqa: PLC0415 - as above

    return json.dumps(value, sort_keys=True, default=str).encode("utf-8", "surrogatepass") + b"\0"
