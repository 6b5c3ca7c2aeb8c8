"""The seam to the outside: what anything that answers calls must do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tierkit.request import Call, Chunk, Reply

__all__ = ["AsyncBackend", "Backend"]


@runtime_checkable
class Backend(Protocol):
    """A model server, as the blocking client sees it.

    A backend decides nothing: no retry, no sleep, no routing, no price. Every failure is a `BackendError` that says
    whether the request left (`outcome`) and why it failed (`error_class`). `tierkit.testing.BackendContract` checks
    an implementation.

    Attributes:
        name: The name that the policy gives it.
        kind: vllm, sglang, openai, openai_compatible, … : decides how usage and errors are read.

    """

    name: str
    kind: str

    def complete(self, call: Call) -> Reply:
        """Answer with exactly one request."""
        ...

    def stream(self, call: Call) -> Iterator[Chunk]:
        """Answer in chunks with exactly one request, which is sent when the first chunk is asked for.

        The last chunk is `final`; without one the answer is cut, and a `BackendError` says so. Closing the iterator
        closes the connection, so that the server stops working.
        """
        ...

    def close(self) -> None:
        """Close idle connections."""
        ...


@runtime_checkable
class AsyncBackend(Protocol):
    """A model server, as the asyncio client sees it; one class may be both."""

    name: str
    kind: str

    async def acomplete(self, call: Call) -> Reply:
        """Answer with exactly one request."""
        ...

    def astream(self, call: Call) -> AsyncIterator[Chunk]:
        """Answer in chunks with exactly one request; see `Backend.stream`."""
        ...

    async def aclose(self) -> None:
        """Close idle connections of the running loop."""
        ...
