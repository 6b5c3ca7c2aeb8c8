"""Lines of a file, plain or gzip, with a sentence for everything that can be wrong with the file itself."""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from typing import TYPE_CHECKING

from tierkit.errors import ConfigError
from tierkit.report.trace.record import bad

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

__all__ = ["MAX_LINE_BYTES", "numbered_lines"]

# A line above this is not a request; the bound keeps memory flat on a file without line ends.
MAX_LINE_BYTES = 64 * 1024 * 1024
TELL_EVERY = 500
_GZIP_MAGIC = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


def numbered_lines(
    path: str | os.PathLike[str], name: str, on_position: Callable[[int], None] | None = None
) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, text) for every line that is not blank; `-` reads standard input.

    `on_position` is told now and then how many bytes of the file are behind.
    """
    raw = _open(path, name)
    try:
        stream: BinaryIO = raw
        if raw.peek(2)[:2] == _GZIP_MAGIC:
            stream = gzip.GzipFile(fileobj=raw)  # type: ignore[assignment] # a GzipFile reads like a BinaryIO
        for number, text in _decoded(stream, name):
            if on_position is not None and number % TELL_EVERY == 0:
                on_position(raw.tell())
            yield number, text
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ConfigError(f"{name}: the gzip stream is damaged ({error}); copy or compress the file again") from error
    except OSError as error:
        raise _unreadable(name, error) from error
    finally:
        raw.close()


def _open(path: str | os.PathLike[str], name: str) -> io.BufferedReader:
    try:
        raw = sys.stdin.fileno() if path == "-" else os.fspath(path)
        return open(raw, "rb", closefd=path != "-")
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: OSError | ValueError) -> ConfigError:
    reason = getattr(error, "strerror", None) or str(error)
    return ConfigError(f"{name}: cannot be read ({reason.lower()}); give a trace file that this user may read")


def _decoded(stream: BinaryIO, name: str) -> Iterator[tuple[int, str]]:
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise bad(
                name, number, f"the line is longer than {MAX_LINE_BYTES} bytes; a trace holds one request per line"
            )
        if number == 1:
            line = line.removeprefix(_BOM)
        try:
            text = line.decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raise bad(name, number, f"byte {error.start + 1} is not UTF-8; save the trace as UTF-8") from error
        if text:
            yield number, text
