"""What was learned of finished requests: their features and how good the answers were. Prompts are never kept.

A file of SQLite beside the ledger, readable by its owner only, or memory. Hashed grams of frequent words can be guessed
back, so it is to be kept where prompts may be kept. It is bounded: the oldest go.
"""

from __future__ import annotations

import os
import stat
import threading
import weakref
from typing import TYPE_CHECKING, NamedTuple

from tierkit.errors import StateError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from typing import Any, ClassVar

__all__ = ["FILE", "Lesson", "Notebook", "Noted"]

FILE = "lessons.db"
MOST_NOTED, MOST_LABELS = 20_000, 50_000
# Requests are written in such numbers at once; a label is written when it comes.
_TOGETHER = 64
_PATIENCE_S = 1.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    id TEXT PRIMARY KEY, at_ns INTEGER NOT NULL, tier TEXT NOT NULL, need REAL, propensity REAL NOT NULL,
    ids BLOB NOT NULL, tf BLOB NOT NULL, dense BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS by_time ON requests (at_ns);
CREATE TABLE IF NOT EXISTS labels (
    id TEXT NOT NULL, tier TEXT NOT NULL, quality REAL NOT NULL, at_ns INTEGER NOT NULL, PRIMARY KEY (id, tier)) STRICT;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
"""
_NOTE = "INSERT OR IGNORE INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_LABEL = (
    "INSERT INTO labels VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET quality = excluded.quality "
    "WHERE quality <> excluded.quality"
)
_FORGET = (
    "DELETE FROM requests WHERE id NOT IN (SELECT id FROM labels) AND at_ns < "
    "(SELECT at_ns FROM requests WHERE id NOT IN (SELECT id FROM labels) ORDER BY at_ns DESC LIMIT 1 OFFSET ?)"
)
_FORGET_LABELS = "DELETE FROM labels WHERE at_ns < (SELECT at_ns FROM labels ORDER BY at_ns DESC LIMIT 1 OFFSET ?)"
_LESSONS = """
SELECT r.id, r.at_ns, r.tier, r.need, r.propensity, r.ids, r.tf, r.dense, l.tier, l.quality
FROM requests r JOIN labels l ON l.id = r.id ORDER BY r.at_ns, r.id
"""


class Noted(NamedTuple):
    """One request as routing saw it.

    Attributes:
        id: Its id in the ledger.
        at_ns: When, in nanoseconds since 1970.
        tier: The tier that served it.
        need: Its score, or None.
        propensity: Probability with which that tier was chosen; 1 unless it was explored.
        ids, tf, dense: Its features, as the classifier reads them.
    """

    id: str
    at_ns: int
    tier: str
    need: float | None
    propensity: float
    ids: bytes
    tf: bytes
    dense: bytes


class Lesson(NamedTuple):
    """A request whose answers were judged: the quality in [0, 1] by tier."""

    noted: Noted
    quality: dict[str, float]


class Notebook:
    """Lessons of one state directory, or of one process. Safe to share between threads; a fork opens its own."""

    _open: ClassVar[weakref.WeakValueDictionary[str, Notebook]] = weakref.WeakValueDictionary()
    _opening = threading.Lock()

    @classmethod
    def at(cls, directory: str | None) -> Notebook:
        """Open the notebook of a directory, one per process: closing a second one would drop the locks of the first."""
        if directory is None:
            return cls(None)
        path = os.path.realpath(directory)
        with cls._opening:
            found = cls._open.get(path)
            if found is None:
                found = cls._open[path] = cls(path)
            return found

    def __init__(self, directory: str | None) -> None:
        """Use `at`; nothing is opened before the first use."""
        self._path = None if directory is None else os.path.join(directory, FILE)  # noqa: PTH118 - as the ledger's
        self._lock = threading.RLock()
        self._pid = 0
        self._connection: sqlite3.Connection | None = None
        self._waiting: list[Noted] = []

    def note(self, noted: Noted) -> None:
        """Remember a request; written later, with others."""
        with self._lock:
            self._waiting.append(noted)

    def is_due(self) -> bool:
        """Whether enough requests wait to be written."""
        return len(self._waiting) >= _TOGETHER

    def write(self) -> None:
        """Write the requests that wait, and forget the oldest beyond the bound.

        Raises:
            StateError: The file cannot be written; the requests that wait are dropped.
        """
        with self._lock:
            rows, self._waiting = self._waiting, []
            if rows:
                self._change([(_NOTE, rows), (_FORGET, [(MOST_NOTED,)])])

    def label(self, id: str, tier: str, quality: float, at_ns: int) -> bool:  # noqa: A002 - the word of the ledger
        """Write how good a tier's answer was; False when that was known. The last word stands.

        Raises:
            StateError: The file cannot be written.
        """
        self.write()
        return bool(self._change([(_LABEL, [(id, tier, quality, at_ns)]), (_FORGET_LABELS, [(MOST_LABELS,)])]))

    def knows(self, id: str) -> bool:  # noqa: A002 - as above
        """Whether a request was noted."""
        if any(row.id == id for row in self._waiting):
            return True
        return bool(self._rows("SELECT 1 FROM requests WHERE id = ?", (id,)))

    def lessons(self) -> list[Lesson]:
        """Return the judged requests, oldest first.

        Raises:
            StateError: The file cannot be read.
        """
        self.write()
        found: dict[str, Lesson] = {}
        for *noted, tier, quality in self._rows(_LESSONS):
            row = Noted(*noted)
            found.setdefault(row.id, Lesson(row, {})).quality[tier] = quality
        return list(found.values())

    def fact(self, name: str, first: bytes) -> bytes:
        """Return a value that stands once it was written; `first` writes it.

        Raises:
            StateError: The file cannot be used.
        """
        self._change([("INSERT OR IGNORE INTO facts VALUES (?, ?)", [(name, first)])])
        return bytes(self._rows("SELECT value FROM facts WHERE name = ?", (name,))[0][0])

    def _change(self, steps: Iterable[tuple[str, Iterable[tuple[object, ...]]]]) -> int:
        """Make all steps or none; how many rows the first one changed."""
        import sqlite3  # noqa: PLC0415 - a policy that does not learn never needs it

        with self._lock:
            try:
                connection = self._connected()
                with connection:
                    counts = [connection.executemany(sql, rows).rowcount for sql, rows in steps]
            except (sqlite3.Error, OSError) as error:
                raise self._broken(error) from error
        return counts[0]

    def _rows(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        import sqlite3  # noqa: PLC0415 - as above

        with self._lock:
            try:
                return self._connected().execute(sql, values).fetchall()
            except (sqlite3.Error, OSError) as error:
                raise self._broken(error) from error

    def _connected(self) -> sqlite3.Connection:
        if self._connection is not None and self._pid == os.getpid():
            return self._connection
        import sqlite3  # noqa: PLC0415 - as above

        # A parent's connection is left alone: closing it here would drop nothing of ours and break its locks.
        _inherited.append(self._connection)
        if self._path is not None:
            _make_private(self._path)
        made = sqlite3.connect(self._path or ":memory:", timeout=_PATIENCE_S, check_same_thread=False)
        made.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; {_SCHEMA}")
        self._connection, self._pid = made, os.getpid()
        return made

    def _broken(self, error: Exception) -> StateError:
        path = self._path or "memory"
        fix = "see what keeps the file from being used, or move it away: a new one begins empty"
        return StateError(f"state '{path}': {error}; {fix}", path=path, fix=fix)


_inherited: list[sqlite3.Connection | None] = []


def _make_private(path: str) -> None:
    """Make the file readable by its owner only; links and devices are not followed."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{path} is not a plain file")
        if stat.S_IMODE(found.st_mode) != stat.S_IRUSR | stat.S_IWUSR:
            os.fchmod(handle, 0o600)
    finally:
        os.close(handle)
