r"""Server-sent events, read from bytes that may be cut anywhere.

The reader works on bytes, so that a cut inside a UTF-8 sequence or between CR and LF needs no care:
text is decoded only when a whole line is there.

Example:
    >>> from tierkit.backends.sse import SseReader
    >>> reader = SseReader()
    >>> reader.feed(b'data: {"a"')
    []
    >>> reader.feed(b": 1}\r\n\r\n")
    [SseEvent(name='message', data=b'{"a": 1}')]

"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["LINE_CAP_BYTES", "SseEvent", "SseReader"]

LINE_CAP_BYTES = 16 * 1024 * 1024
"""Longest event kept, in bytes; a longer one is dropped and counted. No provider sends frames near this."""


class SseEvent(NamedTuple):
    """One event: its name (`message` when the stream names none) and its data lines joined by a line feed."""

    name: str
    data: bytes


class SseReader:
    """An incremental reader of one event stream.

    Attributes:
        dropped: Number of events that were dropped because they were longer than the cap.

    Cost: O(bytes), whatever the split; memory is bounded by the cap.
    Source: WHATWG HTML, section "Server-sent events", "Interpreting an event stream".

    """

    __slots__ = ("_after_cr", "_cap", "_data", "_name", "_parts", "_size", "_too_long", "dropped")

    def __init__(self, *, cap_bytes: int = LINE_CAP_BYTES) -> None:
        """Start at the beginning of a stream."""
        self.dropped = 0
        self._cap = cap_bytes
        self._parts: list[bytes] = []  # pieces of the line under way; joined once, so 1-byte chunks stay linear
        self._size = 0  # bytes held: the line under way and the data lines of the event
        self._after_cr = False
        self._too_long = False
        self._name = b""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """Take the next bytes; return the events that they complete, in order."""
        if self._after_cr and chunk[:1] == b"\n":  # the second half of a CRLF that was cut
            chunk = chunk[1:]
            self._after_cr = False
        if not chunk:
            return []
        self._after_cr = chunk.endswith(b"\r")
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        events: list[SseEvent] = []
        head, *rest = chunk.split(b"\n")
        self._hold(head)
        for piece in rest:
            event = self._end_line()
            if event is not None:
                events.append(event)
            self._hold(piece)
        return events

    def finish(self) -> SseEvent | None:
        """Return the event that the end of the body cut off before its blank line, or None.

        Beyond the standard, which drops it: servers do end without the last blank line, and its data can tell by
        itself whether it is whole.
        """
        if self._parts:
            self._end_line()
        return self._end_event()

    def _hold(self, piece: bytes) -> None:
        if not piece:
            return
        self._size += len(piece)
        if self._size > self._cap:
            self._too_long = True
            self._parts.clear()
            self._data.clear()
        elif not self._too_long:
            self._parts.append(piece)

    def _end_line(self) -> SseEvent | None:
        blank = not self._parts and not self._too_long
        if self._too_long:
            # Bytes of a dropped line are gone, so a blank line is one that added nothing since the last line end.
            blank = self._size == 0
            self._size = 0
            return self._end_event() if blank else None
        line = b"".join(self._parts)
        self._parts.clear()
        if blank:
            return self._end_event()
        self._take(line)
        return None

    def _take(self, line: bytes) -> None:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            return
        self._size -= len(line)  # comments and names are not kept as data, so they do not count against the cap
        if field == b"event":
            self._name = value[:256]

    def _end_event(self) -> SseEvent | None:
        name, data, dropped = self._name, self._data, self._too_long
        self._name, self._data, self._size, self._too_long = b"", [], 0, False
        if dropped:
            self.dropped += 1
            return None
        if not data:
            return None
        return SseEvent(name.decode("utf-8", "replace") or "message", b"\n".join(data))
