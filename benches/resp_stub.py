"""A Redis that takes no time: it answers every search with the same found document, over a Unix socket.

    python benches/resp_stub.py SOCKET

What a client spends on it is the client's own time and one trip through a socket. It runs as a process of its own, as
Redis does, says "ready" when it listens, and ends with its standard input.
"""

from __future__ import annotations

import socketserver
import sys
import threading

ANSWER = "x" * 1500
FOUND = {
    "entry_id": "1",
    "prompt": "a question",
    "response": ANSWER,
    "vector_distance": "0.05",
    "inserted_at": "1763700000.0",
    "updated_at": "1763700000.0",
}


def bulk(text: str) -> bytes:
    """One string in the protocol."""
    return b"$%d\r\n%s\r\n" % (len(text), text.encode())


FIELDS = [bulk(part) for field in FOUND.items() for part in field]
DOCUMENT = b"*3\r\n:1\r\n" + bulk("bench:1") + b"*%d\r\n" % len(FIELDS) + b"".join(FIELDS)
REPLIES = {b"FT.SEARCH": DOCUMENT, b"PING": b"+PONG\r\n", b"EXPIRE": b":1\r\n"}


class Session(socketserver.StreamRequestHandler):
    """One client: commands in arrays of strings, one reply each."""

    def handle(self) -> None:
        """Answer until the client leaves."""
        while head := self.rfile.readline():
            command = [self._string() for _ in range(int(head[1:]))]
            self.wfile.write(REPLIES.get(command[0].upper(), b"+OK\r\n"))

    def _string(self) -> bytes:
        size = int(self.rfile.readline()[1:])
        return self.rfile.read(size + 2)[:-2]


class Server(socketserver.ThreadingUnixStreamServer):
    """Sessions end with the process."""

    daemon_threads = True


if __name__ == "__main__":
    with Server(sys.argv[1], Session) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()
