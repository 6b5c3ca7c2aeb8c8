"""Fault row I1: terminals of every kind, interrupts, and readers that leave."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pty = pytest.importorskip("pty")

TIERKIT = Path(sys.executable).with_name("tierkit")
TRACES = Path(__file__).parents[1] / "fixtures" / "traces"
ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
POLICY = """\
version = 1
[[tier]]
name = "only"
model = "m"
price = { input = "1 USD/Mtok", output = "2 USD/Mtok" }
"""


class Terminal:
    """Runs the command as if a person sat before it."""

    def __init__(self, *arguments: str | Path, columns: int = 80, **environment: str) -> None:
        self._own, theirs = pty.openpty()
        import fcntl
        import struct
        import termios

        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        clean = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "NO_COLOR", "CI"}}
        self._process = subprocess.Popen(
            [TIERKIT, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**clean, "TERM": "xterm", **environment},
            start_new_session=True,
        )
        os.close(theirs)
        self.screen = b""

    def until(self, words: bytes, *, timeout_s: float = 20.0) -> None:
        deadline = time.monotonic() + timeout_s
        while words not in self.screen and time.monotonic() < deadline and self._read():
            pass
        assert words in self.screen, self.screen

    def interrupt(self) -> None:
        os.killpg(self._process.pid, signal.SIGINT)

    def end(self) -> int:
        while self._read():
            pass
        os.close(self._own)
        return self._process.wait(timeout=20)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._own], [], [], 20.0)
        if not ready:
            return False
        try:
            data = os.read(self._own, 65536)
        except OSError:  # how Linux says that the other side is gone
            return False
        self.screen += data
        return bool(data)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "policy.toml"
    file.write_text(POLICY)
    return file


def test_I01_the_demo_draws_a_live_table_and_leaves_it(tmp_path: Path) -> None:  # noqa: N802 - the row's name
    terminal = Terminal("demo", "--out", tmp_path / "out", columns=100)
    assert terminal.end() == 0
    assert terminal.screen.count(b"UTC") > 10  # drawn again and again
    words = ESCAPE.sub(b"", terminal.screen)
    assert b"Try next" in words
    assert b"Traceback" not in words
    assert terminal.screen.count(b"\x1b[?25l") == terminal.screen.count(b"\x1b[?25h")  # the cursor is back


def test_I01_an_interrupt_in_the_demo_gives_the_cursor_back(tmp_path: Path) -> None:  # noqa: N802 - as above
    terminal = Terminal("demo", "--out", tmp_path / "out")
    terminal.until(b"UTC")
    terminal.interrupt()
    assert terminal.end() == 130
    assert b"interrupted" in terminal.screen
    assert b"Traceback" not in terminal.screen
    assert terminal.screen.count(b"\x1b[?25l") == terminal.screen.count(b"\x1b[?25h")


def test_I01_no_color_prints_no_colour(policy: Path) -> None:  # noqa: N802 - as above
    terminal = Terminal("replay", "--policy", policy, TRACES / "azure_small.csv", NO_COLOR="1")
    assert terminal.end() == 0
    assert not re.search(rb"\x1b\[[0-9;]*3[0-9]m", terminal.screen)


def test_I01_forty_columns_are_enough(policy: Path) -> None:  # noqa: N802 - as above
    terminal = Terminal("replay", "--policy", policy, "--label", "team=search", TRACES / "azure_small.csv", columns=40)
    assert terminal.end() == 0
    lines = ESCAPE.sub(b"", terminal.screen).decode().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 40
    assert any("search" in line for line in lines)


def test_I01_route_without_a_prompt_on_a_terminal_says_so_and_does_not_wait() -> None:  # noqa: N802 - as above
    terminal = Terminal("route")
    assert terminal.end() == 2
    assert b"no prompt was given" in terminal.screen


@pytest.mark.parametrize(
    "command", ["--help", "init --help", "nonsense", "check missing.toml", "report --state missing"]
)
@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_I01_any_encoding_and_no_terminal(tmp_path: Path, command: str, encoding: str) -> None:  # noqa: N802 - as above
    done = subprocess.run(
        [TIERKIT, *command.split()],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": encoding, "LC_ALL": "C"},
        timeout=60,
        check=False,
    )
    assert done.returncode in {0, 2}
    assert b"Traceback" not in done.stderr
    assert done.stdout or done.stderr


def test_I01_a_closed_standard_output_is_survived() -> None:  # noqa: N802 - as above
    done = subprocess.run(["sh", "-c", f'"{TIERKIT}" --help >&-'], capture_output=True, timeout=60, check=False)
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_I01_a_full_disk_is_a_sentence() -> None:  # noqa: N802 - as above
    done = subprocess.run(["sh", "-c", f'"{TIERKIT}" --help >/dev/full'], capture_output=True, timeout=60, check=False)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert b"no space left" in done.stderr
