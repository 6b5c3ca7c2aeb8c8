"""Whole semantic lookups beside whole caches, in one process: the text, the search, the decision and the answer.

    python benches/peers_semantic.py --json [--rows 10000]

Each question here hits: the stored one in other words. GPTCache runs with faiss and sqlite. redisvl's `check` runs on
two stores that take no time to search: a process that speaks the protocol of Redis over a Unix socket and answers with
one found document (`resp_stub.py`), and, harsher, a stub in place of redis-py that finds nothing, so that no command is
packed, sent or read. Vectors are given, no encoder is timed. A peer that cannot be imported is left out, and the bench
says so.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple
from unittest.mock import MagicMock

from peers_cache import CLOSE, case, data, in_turns
from resp_stub import ANSWER

import tierkit as tk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

DIM = 384


def main() -> None:
    """Run the cases and print a table or JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--json", action="store_true", help="print one JSON list")
    options.add_argument("--rows", type=int, default=10_000)
    asked = options.parse_args()
    rows, queries = data(asked.rows, DIM, None)
    ours, questions = _ours(rows), _asked(rows, queries)
    found = []
    for name, needs, make in PEERS:
        try:
            for module in (name, *needs):
                importlib.import_module(module)
        except ImportError as missing:
            sys.stderr.write(f"SKIPPED: {name}: {missing}\n")
            continue
        with tempfile.TemporaryDirectory() as directory, make(rows, directory) as (title, search):
            ours_us, theirs_us = in_turns(ours, search, questions)
        version = f"{name} {importlib.metadata.version(name)} {title}"
        found.append(case(f"whole lookup {asked.rows}x{DIM}", ours_us, version, theirs_us))
    if asked.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    for line in found:
        sys.stdout.write("  ".join(f"{name} {value}" for name, value in line.items()) + "\n")


class Question(NamedTuple):
    """What is asked: a vector near one row, and the text of that row in other words."""

    vector: Matrix
    text: str


Ask = Callable[[Question], int]


def _asked(rows: Matrix, queries: Matrix) -> list[Question]:
    """The questions, each about the row that is nearest to it."""
    nearest = ((query, int((rows @ query).argmax())) for query in queries)
    return [Question(query, f"how can I reset the password of account {row}") for query, row in nearest]


def _ours(rows: Matrix) -> Ask:
    """Our cache, with a text for every entry."""
    cache = tk.SemanticCache(dim=DIM, capacity=len(rows) + 1, capacity_bytes=1 << 34)
    for at, row in enumerate(rows):
        text = f"How do I reset the password of account {at}?"
        key = at.to_bytes(4, "little")
        cache.put(namespace="a", key=key, text=text, embedding=row, value=ANSWER.encode(), ttl_s=3600)

    def ask(question: Question) -> int:
        hit = cache.get(namespace="a", key=b"?", text=question.text, embedding=question.vector, min_similarity=CLOSE)
        if hit is None:
            raise AssertionError(f"no hit: {question.text}")
        return len(hit.value)

    return ask


@contextmanager
def _gptcache(rows: Matrix, directory: str) -> Iterator[tuple[str, Ask]]:
    manager = importlib.import_module("gptcache.manager")
    api = importlib.import_module("gptcache.adapter.api")
    distance = importlib.import_module("gptcache.similarity_evaluation.distance")
    cache = importlib.import_module("gptcache").Cache()
    scalar = manager.CacheBase("sqlite", sql_url=f"sqlite:///{os.path.join(directory, 'cache.db')}")  # noqa: PTH118 - a URL
    index = manager.VectorBase("faiss", dimension=DIM, index_path=os.path.join(directory, "faiss.index"))  # noqa: PTH118
    store = manager.get_data_manager(scalar, index, max_size=len(rows) + 1)
    current: list[Matrix] = [rows[0]]
    cache.init(
        pre_embedding_func=lambda data, **_: data["prompt"],
        embedding_func=lambda _prompt, **_: current[0],
        data_manager=store,
        similarity_evaluation=distance.SearchDistanceEvaluation(),
    )
    store.import_data(
        [f"question {at}" for at in range(len(rows))], [ANSWER] * len(rows), list(rows), [None] * len(rows)
    )

    def ask(question: Question) -> int:
        current[0] = question.vector
        return len(api.get("a question", cache_obj=cache) or "")

    yield "faiss + sqlite", ask


@contextmanager
def _redisvl_socket(_rows: Matrix, directory: str) -> Iterator[tuple[str, Ask]]:
    llm = importlib.import_module("redisvl.extensions.cache.llm")
    vectorize = importlib.import_module("redisvl.utils.vectorize.custom")
    socket = os.path.join(directory, "redis")  # noqa: PTH118 - a socket, not a file
    command = [sys.executable, str(pathlib.Path(__file__).with_name("resp_stub.py")), socket]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        if server.stdout is None or server.stdout.readline() != b"ready\n":
            raise AssertionError("the stub of Redis does not start")
        redis = importlib.import_module("redis").Redis(unix_socket_path=socket, protocol=2)
        cache = llm.SemanticCache(
            redis_client=redis,
            vectorizer=vectorize.CustomVectorizer(embed=lambda _text: [1.0] * DIM),
            create_index=False,
        )

        def ask(question: Question) -> int:
            return len(cache.check(vector=question.vector.tolist())[0]["response"])

        ping = [_timed(redis.ping) for _ in range(1000)]
        yield f"check, zero-time server on a Unix socket (PING {statistics.median(ping):.0f} µs)", ask
        redis.close()


def _timed(work: Callable[[], object]) -> float:
    """Microseconds of one call."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e6


@contextmanager
def _redisvl_alone(_rows: Matrix, _directory: str) -> Iterator[tuple[str, Ask]]:
    llm = importlib.import_module("redisvl.extensions.cache.llm")
    schema = importlib.import_module("redisvl.extensions.cache.llm.schema").SemanticCacheIndexSchema
    client = MagicMock()
    nothing = importlib.import_module("redis.commands.search.result").Result([0], hascontent=False)
    client.ft.return_value.search = lambda *_, **__: nothing
    made = object.__new__(llm.SemanticCache)
    shape = schema.from_params("bench", "bench", DIM, "float32")
    index = importlib.import_module("redisvl.index").SearchIndex(schema=shape, redis_client=client)
    parts = (index, MagicMock(dtype="float32", dims=DIM), 0.1, None)
    for name, value in zip(("_index", "_vectorizer", "_distance_threshold", "_ttl"), parts, strict=True):
        setattr(made, name, value)
    made.return_fields = ["prompt", "response"]

    def ask(question: Question) -> int:
        return len(made.check(vector=question.vector.tolist()))

    yield "check, no redis-py and nothing found", ask


PEERS: tuple[tuple[str, tuple[str, ...], Callable[[Matrix, str], AbstractContextManager[tuple[str, Ask]]]], ...] = (
    ("gptcache", ("faiss", "sqlalchemy"), _gptcache),
    ("redisvl", (), _redisvl_socket),
    ("redisvl", (), _redisvl_alone),
)

if __name__ == "__main__":
    main()
