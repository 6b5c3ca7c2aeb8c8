"""Hearing of the room that other processes of a state directory make."""

from __future__ import annotations

import threading

from tierkit.errors import StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tierkit import _core
    from tierkit.governor.waiting import Waiting

__all__ = ["Neighbours"]

_LOOK_S = 0.1
"""How often the thread asks whether anybody still waits; what is freed wakes it at once."""


class Neighbours:
    """The other processes of a state directory, heard by one thread while somebody in this one waits.

    It sleeps in the kernel on a word of the shared segment: nobody polls, and without a waiter there is no thread.
    """

    __slots__ = ("_alone", "_gate", "_lock", "_thread")

    def __init__(self, gate: _core.Gate) -> None:
        """Hear nothing yet."""
        self._gate: _core.Gate | None = gate
        self._alone = gate.freed() is None
        self.start_over()

    def start_over(self) -> None:
        """Forget the thread of a parent: it does not exist in its child."""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def listen(self, waiting: Waiting) -> None:
        """See to it that the thread runs, if there can be other processes."""
        if self._alone:
            return
        with self._lock:
            if self._thread is None and self._gate is not None:
                # Not a daemon: one that wakes while the interpreter ends would end the process.
                self._thread = threading.Thread(
                    target=self._run, args=(self._gate, waiting), name="tierkit-neighbours", daemon=False
                )
                self._thread.start()

    def close(self) -> None:
        """Let the gate go; returns when the thread has ended."""
        with self._lock:
            self._gate, thread = None, self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self, gate: _core.Gate, waiting: Waiting) -> None:
        try:
            seen = gate.freed()
            waiting.released()  # room made before the thread ran
            while seen is not None and self._goes_on(waiting):
                now = gate.wait_freed(seen, _LOOK_S)
                if now != seen:
                    seen = now
                    waiting.released()
        except StateError:  # whoever waits is told by the next try
            with self._lock:
                self._thread = None

    def _goes_on(self, waiting: Waiting) -> bool:
        with self._lock:
            if self._gate is not None and waiting.waiters and threading.main_thread().is_alive():
                return True
            self._thread = None
            return False
