"""Bodies of bounded size: a compressed reply may hold far more than its bytes suggest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["REPLY_CAP_BYTES", "BodyError", "decoder"]

REPLY_CAP_BYTES = 64 * 1024 * 1024
"""The largest reply that is read, in bytes after decompression."""


class BodyError(Exception):
    """A body that is too large, or encoded in a way that was not asked for."""


class _Inflate(Protocol):
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


def decoder(encoding: str, *, cap_bytes: int = REPLY_CAP_BYTES) -> Callable[[bytes], bytes]:
    """Return the function that decodes the pieces of one body, in order.

    Args:
        encoding: The content-encoding header; requests ask for none, so gzip and deflate are all that is read.
        cap_bytes: The most that one piece may become; more is an attack, not an answer.

    Raises:
        BodyError: Another encoding; later, a piece that is garbage or grows above the cap.

    """
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        return bytes
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise BodyError(f"content-encoding {encoding[:40]!r}, expected none or gzip")
    import zlib  # noqa: PLC0415 - rarely needed

    stream: _Inflate = zlib.decompressobj(wbits=47)  # 32 + 15: gzip or zlib, found out from the header

    def decode(data: bytes) -> bytes:
        try:
            decoded = stream.decompress(data, cap_bytes)
        except zlib.error as error:
            raise BodyError(f"content-encoding {encoding!r} that does not decode: {error}") from None
        if stream.unconsumed_tail:
            raise BodyError(f"a compressed body of more than {cap_bytes} bytes")
        return decoded

    return decode
