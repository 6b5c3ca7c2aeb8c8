"""Servers that speak the OpenAI chat format: OpenAI itself, vLLM, SGLang, llama.cpp and many more."""

from __future__ import annotations

import os
from contextlib import aclosing, asynccontextmanager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from tierkit.backends.address import base_url
from tierkit.backends.bodies import BodyError
from tierkit.backends.chat import request_body
from tierkit.backends.connection import Clients
from tierkit.backends.exchange import Exchange, Timeouts
from tierkit.errors import BackendRejected, ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping

    import httpx2

    from tierkit.request import Call, Chunk, Reply

__all__ = ["KINDS", "OpenAICompatibleBackend"]

KINDS = ("vllm", "sglang", "llama.cpp", "openai", "openai_compatible")
"""The kinds that this class serves."""


class OpenAICompatibleBackend:
    """One chat server, for the blocking and the asyncio client alike.

    Exactly one HTTP request per call: no retry, no redirect, no sleep. Connections are made with the first call and
    anew after a fork.

    Args:
        url: Such as "http://127.0.0.1:8000"; "/v1" may stand at its end or not.
        name: The name in the policy, for errors.
        kind: vllm, sglang, llama.cpp, openai or openai_compatible; decides how usage and errors are read.
        api_key_env: Name of the environment variable that holds the API key; read at every call, kept nowhere.
        headers: Further headers of every request.
        connect_timeout_s: Until the connection stands.
        first_byte_timeout_s: Until the reply begins; in `complete`, a total replaces it.
        chunk_timeout_s: Between two pieces of a reply.
        timeout_s: The whole call, where the call names none. A blocking read that is under way when it passes ends
            with `chunk_timeout_s` at the latest; asyncio ends at once.
        allow_link_local: True lets the url point to link-local and metadata addresses.

    Raises:
        ConfigError: A url that is not http or https or is refused, an unknown kind, a timeout of 0 or less.

    Example:
        >>> from tierkit import OpenAICompatibleBackend
        >>> OpenAICompatibleBackend("http://127.0.0.1:8000", name="local", kind="vllm")
        OpenAICompatibleBackend('http://127.0.0.1:8000/v1', name='local', kind='vllm')

    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "backend",
        kind: str = "openai_compatible",
        api_key_env: str | None = None,
        headers: Mapping[str, str] | None = None,
        connect_timeout_s: float = 5.0,
        first_byte_timeout_s: float = 60.0,
        chunk_timeout_s: float = 30.0,
        timeout_s: float | None = None,
        allow_link_local: bool = False,
    ) -> None:
        """Check and keep the settings; nothing is opened."""
        if kind not in KINDS:
            raise ConfigError(f"backend {name!r}: kind {kind!r}, expected one of {', '.join(KINDS)}")
        waits = (connect_timeout_s, first_byte_timeout_s, chunk_timeout_s, timeout_s)
        if any(wait_s is not None and not 0 < wait_s < float("inf") for wait_s in waits):
            raise ConfigError(f"backend {name!r}: timeouts {waits}, expected seconds above 0")
        self.name = name
        self.kind = kind
        self.url = base_url(url, allow_link_local=allow_link_local)
        self.api_key_env = api_key_env
        self._extra_headers = dict(headers or {})
        self._timeouts = waits
        self._allow_link_local = allow_link_local
        self._clients = Clients()

    def __repr__(self) -> str:
        """Show where it sends; never a header or a key."""
        return f"OpenAICompatibleBackend({self.url!r}, name={self.name!r}, kind={self.kind!r})"

    def complete(self, call: Call) -> Reply:
        """Answer with exactly one request.

        Raises:
            BackendError: `.outcome` tells what to charge, `.error_class` what to try next.

        """
        exchange, request = self._prepare(call, stream=False)
        with self._sent(exchange, request) as response:
            for piece in response.iter_raw():
                if not exchange.take(piece):
                    break
        return exchange.reply()

    def stream(self, call: Call) -> Iterator[Chunk]:
        """Answer in chunks; the request is sent when the first chunk is asked for.

        The last chunk is `final` and carries the usage, unless the server gives none. Closing the iterator closes the
        connection.

        Raises:
            BackendError: `.usage` holds what the server reported before it broke.

        """
        exchange, request = self._prepare(call, stream=True)
        with self._sent(exchange, request) as response:
            pieces = response.iter_raw()
            if exchange.failed:
                for piece in pieces:
                    if not exchange.take(piece):
                        break
                exchange.reply()
            for piece in pieces:
                yield from exchange.chunks(piece)
                exchange.check_stream()
                if exchange.chat.final:
                    break
            if exchange.chat.final:
                _drain(pieces)
                return
            yield from exchange.end()
            exchange.check_stream()
            if not exchange.chat.final:
                raise exchange.cut("the stream ended without its last frame")

    async def acomplete(self, call: Call) -> Reply:
        """Answer with exactly one request; see `complete`."""
        exchange, request = self._prepare(call, stream=False, in_loop=True)
        async with _deadline(exchange), self._asent(exchange, request) as response:
            async for piece in response.aiter_raw():
                if not exchange.take(piece):
                    break
        return exchange.reply()

    async def astream(self, call: Call) -> AsyncIterator[Chunk]:
        """Answer in chunks; see `stream`."""
        exchange, request = self._prepare(call, stream=True, in_loop=True)
        async with self._asent(exchange, request, bounded=True) as response:
            async with aclosing(_bounded(exchange, response)) as pieces:
                if exchange.failed:
                    async for piece in pieces:
                        if not exchange.take(piece):
                            break
                    exchange.reply()
                async for piece in pieces:
                    for chunk in exchange.chunks(piece):
                        yield chunk
                    exchange.check_stream()
                    if exchange.chat.final:
                        break
                if exchange.chat.final:
                    await _adrain(pieces)
                    return
            for chunk in exchange.end():
                yield chunk
            exchange.check_stream()
            if not exchange.chat.final:
                raise exchange.cut("the stream ended without its last frame")

    def close(self) -> None:
        """Close idle connections of this process; a later call opens new ones."""
        self._clients.close()

    async def aclose(self) -> None:
        """Close idle connections of the running loop and of this process."""
        await self._clients.aclose()
        self._clients.close()

    def _prepare(self, call: Call, *, stream: bool, in_loop: bool = False) -> tuple[Exchange, httpx2.Request]:
        import httpx2  # noqa: PLC0415 - loaded with the first request

        connect_s, first_byte_s, chunk_s, total_s = self._timeouts
        timeouts = Timeouts(
            connect_s=connect_s or 0,
            first_byte_s=first_byte_s or 0,
            chunk_s=chunk_s or 0,
            total_s=call.timeout_s if call.timeout_s is not None else total_s,
        )
        secret = self._secret()
        exchange = Exchange(
            self.name,
            self.kind,
            timeouts,
            stream=stream,
            secret=secret,
            allow_link_local=self._allow_link_local,
        )
        request = httpx2.Request(
            "POST",
            f"{self.url}/chat/completions",
            headers=self._headers(call, secret),
            content=request_body(self.kind, call, stream=stream),
            extensions={"timeout": exchange.waits, "trace": _atrace(exchange) if in_loop else _trace(exchange)},
        )
        return exchange, request

    def _headers(self, call: Call, secret: str) -> dict[str, str]:
        headers = {
            "accept": "application/json, text/event-stream",
            "accept-encoding": "identity",
            "content-type": "application/json",
            "user-agent": "tierkit",
            **self._extra_headers,
        }
        if call.id and call.id.isascii() and call.id.isprintable():
            headers["x-request-id"] = call.id[:200]
        if secret:
            headers["authorization"] = f"Bearer {secret}"
        return headers

    def _secret(self) -> str:
        """Read the API key anew: keys are rotated while a program runs."""
        if self.api_key_env is None:
            return ""
        secret = os.environ.get(self.api_key_env, "").strip()
        if secret and secret.isascii() and secret.isprintable():
            return secret
        seen = "holds characters that no header may have" if secret else "is not set"
        raise BackendRejected(
            f"backend {self.name!r}: environment variable {self.api_key_env} {seen}, expected its API key",
            backend=self.name,
            error_class="auth",
            outcome="not_sent",
        )

    @contextmanager
    def _sent(self, exchange: Exchange, request: httpx2.Request) -> Iterator[httpx2.Response]:
        """Send, give the reply with its body unread, and close it whatever happens."""
        client = self._clients.get()
        try:
            with _closing(client.send(request, stream=True)) as response:
                exchange.head(response)
                yield response
        except _failures() as error:
            raise exchange.failure(error) from error

    @asynccontextmanager
    async def _asent(
        self, exchange: Exchange, request: httpx2.Request, *, bounded: bool = False
    ) -> AsyncIterator[httpx2.Response]:
        """Send, give the reply with its body unread, and close it whatever happens."""
        client = self._clients.get_async()
        try:
            async with _deadline(exchange) if bounded else nullcontext():
                response = await client.send(request, stream=True)
            try:
                exchange.head(response)
                yield response
            finally:
                await response.aclose()
        except _failures() as error:
            raise exchange.failure(error) from error


def _failures() -> tuple[type[Exception], ...]:
    import httpx2  # noqa: PLC0415 - loaded with the first request

    # OSError and ValueError: what a socket, an address or a header can still raise below the client's own errors.
    return (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, BodyError, OSError, ValueError)


@contextmanager
def _closing(response: httpx2.Response) -> Iterator[httpx2.Response]:
    try:
        yield response
    finally:
        response.close()


def _trace(exchange: Exchange) -> Any:
    def follow(event: str, info: Mapping[str, Any]) -> None:
        refused = exchange.trace(event, info)
        if refused is not None:
            refused.close()
            raise exchange.blocked()

    return follow


def _atrace(exchange: Exchange) -> Any:
    async def follow(event: str, info: Mapping[str, Any]) -> None:
        refused = exchange.trace(event, info)
        if refused is not None:
            await refused.aclose()
            raise exchange.blocked()

    return follow


def _drain(pieces: Iterator[bytes]) -> None:
    """Read what follows the last frame, so that the connection can serve the next call; it no longer matters."""
    try:
        for _ in pieces:
            pass
    except _failures():
        return


async def _adrain(pieces: AsyncIterator[bytes]) -> None:
    try:
        async for _ in pieces:
            pass
    except _failures():
        return


@asynccontextmanager
async def _deadline(exchange: Exchange) -> AsyncIterator[None]:
    """Bound a wait by what is left of the call."""
    if exchange.deadline_s is None:
        yield
        return
    import asyncio  # noqa: PLC0415 - only where an event loop runs anyway
    import time  # noqa: PLC0415 - beside it

    try:
        async with asyncio.timeout(exchange.deadline_s - time.monotonic()):
            yield
    except TimeoutError as error:
        raise exchange.late() from error


async def _bounded(exchange: Exchange, response: httpx2.Response) -> AsyncGenerator[bytes]:
    """Give the pieces of a body; each wait for one is bounded by the deadline, the caller's work between is not."""
    pieces = response.aiter_raw()
    while True:
        try:
            async with _deadline(exchange):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        yield piece
