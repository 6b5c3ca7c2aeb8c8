"""`import tierkit` is light: no heavy module, no thread, no socket, no file opened for writing."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = ("asyncio", "dataclasses", "httpx2", "importlib.metadata", "numpy", "onnxruntime", "tiktoken")

PROBE = """
import json, sys
events = []
WATCHED = ("socket.", "subprocess.", "os.fork", "_thread.start_new_thread", "urllib.")
def watch(event, arguments):
    if event.startswith(WATCHED):
        events.append(event)
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        events.append(f"open {arguments[0]} {arguments[1]}")
sys.addaudithook(watch)
sys.dont_write_bytecode = True
import tierkit
import threading
print(json.dumps({"modules": sorted(sys.modules), "events": events, "threads": threading.active_count()}))
"""


def _probe() -> dict[str, list[str] | int]:
    done = subprocess.run([sys.executable, "-I", "-c", PROBE], capture_output=True, text=True, check=True)
    found: dict[str, list[str] | int] = json.loads(done.stdout)
    return found


def test_import_loads_nothing_heavy_and_starts_nothing() -> None:
    found = _probe()
    modules = found["modules"]
    assert isinstance(modules, list)
    assert [name for name in HEAVY if name in modules] == []
    assert found["events"] == []
    assert found["threads"] == 1
