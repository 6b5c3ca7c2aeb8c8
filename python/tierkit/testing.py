# ruff: noqa: S101 - a contract is a list of assertions
"""For tests: a clock that stands still, a backend that answers as told, and the contract of a backend.

Example:
    >>> from tierkit.request import Call
    >>> from tierkit.testing import MockBackend
    >>> backend = MockBackend(["blue"])
    >>> backend.complete(Call([{"role": "user", "content": "Which colour?"}], model="m")).text
    'blue'
    >>> [call.model for call in backend.calls]
    ['m']

"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tierkit.errors import BackendError
from tierkit.request import Call, Chunk, Reply, Usage, count_tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from tierkit._core import ManualClock
    from tierkit.backends import AsyncBackend, Backend

__all__ = ["BackendContract", "ManualClock", "MockBackend"]


def __getattr__(name: str) -> Any:
    if name == "ManualClock":
        from tierkit import _core  # noqa: PLC0415 - only where a test asks for it

        return _core.ManualClock
    raise AttributeError(f"module 'tierkit.testing' has no attribute {name!r}")


class MockBackend:
    """A backend without a server, for the blocking and the asyncio client.

    Args:
        replies: What to answer, in order; the last one repeats. A text, a `Reply`, or a `BackendError` to raise.
        name: The name in the policy.
        kind: The kind it claims to be.
        latency_s: How long to wait before answering, in seconds.
        usage: What every text is said to have used; None counts the tokens.
        chunk_characters: Length of the pieces of a streamed text.
        fail_after_chunks: Raise this error of a stream after so many pieces: (pieces, error).

    Attributes:
        calls: Every `Call`, in order.
        closed_early: Number of streams that were left before their end.

    """

    def __init__(
        self,
        replies: Sequence[str | Reply | BackendError] | str = "ok",
        *,
        name: str = "mock",
        kind: str = "openai_compatible",
        latency_s: float = 0.0,
        usage: Usage | None = None,
        chunk_characters: int = 8,
        fail_after_chunks: tuple[int, BackendError] | None = None,
    ) -> None:
        """Keep what to answer."""
        self.name = name
        self.kind = kind
        self.calls: list[Call] = []
        self.closed_early = 0
        self._replies = [replies] if isinstance(replies, str) else list(replies)
        self._latency_s = latency_s
        self._usage = usage
        self._chunk_characters = chunk_characters
        self._fail_after_chunks = fail_after_chunks

    def complete(self, call: Call) -> Reply:
        """Answer, or raise what was to be raised."""
        place = self._arrive(call)
        time.sleep(self._latency_s)
        return self._answer(call, place)

    def stream(self, call: Call) -> Iterator[Chunk]:
        """Answer in pieces; a final chunk with the usage ends it."""
        place = self._arrive(call)
        time.sleep(self._latency_s)
        done = False
        try:
            yield from self._pieces(self._answer(call, place))
            done = True
        except BackendError:
            done = True
            raise
        finally:
            self.closed_early += not done

    async def acomplete(self, call: Call) -> Reply:
        """Answer, or raise what was to be raised."""
        import asyncio  # noqa: PLC0415 - only where an event loop runs anyway

        place = self._arrive(call)
        await asyncio.sleep(self._latency_s)
        return self._answer(call, place)

    async def astream(self, call: Call) -> AsyncIterator[Chunk]:
        """Answer in pieces; a final chunk with the usage ends it."""
        import asyncio  # noqa: PLC0415 - only where an event loop runs anyway

        place = self._arrive(call)
        await asyncio.sleep(self._latency_s)
        done = False
        try:
            for chunk in self._pieces(self._answer(call, place)):
                yield chunk
                await asyncio.sleep(0)
            done = True
        except BackendError:
            done = True
            raise
        finally:
            self.closed_early += not done

    def close(self) -> None:
        """Do nothing: there is no connection."""

    async def aclose(self) -> None:
        """Do nothing: there is no connection."""

    def _arrive(self, call: Call) -> int:
        self.calls.append(call)
        return len(self.calls) - 1

    def _answer(self, call: Call, place: int) -> Reply:
        found = self._replies[min(place, len(self._replies) - 1)]
        if isinstance(found, BackendError):
            raise found
        if isinstance(found, Reply):
            return found
        asked = "".join(str(message.get("content", "")) for message in call.messages)
        usage = self._usage or Usage(
            count_tokens(asked, model=call.model), max(1, count_tokens(found, model=call.model))
        )
        return Reply(found, usage=usage, finish_reason="stop", model=call.model)

    def _pieces(self, reply: Reply) -> Iterator[Chunk]:
        fail_at, error = self._fail_after_chunks or (None, None)
        step = self._chunk_characters
        pieces = [reply.text[start : start + step] for start in range(0, len(reply.text), step)]
        for number, piece in enumerate(pieces):
            if error is not None and number == fail_at:
                raise error
            yield Chunk(piece)
        if error is not None and fail_at is not None and fail_at >= len(pieces):
            raise error
        yield Chunk(usage=reply.usage, finish_reason=reply.finish_reason, final=True)


class BackendContract:
    """What every backend must do, as pytest tests: subclass it and give a `backend` fixture.

    A subclass may set `model` (a model that the server has), and override `unreachable` to return a backend whose
    server is down. The asyncio half runs when the backend has `acomplete`.

    Example:
        >>> import pytest
        >>> from tierkit.testing import BackendContract, MockBackend
        >>> class TestMine(BackendContract):
        ...     @pytest.fixture
        ...     def backend(self):
        ...         return MockBackend("a text of some length")

    """

    model = "tiny"

    def unreachable(self) -> Any:
        """Return a backend whose server is down, or None where there is no such thing."""
        return None

    def contract_call(self, **changes: Any) -> Call:
        """Return a small call."""
        settings = {"model": self.model, "max_output_tokens": 24, "params": {"temperature": 0}, "id": "contract/1"}
        return Call([{"role": "user", "content": "Say something."}], **{**settings, **changes})

    def test_has_a_name_and_a_kind(self, backend: Backend) -> None:
        """Errors and reports name the backend."""
        assert isinstance(backend.name, str)
        assert backend.name
        assert isinstance(backend.kind, str)
        assert backend.kind

    def test_complete_answers_with_usage(self, backend: Backend) -> None:
        """A whole answer has text, usage and a reason why it ended."""
        check_reply(backend.complete(self.contract_call()))

    def test_stream_ends_with_a_final_chunk(self, backend: Backend) -> None:
        """A streamed answer ends with exactly one final chunk, which is the last one."""
        with closing(backend.stream(self.contract_call())) as chunks:  # type: ignore[type-var]
            check_chunks(list(chunks))

    def test_stream_and_complete_use_the_same(self, backend: Backend) -> None:
        """The same prompt costs the same input, streamed or not."""
        whole = backend.complete(self.contract_call()).usage
        with closing(backend.stream(self.contract_call())) as chunks:  # type: ignore[type-var]
            streamed = [chunk.usage for chunk in chunks if chunk.usage is not None]
        assert whole is not None
        assert streamed[-1].input_tokens == whole.input_tokens

    def test_a_left_stream_does_no_harm(self, backend: Backend) -> None:
        """Closing a stream early ends it; the backend serves the next call."""
        with closing(backend.stream(self.contract_call())) as chunks:  # type: ignore[type-var]
            assert isinstance(next(chunks), Chunk)
        assert list(chunks) == []
        check_reply(backend.complete(self.contract_call()))

    def test_a_stream_that_is_never_read_sends_nothing(self, backend: Backend) -> None:
        """Making the iterator is free."""
        with closing(backend.stream(self.contract_call())):  # type: ignore[type-var]
            pass
        check_reply(backend.complete(self.contract_call()))

    def test_a_dead_server_is_an_error_with_facts(self) -> None:
        """A request that never left says so: it costs nothing and may go elsewhere."""
        backend = self.unreachable()
        if backend is None:
            return
        for ask in (backend.complete, lambda call: list(backend.stream(call))):
            try:
                ask(self.contract_call())
            except BackendError as error:
                assert (error.outcome, error.error_class) == ("not_sent", "transient")  # noqa: PT017 - no pytest here
                assert error.backend == backend.name  # noqa: PT017 - no pytest here
            else:
                raise AssertionError(f"expected a BackendError from {ask}, got an answer")
        backend.close()

    def test_asyncio_does_the_same(self, backend: AsyncBackend) -> None:
        """The asyncio half follows the same rules."""
        if not hasattr(backend, "acomplete"):
            return
        import asyncio  # noqa: PLC0415 - only for this half

        async def ask() -> None:
            check_reply(await backend.acomplete(self.contract_call()))
            check_chunks([chunk async for chunk in backend.astream(self.contract_call())])
            chunks: Any = backend.astream(self.contract_call())
            assert isinstance(await anext(chunks), Chunk)
            await chunks.aclose()
            check_reply(await backend.acomplete(self.contract_call()))
            await backend.aclose()

        asyncio.run(ask())


def check_reply(reply: Reply) -> None:
    """Check a whole answer."""
    assert isinstance(reply, Reply)
    assert reply.text
    assert reply.finish_reason in {"stop", "length", "tool_calls"}
    _check_usage(reply.usage)


def check_chunks(chunks: Sequence[Chunk]) -> None:
    """Check a streamed answer."""
    assert [chunk.final for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert "".join(chunk.text for chunk in chunks)
    assert chunks[-1].finish_reason in {"stop", "length", "tool_calls"}
    usages = [chunk.usage for chunk in chunks if chunk.usage is not None]
    _check_usage(usages[-1] if usages else None)


def _check_usage(usage: Usage | None) -> None:
    assert usage is not None
    assert usage.input_tokens > 0
    assert usage.output_tokens > 0
