"""Whole semantic lookups beside whole caches, in one process: the text, the search, the decision and the answer.

    python benches/peers_semantic.py --json [--rows 10000]

GPTCache runs with faiss and sqlite; redisvl's `check` runs on a store that answers at once with nothing
found, so its time is that of the client alone. Vectors are given, no encoder is timed. A peer that cannot be imported
is left out, and the bench says so.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import tempfile
from typing import TYPE_CHECKING
from unittest.mock import MagicMock

from peers_cache import CLOSE, case, data, in_turns

import tierkit as tk

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

ANSWER = "x" * 1500
DIM = 384


def main() -> None:
    """Run the cases and print a table or JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--json", action="store_true", help="print one JSON list")
    options.add_argument("--rows", type=int, default=10_000)
    asked = options.parse_args()
    rows, queries = data(asked.rows, DIM, None)
    ours = _ours(rows)
    found = []
    for name, needs, make in (("gptcache", ("faiss", "sqlalchemy"), _gptcache), ("redisvl", (), _redisvl)):
        try:
            for module in (name, *needs):
                importlib.import_module(module)
        except ImportError as missing:
            sys.stderr.write(f"SKIPPED: {name}: {missing}\n")
            continue
        with tempfile.TemporaryDirectory() as directory:
            title, search = make(rows, directory)
            ours_us, theirs_us = in_turns(ours, search, queries)
        found.append(case(f"whole lookup {asked.rows}x{DIM}", ours_us, title, theirs_us))
    if asked.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    for line in found:
        sys.stdout.write("  ".join(f"{name} {value}" for name, value in line.items()) + "\n")


def _ours(rows: Matrix) -> Callable[[Matrix], int]:
    """Our cache, with a text for every entry and for every question."""
    cache = tk.SemanticCache(dim=DIM, capacity=len(rows) + 1, capacity_bytes=1 << 34)
    for at, row in enumerate(rows):
        text = f"How do I reset the password of account {at}?"
        key = at.to_bytes(4, "little")
        cache.put(namespace="a", key=key, text=text, embedding=row, value=ANSWER.encode(), ttl_s=3600)

    def ask(query: Matrix) -> int:
        question = "how can I reset the password of account 7"
        hit = cache.get(namespace="a", key=b"?", text=question, embedding=query, min_similarity=CLOSE)
        return 0 if hit is None else len(hit.value)

    return ask


def _gptcache(rows: Matrix, directory: str) -> tuple[str, Callable[[Matrix], int]]:
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

    def ask(query: Matrix) -> int:
        current[0] = query
        return len(api.get("a question", cache_obj=cache) or "")

    return "GPTCache faiss + sqlite", ask


def _redisvl(_rows: Matrix, _directory: str) -> tuple[str, Callable[[Matrix], int]]:
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

    def ask(query: Matrix) -> int:
        return len(made.check(vector=query.tolist()))

    return "redisvl check, zero-time store", ask


if __name__ == "__main__":
    main()
