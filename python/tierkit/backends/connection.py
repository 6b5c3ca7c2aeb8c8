"""The HTTP clients of one backend: made at first use, one per process and per event loop."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

    import httpx2

__all__ = ["Clients"]

_IDLE_KEPT = 64
_IDLE_S = 4.0
"""Idle connections live shorter than uvicorn's 5 s (vLLM, SGLang): a request on one that the server is just closing
would fail after it was sent, and count as uncertain."""


class Clients:
    """Makes HTTP clients late and keeps them apart.

    A child process must not write into its parent's connections, and a connection of one event loop is useless in
    another, so clients are looked up by process and by loop. No lock: one that is held in another thread during a
    fork would stay held in the child for ever.
    """

    def __init__(self) -> None:
        """Make nothing yet."""
        self._sync: dict[int, httpx2.Client] = {}
        self._async: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, httpx2.AsyncClient] = (
            weakref.WeakKeyDictionary()
        )

    def get(self) -> httpx2.Client:
        """Return this process's client."""
        pid = os.getpid()
        client = self._sync.get(pid)
        if client is None:
            import httpx2  # noqa: PLC0415 - loaded with the first request

            made = httpx2.Client(**_settings())
            client = self._sync.setdefault(pid, made)
            if client is not made:  # another thread was faster
                made.close()
        return client

    def get_async(self) -> httpx2.AsyncClient:
        """Return the running loop's client."""
        import asyncio  # noqa: PLC0415 - only where an event loop runs anyway

        loop = asyncio.get_running_loop()
        client = self._async.get(loop)
        if client is None:
            import httpx2  # noqa: PLC0415 - loaded with the first request

            client = self._async[loop] = httpx2.AsyncClient(**_settings())
        return client

    def close(self) -> None:
        """Close this process's client; a later call makes a new one."""
        client = self._sync.pop(os.getpid(), None)
        if client is not None:
            client.close()

    async def aclose(self) -> None:
        """Close the running loop's client; a later call makes a new one."""
        import asyncio  # noqa: PLC0415 - only where an event loop runs anyway

        client = self._async.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()


def _settings() -> dict[str, Any]:
    from http.cookiejar import CookieJar, DefaultCookiePolicy  # noqa: PLC0415 - comes with the HTTP client

    import httpx2  # noqa: PLC0415 - loaded with the first request

    return {
        "follow_redirects": False,
        # How many requests run at once is the governor's decision, not the pool's.
        "limits": httpx2.Limits(max_connections=None, max_keepalive_connections=_IDLE_KEPT, keepalive_expiry=_IDLE_S),
        # A cookie set for one caller's request must not travel with the next caller's.
        "cookies": CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
    }
