"""The asyncio client. asyncio itself is not imported: a cancellation is a BaseException like any other."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tierkit.client.flights import Flights
from tierkit.client.servers import Servers
from tierkit.client.shadow import AsyncShadow
from tierkit.client.streaming import StreamState
from tierkit.client.walk import Walk
from tierkit.errors import AlreadySettled, BackendError, Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Mapping, Sequence
    from types import TracebackType

    from tierkit.backends import AsyncBackend
    from tierkit.client.answer import Answer
    from tierkit.client.ports import AdmissionLike, GovernorLike
    from tierkit.client.shadow import AsyncJudge
    from tierkit.request import Chunk

__all__ = ["AsyncClient", "AsyncStream"]


class AsyncClient:
    """The asyncio twin of `Client`: the same arguments, the same rules.

    Example:
        >>> import tierkit as tk
        >>> async def main(governor):
        ...     async with tk.AsyncClient(governor) as client:
        ...         answer = await client.complete("Why is the sky blue?", max_output_tokens=100)
        ...         async for chunk in client.stream("And at night?", max_output_tokens=100):
        ...             print(chunk.text, end="")

    """

    def __init__(
        self,
        governor: GovernorLike,
        *,
        backends: Mapping[str, AsyncBackend] | None = None,
        judge: AsyncJudge | None = None,
    ) -> None:
        """Make backends where none are given; nothing is connected. A judge may be a coroutine function."""
        self._governor = governor
        self._backends = Servers(governor, backends)
        self._flights = Flights.of(governor)
        self._shadow = AsyncShadow(governor, self._backends, judge)

    async def complete(
        self,
        messages: str | Sequence[Mapping[str, Any]],
        *,
        labels: Mapping[str, str] | None = None,
        max_output_tokens: int | None = None,
        cache: str = "use",
        wait_s: float = 0.0,
        priority: str = "normal",
        id: str | None = None,  # noqa: A002 - the word that users read in the ledger
        timeout_s: float | None = None,
        **params: Any,
    ) -> Answer:
        """Get one whole answer; see `Client.complete`. A cancelled call is posted as reserved."""
        walk = Walk(
            self._governor.policy,
            messages,
            labels=labels,
            max_output_tokens=max_output_tokens,
            cache=cache,
            wait_s=wait_s,
            priority=priority,
            id=id,
            timeout_s=timeout_s,
            params=params,
        )
        async with self._flights.ashare(walk.flight_key(), walk.flight_wait_s()):
            answer = await self._complete(walk)
        self._shadow.offer(walk, answer)
        return answer

    async def wait_for_shadow(self, timeout_s: float) -> bool:
        """Wait until the second answers so far are judged; False when the time is over before."""
        return await self._shadow.wait(timeout_s)

    async def _complete(self, walk: Walk) -> Answer:
        while True:
            admission = await self._admit(walk)
            if admission.hit is not None:
                found = walk.cached(admission)
                if found is not None:
                    return walk.cached_answer(found)
                continue
            backend = self._backend(walk, admission)
            try:
                reply = await backend.acomplete(walk.call(admission))
            except BackendError as error:
                walk.failed(admission, error)
            except BaseException as error:
                walk.abandoned(admission, error)
                raise
            else:
                return walk.answered(admission, reply)

    def stream(
        self,
        messages: str | Sequence[Mapping[str, Any]],
        *,
        labels: Mapping[str, str] | None = None,
        max_output_tokens: int | None = None,
        cache: str = "use",
        wait_s: float = 0.0,
        priority: str = "normal",
        id: str | None = None,  # noqa: A002 - the word that users read in the ledger
        timeout_s: float | None = None,
        **params: Any,
    ) -> AsyncStream:
        """Get an answer in chunks; see `Client.stream`.

        Nothing happens until the stream is awaited, entered or iterated:
        `stream = await client.stream(…)`, `async with client.stream(…) as stream` and
        `async for chunk in client.stream(…)` all work.
        """
        walk = Walk(
            self._governor.policy,
            messages,
            labels=labels,
            max_output_tokens=max_output_tokens,
            cache=cache,
            wait_s=wait_s,
            priority=priority,
            id=id,
            timeout_s=timeout_s,
            params=params,
        )
        return AsyncStream(walk, self)

    async def aclose(self) -> None:
        """Close the backends that were made from the policy; second answers that are under way are cancelled."""
        self._shadow.close()
        for backend in self._backends.own:
            await backend.aclose()

    async def __aenter__(self) -> AsyncClient:  # noqa: PYI034 - Self costs an import
        """Return itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.aclose()

    async def _admit(self, walk: Walk) -> AdmissionLike:
        while True:
            try:
                admission: AdmissionLike = await self._governor.admit_async(walk.messages, **walk.admit_arguments())
            except Refused as refusal:
                walk.refused(refusal)
            except AlreadySettled:
                walk.pass_over()
                continue
            if admission.hit is not None or not admission.replayed:
                return admission
            walk.pass_over()

    def _backend(self, walk: Walk, admission: AdmissionLike) -> AsyncBackend:
        backend: AsyncBackend | None = self._backends.get(admission.backend)
        if backend is None:
            walk.no_backend(admission, self._backends)
        return backend


class AsyncStream(StreamState):
    """An answer in chunks; iterate it, then read `.usage`, `.cost`, `.tier`, `.model` and `.id`."""

    _chunks: AsyncIterator[Chunk] | None = None

    def __init__(self, walk: Walk, client: AsyncClient) -> None:
        """Start before anything happened."""
        super().__init__(walk)
        self._client: AsyncClient | None = client

    def __await__(self) -> Generator[Any, None, AsyncStream]:
        """Open: admit, send, wait for the first output."""
        return self._opened().__await__()

    async def _opened(self) -> AsyncStream:
        client, self._client = self._client, None
        if client is not None:
            try:
                await self._open(client)
            except BaseException:
                await self.aclose()
                raise
        return self

    async def _open(self, client: AsyncClient) -> None:
        """Wait for an equal question that is under way, then go through attempts until one gives output."""
        self._flight = await client._flights.ajoin(self._walk.flight_key(), self._walk.flight_wait_s())  # noqa: SLF001 - as below
        while True:
            admission = await client._admit(self._walk)  # noqa: SLF001 - the stream's other half
            if admission.hit is not None:
                found = self._walk.cached(admission)
                if found is None:
                    continue
                self.tier, self.model = admission.tier, admission.model
                self._replay(found)
                return
            backend = client._backend(self._walk, admission)  # noqa: SLF001 - the stream's other half
            self._start(admission)
            try:
                self._chunks = self._send(backend, admission)
                while not self._shown and not self._settled:
                    self._waiting.append(await self._pull(self._chunks))
            except BackendError as error:
                self._settle_failed(error)
            except StopAsyncIteration:
                return
            else:
                return

    def _send(self, backend: AsyncBackend, admission: AdmissionLike) -> AsyncIterator[Chunk]:
        try:
            return backend.astream(self._walk.call(admission))
        except BackendError:
            raise
        except BaseException as error:
            self._unknown(error)
            raise

    async def _pull(self, chunks: AsyncIterator[Chunk]) -> Chunk:
        self._step(waits=True)
        try:
            chunk = await anext(chunks)
        except StopAsyncIteration:
            self._settle_dropped()  # a backend that ends without a final chunk: its last word is not known
            raise
        except BackendError:
            raise
        except BaseException as error:
            self._unknown(error)
            raise
        self._step(waits=False)
        self._take(chunk)
        return chunk

    def __aiter__(self) -> AsyncStream:
        """Return itself."""
        return self

    async def __anext__(self) -> Chunk:
        """Return the next chunk."""
        await self._opened()
        if self._waiting:
            return self._waiting.popleft()
        if self._chunks is None:
            raise StopAsyncIteration
        try:
            return await self._pull(self._chunks)
        except StopAsyncIteration:
            self._chunks = None
            raise
        except BackendError as error:
            self._chunks = None
            if self._settled:  # the answer was whole already
                raise StopAsyncIteration from None
            self._settle_failed(error)
            raise

    async def aclose(self) -> None:
        """Stop: settle what arrived, and close the connection."""
        chunks, self._chunks, self._client = self._chunks, None, None
        self._waiting.clear()
        try:
            self._settle_dropped()
        finally:
            stop = getattr(chunks, "aclose", None)
            if stop is not None:
                await stop()

    async def __aenter__(self) -> AsyncStream:  # noqa: PYI034 - Self costs an import
        """Open and return itself."""
        return await self._opened()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.aclose()

    def __del__(self) -> None:
        """Settle a stream that was dropped; its loop closes the connection when it collects the iterator."""
        with suppress(Exception):  # nobody is left to hear it; the reservation then expires as posted
            self._settle_dropped()
