"""A server on 127.0.0.1 that does what real servers do not do on demand: it plays a script, byte by byte."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RESET = object()  # a step of a script: close with RST
HANG = object()  # a step of a script: wait until the client has gone
Step = Any  # bytes to send, a float to sleep in seconds, RESET or HANG


class Received:
    """One request as it came, and when its client went."""

    def __init__(self, head: bytes, body: bytes) -> None:
        lines = head.decode("latin-1").split("\r\n")
        self.line = lines[0]
        self.headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:] if line)}
        self.body = body
        self.client_gone = threading.Event()


class FaultServer:
    """Plays `scripts` in order, one per connection; the last one repeats."""

    def __init__(self, scripts: Sequence[Sequence[Step]]) -> None:
        self.requests: list[Received] = []
        self.connections = 0
        self._scripts = list(scripts)
        self._lock = threading.Lock()
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                outer.serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 1024  # 200 clients at once; a full queue resets some of them

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def serve(self, connection: socket.socket) -> None:
        with self._lock:
            place = self.connections
            self.connections += 1
        received = _receive(connection)
        if received is None:
            return
        self.requests.append(received)
        try:
            for step in self._scripts[min(place, len(self._scripts) - 1)]:
                if not _play(connection, step, received):
                    return
        except OSError:
            received.client_gone.set()


def _receive(connection: socket.socket) -> Received | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(v) for k, _, v in (h.partition(b":") for h in head.split(b"\r\n")) if k.lower() == b"content-length"), 0
    )
    while len(body) < length:
        body += connection.recv(65536)
    return Received(head, body)


def _play(connection: socket.socket, step: Step, received: Received) -> bool:
    if step is RESET:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        return False
    if step is HANG:
        connection.settimeout(20)
        if connection.recv(1) == b"":
            received.client_gone.set()
        return False
    if isinstance(step, float):
        time.sleep(step)
    else:
        connection.sendall(step)
    return True


@contextmanager
def fault_server(*scripts: Sequence[Step]) -> Iterator[FaultServer]:
    """Run a server that plays the scripts."""
    server = FaultServer(scripts)
    try:
        yield server
    finally:
        server.close()


def reply(status: int = 200, body: bytes | str = b"", **headers: str) -> list[Step]:
    """A script: one whole reply."""
    body = body.encode() if isinstance(body, str) else body
    fields = {"content-type": "application/json", "connection": "close", "content-length": str(len(body))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return [f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + body]


def stream(*steps: Step, **headers: str) -> list[Step]:
    """A script: a chunked event stream; `END` must be the last step of a clean one."""
    fields = {"content-type": "text/event-stream", "connection": "close", "transfer-encoding": "chunked"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return [f"HTTP/1.1 200 OK\r\n{head}\r\n".encode(), *(chunked(step) for step in steps)]


END = object()  # a step of a stream: the last chunk of the body


def chunked(step: Step) -> Step:
    if step is END:
        return b"0\r\n\r\n"
    return b"%x\r\n%s\r\n" % (len(step), step) if isinstance(step, bytes) and step else step
