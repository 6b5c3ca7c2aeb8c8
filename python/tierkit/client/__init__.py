"""Clients: ask for an answer, and let the governor choose the tier and pay the exact price.

`Client` blocks, `AsyncClient` awaits; both are shells around `walk`, which knows what comes next.
"""

from __future__ import annotations

from tierkit.client.answer import Answer, Attempt
from tierkit.client.asynchronous import AsyncClient, AsyncStream
from tierkit.client.blocking import Client, Stream
from tierkit.client.ports import AdmissionLike, GovernorLike

__all__ = [
    "AdmissionLike",
    "Answer",
    "AsyncClient",
    "AsyncStream",
    "Attempt",
    "Client",
    "GovernorLike",
    "Stream",
]
