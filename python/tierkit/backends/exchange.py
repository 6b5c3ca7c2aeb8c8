"""One HTTP request and its reply: what was sent, how long to wait, what the bytes mean.

Everything that the blocking and the asyncio client share; neither socket nor loop is touched here.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tierkit.backends.address import is_forbidden_address
from tierkit.backends.bodies import REPLY_CAP_BYTES, BodyError, decoder
from tierkit.backends.chat import ChatStream, read_reply
from tierkit.backends.failures import broken, from_body, from_exception, timed_out
from tierkit.backends.reported import reported_limits
from tierkit.errors import BackendError, BackendRejected

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx2

    from tierkit.request import Chunk, Reply, Usage

__all__ = ["Exchange", "Timeouts"]

_ERROR_CAP_BYTES = 256 * 1024
_OK = 200


class Timeouts:
    """The four waits of a call, in seconds.

    Attributes:
        connect_s: Until the connection stands.
        first_byte_s: Until the reply begins. A whole answer begins when it is finished, so a deadline replaces it
            there.
        chunk_s: Between two pieces of the reply.
        total_s: The whole call; None leaves it to the others.

    """

    __slots__ = ("chunk_s", "connect_s", "first_byte_s", "total_s")

    def __init__(self, *, connect_s: float, first_byte_s: float, chunk_s: float, total_s: float | None) -> None:
        """Keep the four."""
        self.connect_s = connect_s
        self.first_byte_s = first_byte_s
        self.chunk_s = chunk_s
        self.total_s = total_s


class Exchange:
    """The state of one call, from before sending to after the last byte.

    Attributes:
        sent: True once a byte of the request may have left: from here on the server may charge.
        chat: The reader of a streamed answer.

    """

    def __init__(
        self, backend: str, kind: str, timeouts: Timeouts, *, stream: bool, secret: str, allow_link_local: bool
    ) -> None:
        """Start the clock."""
        self.sent = False
        self.chat = ChatStream(kind)
        self.deadline_s = None if timeouts.total_s is None else time.monotonic() + timeouts.total_s
        self._backend = backend
        self._kind = kind
        self._timeouts = timeouts
        self._secret = secret
        self._allow_link_local = allow_link_local
        self._status = _OK
        self._headers: Mapping[str, str] = {}
        self._decode: Callable[[bytes], bytes] = bytes
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._reported = False
        whole = not stream and timeouts.total_s is not None
        first_s = timeouts.total_s if whole else timeouts.first_byte_s
        connect_s = self._within(timeouts.connect_s)
        # The HTTP client reads this dict again for the body, so `_headers_came` can change "read" in between.
        self.waits: dict[str, float | None] = {
            "connect": connect_s,
            "pool": connect_s,
            "write": self._within(timeouts.first_byte_s),
            "read": self._within(first_s),
        }

    def _within(self, wait_s: float | None) -> float | None:
        if self.deadline_s is None:
            return wait_s
        left_s = max(self.deadline_s - time.monotonic(), 0.001)
        return left_s if wait_s is None else min(wait_s, left_s)

    @property
    def usage(self) -> Usage | None:
        """What a streamed answer has used so far."""
        return self.chat.usage

    def trace(self, event: str, info: Mapping[str, Any]) -> Any:
        """Follow the connection; return its stream when it must be closed at once, else None."""
        if event.endswith("send_request_headers.started"):
            self.sent = True
        elif event.endswith("receive_response_headers.complete"):
            self.waits["read"] = self._within(self._timeouts.chunk_s)
        elif event.endswith("connect_tcp.complete") and not self._allow_link_local:
            peer = info["return_value"].get_extra_info("server_addr")
            if peer and is_forbidden_address(str(peer[0])):
                return info["return_value"]
        return None

    def blocked(self) -> BackendError:
        """Make the error of a name that resolved to a refused address."""
        return BackendRejected(
            f"backend {self._backend!r}: its host resolves to a link-local or metadata address, which is refused; "
            "set allow_link_local if a model server really listens there",
            backend=self._backend,
            error_class="invalid",
            outcome="not_sent",
        )

    def head(self, response: httpx2.Response) -> None:
        """Take the status line and the headers."""
        self._status = response.status_code
        self._headers = response.headers
        self._decode = decoder(self._headers.get("content-encoding", ""))

    @property
    def failed(self) -> bool:
        """True when the status says that the body is an error."""
        return self._status != _OK

    def take(self, piece: bytes) -> bool:
        """Take a piece of a whole body; False when enough of it came."""
        self.check_deadline()
        piece = self._decode(piece)
        self._body_bytes += len(piece)
        if self.failed:
            self._body.append(piece)
            return self._body_bytes < _ERROR_CAP_BYTES
        if self._body_bytes > REPLY_CAP_BYTES:
            raise BodyError(f"a body of more than {REPLY_CAP_BYTES} bytes")
        self._body.append(piece)
        return True

    def reply(self) -> Reply:
        """Read the whole body that came; raises what it says if it is an error."""
        body = b"".join(self._body)
        if self.failed:
            raise from_body(self._backend, self._kind, self._status, self._headers, body, secret=self._secret)
        reply = read_reply(self._kind, self._headers, body)
        if reply is None:
            error = self._error_in(body)
            raise (
                error
                if error is not None
                else broken(
                    self._backend, "a body that is no chat completion", outcome="uncertain", status=self._status
                )
            )
        reply.limits = reported_limits(self._kind, self._headers)
        return reply

    def _error_in(self, body: bytes) -> BackendError | None:
        """Make the error that some routers hide in a body with status 200, or None."""
        if not body.lstrip().startswith(b'{"error"'):
            return None
        return from_body(self._backend, self._kind, self._status, self._headers, body, secret=self._secret)

    def chunks(self, piece: bytes) -> list[Chunk]:
        """Take a piece of a streamed body."""
        self.check_deadline()
        chunks = self.chat.feed(self._decode(piece))
        if chunks and not self._reported:
            self._reported = True
            chunks[0].limits = reported_limits(self._kind, self._headers)
        return chunks

    def check_stream(self) -> None:
        """Raise when the stream has said that it failed, or lost a part."""
        if self.chat.error is not None:
            error = from_body(
                self._backend, self._kind, self._status, self._headers, self.chat.error, secret=self._secret
            )
            error.outcome, error.usage = self._outcome("refused"), self.usage
            raise error
        if self.chat.dropped:
            raise self.cut("a frame above the size cap")

    def end(self) -> list[Chunk]:
        """Take the clean end of a streamed body."""
        return self.chat.finish()

    def cut(self, words: str) -> BackendError:
        """Make the error of a stream that ended too early."""
        return broken(self._backend, words, outcome=self._outcome("uncertain"), usage=self.usage, status=self._status)

    def late(self) -> BackendError:
        """Make the error of a deadline that passed."""
        outcome = self._outcome("uncertain") if self.sent else "not_sent"
        return timed_out(self._backend, "at the deadline of the call", outcome=outcome, usage=self.usage)

    def check_deadline(self) -> None:
        """Raise when the deadline passed."""
        if self.deadline_s is not None and time.monotonic() > self.deadline_s:
            raise self.late()

    def failure(self, error: Exception) -> BackendError:
        """Make the error of an exception of the HTTP client."""
        if isinstance(error, BackendError):
            return error
        if isinstance(error, BodyError):
            return self.cut(str(error))
        return from_exception(self._backend, error, sent=self.sent, usage=self.usage, partial=self.chat.started)

    def _outcome(self, otherwise: str) -> str:
        return "partial" if self.chat.started else otherwise
