"""A cache with a file: what a restart finds, what is refused, what is dropped, and what waits for nobody."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

import tierkit as tk
from tierkit.errors import StateError

if TYPE_CHECKING:
    from pathlib import Path


def cache(path: Path, **options: Any) -> tk.SemanticCache:
    return tk.SemanticCache(path=path, **options)


def fill(path: Path, entries: int = 20, **options: Any) -> None:
    texts = [f"How do I reset password number {number}?" for number in range(entries)]
    vectors = tk.cache.embed_many(texts)
    with cache(path, **options) as found:
        for number, (text, vector) in enumerate(zip(texts, vectors, strict=True)):
            found.put(
                namespace="acme",
                key=b"%d" % number,
                text=text,
                embedding=vector,
                value=b"value %d" % number,
                ttl_s=3600,
                saved="0.25",
                tag=f"tag {number % 2}",
            )


def sql(path: Path, statement: str, *values: object) -> list[Any]:
    """Change the file from outside; no cache of this process is open on it."""
    connection = sqlite3.connect(path)
    try:
        rows = connection.execute(statement, values).fetchall()
        connection.commit()
        return rows
    finally:
        connection.close()


def test_a_restart_finds_exact_and_near_questions(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    fill(path)
    with cache(path) as again:
        assert len(again) == 20
        hit = again.get(namespace="acme", key=b"7")
        assert hit is not None
        assert (hit.value, hit.exact, str(hit.saved)) == (b"value 7", True, "0.25")
        text = "how can I reset password number 7"
        near = again.get(namespace="acme", key=b"?", text=text, embedding=tk.cache.embed(text))
        assert near is not None
        assert near.value == b"value 7"
        assert not near.exact
        assert near.id == hit.id
        assert again.get(namespace="initech", key=b"7") is None


def test_similarities_are_the_same_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    vectors = tk.cache.embed_many(["Where is the key to the shed?", "Where is the key to my shed"])
    seen = []
    for _ in range(2):
        with cache(path) as found:
            found.put(namespace="a", key=b"1", embedding=vectors[0], value=b"v", ttl_s=60)
            hit = found.get(namespace="a", key=b"2", embedding=vectors[1], min_similarity=0.1)
            found.flush()
            seen.append(hit and hit.similarity)
    with cache(path) as found:
        hit = found.get(namespace="a", key=b"2", embedding=vectors[1], min_similarity=0.1)
        seen.append(hit and hit.similarity)
    assert seen[0] is not None
    assert seen == [seen[0]] * 3


@pytest.mark.parametrize("dim", [1, 2, 127, 128, 300])
def test_rows_of_any_width_come_back(tmp_path: Path, dim: int) -> None:
    import numpy as np

    path, vector = tmp_path / "cache.db", np.linspace(1, 2, dim, dtype=np.float32)
    with cache(path, dim=dim) as found:
        found.put(namespace="a", key=b"1", embedding=vector, value=b"v", ttl_s=60)
    with cache(path, dim=dim) as found:
        hit = found.get(namespace="a", key=b"2", embedding=vector)
        assert hit is not None
        assert hit.similarity == 1.0


def test_the_file_is_private_and_holds_the_secret(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    fill(path, 1)
    with cache(path) as one, cache(path) as other:
        for file in tmp_path.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        asked = (["acme"], "auto", [{"role": "user", "content": "Hi"}])
        assert one.keyer().keys(*asked) == other.keyer().keys(*asked)
        assert one.keyer().keys(*asked) != tk.SemanticCache().keyer().keys(*asked)


def test_a_life_ends_at_its_time_also_across_a_restart(tmp_path: Path) -> None:
    path, now = tmp_path / "cache.db", 1_000_000_000
    with cache(path, clock=lambda: now) as found:
        found.put(namespace="a", key=b"short", value=b"v", ttl_s=10)
        found.put(namespace="a", key=b"long", value=b"v", ttl_s=100)
    now += 10_000_000_000
    with cache(path, clock=lambda: now) as found:
        assert found.get(namespace="a", key=b"short") is None
        assert found.get(namespace="a", key=b"long") is not None


def test_another_boot_goes_by_the_wall_clock(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    fill(path, 1)
    with cache(path) as found:
        assert found.get(namespace="acme", key=b"0") is not None
    # Rows are under a checksum, so another boot is played by a clock of one's own, whose epoch is another one too.
    with cache(path, clock=lambda: 5) as found:
        assert found.get(namespace="acme", key=b"0") is not None
    with cache(path, clock=lambda: 5) as found:
        found.put(namespace="a", key=b"k", value=b"v", ttl_s=0.2)
    with cache(path) as found:
        assert found.get(namespace="acme", key=b"0") is not None
        time.sleep(0.25)
        assert found.get(namespace="a", key=b"k") is None


def test_a_report_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    fill(path, 3)
    text = "How do I reset password number 1?"
    with cache(path) as found:
        hit = found.get(namespace="acme", key=b"1")
        assert hit is not None
        assert found.report(hit.id, ok=False)
    with cache(path) as found:
        assert found.get(namespace="acme", key=b"1") is None
        found.put(namespace="acme", key=b"1", text=text, embedding=tk.cache.embed(text), value=b"new", ttl_s=60)
        again = found.get(namespace="acme", key=b"1")
        assert again is not None
        assert again.value == b"new"
        near = found.get(namespace="acme", key=b"?", text=text, embedding=tk.cache.embed(text))
        assert near is None or near.id != hit.id


def test_a_purge_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    fill(path)
    with cache(path) as found:
        assert found.purge(tag="tag 0") == 10
        found.put(namespace="acme", key=b"0", value=b"new", ttl_s=60, tag="tag 0")
    with cache(path) as found:
        assert len(found) == 11
        hit = found.get(namespace="acme", key=b"0")
        assert hit is not None
        assert hit.value == b"new"
        assert found.purge(older_than_s=0.0) == 11
    with cache(path) as found:
        assert len(found) == 0


def test_values_beyond_the_memory_bound_are_read_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    with cache(path, memory_bytes=50_000) as found:
        for number in range(100):
            found.put(namespace="a", key=b"%d" % number, value=b"%03d" % number * 1000, ttl_s=60)
            found.flush()
        assert found.stats()["hot_bytes"] <= 50_000
        for number in range(100):
            hit = found.get(namespace="a", key=b"%d" % number)
            assert hit is not None
            assert hit.value == b"%03d" % number * 1000
        stats = found.stats()
        assert stats["cold_hits"] >= 80
        assert stats["hot_bytes"] <= 50_000
        assert stats["lost"] == 0


def test_bounds_hold_in_the_file_too(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    with cache(path, capacity=50) as found:
        for number in range(300):
            found.put(namespace="a", key=b"%d" % number, value=b"v" * 100, ttl_s=60)
    assert sql(path, "SELECT count(*) FROM entry")[0][0] <= 50
    with cache(path, capacity=10) as found:
        assert len(found) == 10
        found.flush()
    assert sql(path, "SELECT count(*) FROM entry")[0][0] <= 10


def test_what_leaves_memory_while_it_is_written_leaves_the_file_too(tmp_path: Path) -> None:
    path, done = tmp_path / "cache.db", threading.Event()
    with cache(path, capacity=20) as found:

        def flush() -> None:
            while not done.is_set():
                found.flush()

        hurry = threading.Thread(target=flush)
        hurry.start()
        for number in range(2_000):
            found.put(namespace="a", key=b"%d" % number, value=b"v" * 100, ttl_s=60)
        done.set()
        hurry.join()
    assert sql(path, "SELECT count(*) FROM entry")[0][0] <= 20


def test_a_value_larger_than_memory_may_be_is_not_kept(tmp_path: Path) -> None:
    with cache(tmp_path / "cache.db", memory_bytes=1_000_000) as found:
        assert found.put(namespace="a", key=b"k", value=bytes(1_000_001), ttl_s=60) is None
        assert found.get(namespace="a", key=b"k") is None
        assert (found.stats()["dropped"], found.stats()["hot_bytes"]) == (1, 0)
        assert found.put(namespace="a", key=b"k", value=bytes(1_000_000), ttl_s=60) is not None


def test_what_does_not_fit_the_queue_is_dropped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    with cache(path) as found:
        found.put(namespace="a", key=b"first", value=b"v", ttl_s=60)
        found.flush()
        command = [sys.executable, "-c", _BLOCK, str(path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as blocker:
            assert blocker.stdout is not None
            assert blocker.stdout.readline() == "locked\n"
            kept = [found.put(namespace="a", key=b"%d" % n, value=b"v", ttl_s=60) is not None for n in range(6_000)]
            stats = found.stats()
        assert all(kept[:4_000])
        assert stats["dropped"] == kept.count(False) >= 1_000
        found.flush()
    with cache(path) as found:
        assert len(found) == kept.count(True) + 1


_BLOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


def test_another_dimension_or_encoder_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    fill(path, 1, encoder="one")
    for options, words in (({"dim": 8, "encoder": "one"}, "256 values"), ({"encoder": "other"}, "encoder 'one'")):
        with pytest.raises(StateError, match=words) as caught:
            cache(path, **options)
        assert caught.value.path == str(path)
        assert "delete it" in caught.value.fix
    with cache(path, encoder="one") as found:
        assert len(found) == 1


@pytest.mark.parametrize("change", ["UPDATE meta SET format = 99", "UPDATE meta SET quantiser = 99"])
def test_a_future_file_is_refused_and_left_alone(tmp_path: Path, change: str) -> None:
    path = tmp_path / "cache.db"
    fill(path, 1)
    sql(path, change)
    before = path.read_bytes()
    with pytest.raises(StateError, match="99"):
        cache(path)
    assert path.read_bytes() == before


def test_foreign_files_are_refused_and_left_alone(tmp_path: Path) -> None:
    texts, other = tmp_path / "notes.txt", tmp_path / "other.db"
    texts.write_text("These are my notes. " * 300)
    sql(other, "CREATE TABLE mine(x)")
    for path in (texts, other):
        before = path.read_bytes()
        with pytest.raises(StateError, match=r"no tierkit cache|no cache|not a database"):
            cache(path)
        assert path.read_bytes() == before


def test_a_file_that_was_begun_and_never_made_is_no_cache_yet(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    path.write_bytes(b"")
    with pytest.raises(StateError, match="nothing in it"):
        tk.cache.CacheFile(path)
    with cache(path):
        assert tk.cache.CacheFile(path).stats()[1] == []


def test_links_and_folders_are_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"")
    for name, ending in (("a.db", ""), ("b.db", "-wal"), ("c.db", "-shm"), ("d.db", "-bell")):
        (tmp_path / f"{name}{ending}").symlink_to(target)
        with pytest.raises(StateError):
            cache(tmp_path / name)
    (tmp_path / "e.db").mkdir()
    with pytest.raises(StateError, match="not a plain file"):
        cache(tmp_path / "e.db")
    with pytest.raises(StateError, match="folder"):
        cache(tmp_path / "nowhere" / "cache.db")
    assert target.read_bytes() == b""


def test_a_truncated_file_is_moved_aside_with_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "cache.db"
    fill(path, 200)
    whole = path.read_bytes()
    aside = 0
    for share in (1, 4, 16, 40):
        path.write_bytes(whole[: len(whole) * share // 48 // 512 * 512])
        caplog.clear()
        with caplog.at_level(logging.WARNING, "tierkit"), cache(path) as found:
            for number in range(200):
                hit = found.get(namespace="acme", key=b"%d" % number)
                assert hit is None or hit.value == b"value %d" % number
            found.put(namespace="acme", key=b"after", value=b"v", ttl_s=60)
        moved = [record for record in caplog.records if "moved to" in record.message]
        assert len(moved) <= 1
        aside += len(moved)
        with cache(path) as found:
            assert found.get(namespace="acme", key=b"after") is not None
    assert aside >= 3
    assert len(list(tmp_path.glob("cache.db.damaged*"))) >= 3
    (tmp_path / "empty.db").write_bytes(b"")
    with cache(tmp_path / "empty.db") as found:
        assert len(found) == 0


def test_no_flipped_byte_gives_a_wrong_answer(tmp_path: Path) -> None:
    import random

    path, seed = tmp_path / "cache.db", 20_240
    fill(path, 30)
    whole, chance = path.read_bytes(), random.Random(seed)
    hits = refused = 0
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 1, 8))):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        for file in tmp_path.iterdir():
            file.unlink()
        path.write_bytes(damaged)
        try:
            with cache(path) as found:
                for number in range(30):
                    hit = found.get(namespace="acme", key=b"%d" % number)
                    assert hit is None or hit.value == b"value %d" % number, seed
                    hits += hit is not None
                    assert found.get(namespace="other", key=b"%d" % number) is None
        except StateError:
            refused += 1
    assert hits > 150 * 30 * 0.8
    assert refused < 40


def test_a_row_that_was_changed_is_dropped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    fill(path, 8)
    sql(path, "UPDATE entry SET row = substr(row, 1, 40) WHERE key = CAST('0' AS BLOB)")
    sql(path, "UPDATE entry SET key = CAST('9' AS BLOB) WHERE key = CAST('1' AS BLOB)")
    sql(path, "UPDATE entry SET part = CAST('sinitech' AS BLOB) WHERE key = CAST('2' AS BLOB)")
    sql(path, "UPDATE entry SET expires_ns = expires_ns + 1 WHERE key = CAST('3' AS BLOB)")
    sql(path, "UPDATE entry SET value = CAST('evil' AS BLOB) WHERE key = CAST('4' AS BLOB)")
    with cache(path) as found:
        assert found.stats()["damaged"] == 4
        for number in range(5):
            assert found.get(namespace="acme", key=b"%d" % number) is None
        assert found.get(namespace="acme", key=b"9") is None
        assert found.get(namespace="initech", key=b"2") is None
        assert found.stats()["lost"] == 1
        assert found.get(namespace="acme", key=b"5") is not None
    assert sql(path, "SELECT count(*) FROM entry")[0][0] <= 4


def test_a_program_that_just_ends_keeps_what_it_put(tmp_path: Path) -> None:
    program = (
        "import sys, tierkit as tk\n"
        "cache = tk.SemanticCache(path=sys.argv[1])\n"
        "cache.put(namespace='a', key=b'k', value=b'v', ttl_s=60)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "cache.db")], check=True, timeout=60)
    with cache(tmp_path / "cache.db") as found:
        assert found.get(namespace="a", key=b"k") is not None


def test_a_full_disk_stops_no_caller(tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounts a file system of 1 MB, which needs root")
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], check=False)
    if mounted.returncode:
        pytest.skip("this machine does not let tests mount")
    try:
        with cache(place / "cache.db") as found:
            for number in range(60):
                found.put(namespace="a", key=b"%d" % number, value=bytes(50_000), ttl_s=60)
                assert found.get(namespace="a", key=b"%d" % number) is not None
            with pytest.raises(StateError, match="full"):
                found.flush()
            assert found.stats()["faults"] >= 1
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)
