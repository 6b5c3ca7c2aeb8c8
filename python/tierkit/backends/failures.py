"""From what went wrong to the error that is raised, with the facts that decide what is charged."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tierkit.backends.classify import classify, error_message
from tierkit.backends.hints import retry_after_s
from tierkit.backends.reported import reported_limits
from tierkit.errors import BackendError, BackendOverloaded, BackendRejected, BackendTimeout, BackendUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tierkit.request import Usage

__all__ = ["broken", "from_body", "from_exception", "timed_out"]

_WORDS_SHOWN = 300
_TYPES: dict[str, type[BackendError]] = {
    "rate": BackendOverloaded,
    "overload": BackendOverloaded,
    "spend": BackendOverloaded,
    "transient": BackendUnavailable,
}
_GATEWAY_TIMEOUT = 504


def from_body(
    backend: str, kind: str, status: int, headers: Mapping[str, str], body: bytes, *, secret: str = ""
) -> BackendError:
    """Make the error of a reply that is no answer.

    Args:
        backend: The backend's name.
        kind: The provider.
        status: HTTP status; 200 for an error that came inside a stream.
        headers: Reply headers with lower-case names.
        body: The body as it came.
        secret: The API key; servers echo it, so it is cut out of the message.

    """
    error_class = classify(kind, status, headers, body)
    if 300 <= status < 400:  # noqa: PLR2004 - HTTP redirects
        words = f"a redirect to {headers.get('location', 'nowhere')!r}, which is never followed; set url to the target"
    else:
        words = error_message(body) or "no message"
    error = _TYPES.get(error_class, BackendRejected)(
        f"backend {backend!r} answered {status} ({error_class}): {_clean(words, secret)}",
        backend=backend,
        status=status,
        error_class=error_class,
        # A gateway's timeout says that the server behind it got the request: it may have done the work.
        outcome="uncertain" if status == _GATEWAY_TIMEOUT else "refused",
        retry_after_s=retry_after_s(kind, headers, body, now_s=time.time()),
    )
    error.limits = reported_limits(kind, headers)
    return error


def from_exception(backend: str, error: Exception, *, sent: bool, usage: Usage | None, partial: bool) -> BackendError:
    """Make the error of a connection that failed; `sent` is True once a byte of the request may have left."""
    import httpx2  # noqa: PLC0415 - the client is loaded with the first request

    outcome = "partial" if partial else "uncertain" if sent else "not_sent"
    if isinstance(error, httpx2.TimeoutException):
        what = {"ConnectTimeout": "connecting", "PoolTimeout": "waiting for a connection"}
        return timed_out(backend, what.get(type(error).__name__, "waiting for data"), outcome=outcome, usage=usage)
    words = _clean(str(error) or type(error).__name__)
    return broken(backend, words, outcome=outcome, usage=usage)


def timed_out(backend: str, what: str, *, outcome: str, usage: Usage | None = None) -> BackendTimeout:
    """Make the error of a time limit that passed."""
    return BackendTimeout(
        f"backend {backend!r} timed out {what} ({_EXPLAINED[outcome]})",
        backend=backend,
        outcome=outcome,
        usage=usage,
    )


def broken(
    backend: str, words: str, *, outcome: str, usage: Usage | None = None, status: int | None = None
) -> BackendUnavailable:
    """Make the error of a reply that is missing, cut or unreadable."""
    return BackendUnavailable(
        f"backend {backend!r} gave no complete answer: {words} ({_EXPLAINED[outcome]})",
        backend=backend,
        outcome=outcome,
        usage=usage,
        status=status,
    )


_EXPLAINED = {
    "not_sent": "the request was not sent",
    "refused": "nothing was generated",
    "uncertain": "the server may have done the work",
    "partial": "a part of the answer had arrived",
}


def _clean(words: str, secret: str = "") -> str:
    """Cut a foreign sentence down to something that is safe in a log line."""
    if secret:
        words = words.replace(secret, "***")
    shown = "".join(c if c.isprintable() else " " for c in words[: _WORDS_SHOWN * 2])
    shown = " ".join(shown.split())
    return shown if len(shown) <= _WORDS_SHOWN else f"{shown[:_WORDS_SHOWN]}…"
