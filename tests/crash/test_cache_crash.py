"""A few of the rounds on a cache that `make crash` runs by the thousand, and that they would see a wrong answer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

# What a process might have left, and what the look at it afterwards says.
LEFT = """
import sys
from pathlib import Path
from random import Random
sys.path.insert(0, sys.argv[1])
from cache_rounds import KEYS, NAMESPACES, aftermath, opened, value_of
folder, change = Path(sys.argv[2]), sys.argv[3]
with opened(folder / "cache.db") as cache:
    for namespace in NAMESPACES:
        for key in range(KEYS):
            cache.put(namespace=namespace, key=b"%d" % key, value=value_of(namespace, key, key), ttl_s=60)
        cache.flush()
    cache.put(namespace="own", key=b"own 20", value=b"own 20", ttl_s=60)
    (folder / "1.log").write_text("kept own 20\\ngone gone 33\\n")
    if change == "another key's":
        cache.put(namespace="acme", key=b"3", value=value_of("acme", 4, 1), ttl_s=60)
        for key in range(10):
            cache.put(namespace="acme2", key=b"%d" % key, value=value_of("acme", key, 1), ttl_s=60)
    elif change == "lost":
        cache.purge(namespace="own")
    elif change == "came back":
        cache.put(namespace="own", key=b"gone 33", value=b"v", ttl_s=60)
print(aftermath(folder, folder / "cache.db", Random(1)))
"""


def test_killed_processes_leave_no_wrong_answer() -> None:
    start = [sys.executable, "-W", "ignore", str(HERE / "cache_rounds.py"), "--rounds", "30"]
    ended = subprocess.run(start, capture_output=True, text=True, timeout=55, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "30 kills" in ended.stdout
    assert "; 0 faults" in ended.stdout


@pytest.mark.parametrize(
    ("change", "seen"),
    [("nothing", "[]"), ("another key's", "acme2/"), ("lost", "told as kept"), ("came back", "told as gone")],
)
def test_the_rounds_would_see(tmp_path: Path, change: str, seen: str) -> None:
    start = [sys.executable, "-W", "ignore", "-c", LEFT, str(HERE), str(tmp_path), change]
    ended = subprocess.run(start, capture_output=True, text=True, timeout=55, check=True)
    assert seen in ended.stdout
