"""Processes whose wall clocks differ by years have one rate: refills follow the time since the start of the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARIES = [*Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), *Path("/usr/lib").glob("faketime/libfaketime.so.1")]
TAKE = """
import os, time
import tierkit as tk
limiter = tk.Limiter([tk.Limit("1 requests/hour", name="rate", burst=5)], state=os.environ["STATE"])
print(time.gmtime().tm_year, sum(bool(limiter.take()) for _ in range(3)))
"""


@pytest.mark.skipif(not LIBRARIES, reason="needs libfaketime")
def test_a_rate_does_not_follow_the_wall(tmp_path: Path) -> None:
    taken, years = [], set()
    for shift in ("+0d", "+400d", "-400d", "+400d", "+0d"):
        environment = {
            **os.environ,
            "STATE": str(tmp_path),
            "LD_PRELOAD": str(LIBRARIES[0]),
            "FAKETIME": shift,
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        said = subprocess.run(
            [sys.executable, "-c", TAKE], env=environment, capture_output=True, text=True, check=True, timeout=50
        )
        year, count = said.stdout.split()
        years.add(year)
        taken.append(int(count))
    assert len(years) > 1, "the clock was not shifted"
    assert taken == [3, 2, 0, 0, 0]
