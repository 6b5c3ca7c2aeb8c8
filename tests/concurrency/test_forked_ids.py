"""Ids after a fork: a child inherits where its parent's ids come from, and must not repeat them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
import os
import tierkit as tk

ledger = tk.Ledger([tk.Budget("25 USD", period="day")])

def reserved(count):
    return [ledger.reserve({}, usd="0.01").id for _ in range(count)]

def in_child(count):
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, " ".join(reserved(count)).encode())
        os._exit(0)
    os.close(writer)
    with open(reader) as pipe:
        told = pipe.read().split()
    os.wait()
    return told

ids = [*reserved(1), *in_child(50), *in_child(50), *reserved(50)]
# What comes before is the time, by which ids of two processes may differ by luck.
print(len({id[15:] for id in ids}))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_children_give_ids_of_their_own() -> None:
    ended = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert ended.stdout == "151\n"
