"""The cache beside its peers, in one run and one process: times of one lookup and one insert, bytes, and recall.

    python benches/peers_cache.py --json [--rows 10000 --rows 100000] [--vectors real.npy] [--peer faiss]

A peer that cannot be imported is left out, and that is said on standard error; at a million rows `--peer faiss` saves
the long time that a graph takes to build. `--vectors` takes a float32 matrix of real embeddings; without it they are
made in clusters. Our lookups go through `SemanticCache.get` with everything it does; peers are asked for the bare
nearest row; `peers_semantic.py` times whole lookups.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

import tierkit as tk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

QUERIES = 300
CLOSE = 0.80
PEERS = ("numpy", "faiss", "hnswlib", "usearch")
ONE = 1
Q = TypeVar("Q")


def main() -> None:
    """Run the cases and print a table or JSON."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--json", action="store_true", help="print one JSON list")
    options.add_argument("--rows", type=int, action="append", help="rows per case; may be repeated")
    options.add_argument("--dim", type=int, default=384)
    options.add_argument("--vectors", help="a .npy file of real embeddings")
    options.add_argument("--peer", action="append", choices=PEERS, help="compare with this one only; may be repeated")
    asked = options.parse_args()
    named = asked.peer or list(PEERS)
    found = [case for rows in asked.rows or [10_000, 100_000] for case in cases(rows, asked.dim, asked.vectors, named)]
    found += exact_case()
    if asked.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    for case in found:
        sys.stdout.write("  ".join(f"{name} {value}" for name, value in case.items()) + "\n")


def cases(count: int, dim: int, path: str | None, named: list[str]) -> Iterator[dict[str, Any]]:
    """Lookup, insert and bytes at one size."""
    rows, queries = data(count, dim, path)
    count = len(rows)
    exact = [rows @ query for query in queries]
    cache, insert_us = filled(rows)

    def ask(query: Matrix) -> int:
        hit = cache.get(namespace="a", key=b"?", embedding=query, min_similarity=CLOSE - 0.01)
        return -1 if hit is None else int.from_bytes(hit.value, "little")

    recall = share(ask, queries, exact)
    for name, made in peers(rows, named):
        ours, theirs = in_turns(ask, made.search, queries)
        yield case(f"lookup {count}x{rows.shape[1]}", ours, name, theirs, (recall, share(made.search, queries, exact)))
        if made.insert_us:
            yield case(f"insert {count}x{rows.shape[1]}", insert_us, name, made.insert_us)
        if made.bytes:
            ours_bytes = row_bytes(rows.shape[1])
            yield {
                "case": f"bytes per vector {rows.shape[1]}",
                "ours_bytes": ours_bytes,
                "peer": name,
                "peer_bytes": made.bytes,
                "ratio": round(ours_bytes / made.bytes, 3),
            }


def case(
    name: str, ours_us: float, peer: str, peer_us: float, recall: tuple[Any, Any] = (None, None)
) -> dict[str, Any]:
    """One line of the report; `ratio` is how many times faster we are."""
    times = {"ours_us": round(ours_us, 2), "peer": peer, "peer_us": round(peer_us, 2)}
    ratio = round(peer_us / ours_us, 2)
    return {"case": name, **times, "ratio": ratio, "recall": recall[0], "peer_recall": recall[1]}


def data(count: int, dim: int, path: str | None) -> tuple[Matrix, Matrix]:
    """Rows and queries near some of them, all of length one."""
    rng = np.random.default_rng(7)
    if path is not None:
        real = np.load(path).astype(np.float32)
        rng.shuffle(real)
        queries, rows = real[:QUERIES], real[QUERIES : QUERIES + count]
    else:
        centres = rng.standard_normal((max(count // 20, 1), dim))
        rows = (centres[rng.integers(len(centres), size=count)] + 0.6 * rng.standard_normal((count, dim))).astype("f4")
        queries = rows[rng.integers(count, size=QUERIES)] + 0.4 * rng.standard_normal((QUERIES, dim)).astype("f4")
    return unit(rows), unit(queries)


def unit(rows: Matrix) -> Matrix:
    """Rows of length one."""
    scaled: Matrix = np.ascontiguousarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)
    return scaled


def filled(rows: Matrix) -> tuple[tk.SemanticCache, float]:
    """Our cache with all rows, and the microseconds of one put through the public door."""
    cache = tk.SemanticCache(dim=rows.shape[1], capacity=len(rows) + 1, capacity_bytes=1 << 34)
    began = time.perf_counter()
    for at, row in enumerate(rows):
        key = at.to_bytes(4, "little")
        cache.put(namespace="a", key=key, embedding=row, value=key, ttl_s=3600)
    return cache, (time.perf_counter() - began) / len(rows) * 1e6


def row_bytes(dim: int) -> int:
    """What a vector adds to an entry, as the cache itself accounts it."""
    cache, sizes = tk.SemanticCache(dim=dim), [0]
    for embedding in (None, np.ones(dim, np.float32)):
        cache.put(namespace="a", key=b"k", embedding=embedding, value=b"", ttl_s=60)
        sizes.append(cache.stats()["bytes"])
    return sizes[2] - sizes[1]


def share(search: Callable[[Matrix], int], queries: Matrix, exact: list[Matrix]) -> float | None:
    """Recall@1 over queries whose best cosine is 0.80 or more; rows equal in f32 count as one."""
    right = [
        found >= 0 and bool(scores[found] >= scores.max() - 1e-6)
        for found, scores in ((search(query), scores) for query, scores in zip(queries, exact, strict=True))
        if scores.max() >= CLOSE
    ]
    return round(sum(right) / len(right), 4) if right else None


def in_turns(ours: Callable[[Q], int], theirs: Callable[[Q], int], queries: Iterable[Q]) -> tuple[float, float]:
    """Median microseconds of both, asked in turns so that a slow second counts for both."""
    times: tuple[list[float], list[float]] = ([], [])
    for query in queries:
        for search, seen in zip((ours, theirs), times, strict=True):
            search(query)
            began = time.perf_counter()
            search(query)
            seen.append(time.perf_counter() - began)
    return float(np.median(times[0])) * 1e6, float(np.median(times[1])) * 1e6


class Peer:
    """A filled peer: how to search it, what one insert took, and its bytes per vector."""

    def __init__(self, search: Callable[[Matrix], int], insert_us: float = 0, size: int = 0) -> None:
        """Keep the parts."""
        self.search, self.insert_us, self.bytes = search, insert_us, size


def peers(rows: Matrix, named: list[str]) -> Iterator[tuple[str, Peer]]:
    """Every named peer that is here, filled with the rows."""
    if "numpy" in named:
        yield f"numpy {np.__version__} f32", Peer(lambda query: int((rows @ query).argmax()))
    for name, make in (("faiss", _faiss), ("hnswlib", _hnswlib), ("usearch", _usearch)):
        if name not in named:
            continue
        try:
            module = importlib.import_module(name)
        except ImportError:
            sys.stderr.write(f"SKIPPED: {name} cannot be imported; pip install it to compare\n")
            continue
        for title, peer in make(module, rows):
            yield f"{name} {getattr(module, '__version__', '')} {title}".replace("  ", " "), peer


def _faiss(faiss: Any, rows: Matrix) -> Iterator[tuple[str, Peer]]:
    faiss.omp_set_num_threads(ONE)
    flat = faiss.IndexFlatIP(rows.shape[1])
    flat.add(rows)
    yield "flat f32", Peer(lambda query: int(flat.search(query[None], 1)[1][0, 0]))
    lists = max(64, int(2 * len(rows) ** 0.5))
    ivf = faiss.index_factory(rows.shape[1], f"IVF{lists},SQ8", faiss.METRIC_INNER_PRODUCT)
    began = time.perf_counter()
    ivf.train(rows)
    ivf.add(rows)
    ivf.nprobe = 16
    insert_us = (time.perf_counter() - began) / len(rows) * 1e6
    yield "IVF-SQ8 np16", Peer(lambda query: int(ivf.search(query[None], 1)[1][0, 0]), insert_us)


def _hnswlib(hnswlib: Any, rows: Matrix) -> Iterator[tuple[str, Peer]]:
    index = hnswlib.Index(space="ip", dim=rows.shape[1])
    index.init_index(max_elements=len(rows), M=16, ef_construction=200)
    index.set_ef(64)
    index.set_num_threads(ONE)
    began = time.perf_counter()
    index.add_items(rows, num_threads=ONE)
    insert_us = (time.perf_counter() - began) / len(rows) * 1e6
    size = index.index_file_size() // len(rows)
    yield "M16 ef64", Peer(lambda query: int(index.knn_query(query, k=1, num_threads=ONE)[0][0, 0]), insert_us, size)


def _usearch(_usearch: Any, rows: Matrix) -> Iterator[tuple[str, Peer]]:
    index = importlib.import_module("usearch.index").Index(ndim=rows.shape[1], metric="ip", dtype="i8")
    began = time.perf_counter()
    index.add(np.arange(len(rows)), rows, threads=ONE)
    insert_us = (time.perf_counter() - began) / len(rows) * 1e6
    yield "HNSW i8", Peer(lambda query: int(index.search(query, 1, threads=ONE).keys[0]), insert_us)


def exact_case() -> list[dict[str, Any]]:
    """An exact hit with canonical form and hash, beside LiteLLM's local cache."""
    keyer, cache = tk.cache.CacheKeyer(bytes(32)), tk.SemanticCache()
    messages = [{"role": "system", "content": "Be brief. " * 20}, {"role": "user", "content": "Why is the sky blue?"}]
    partition, key, _ = keyer.keys(["acme"], "m", messages, {"temperature": 0})
    cache.put(namespace=partition, key=key, value=b"x" * 1500, ttl_s=3600)

    def ours(_: Any) -> int:
        partition, key, _text = keyer.keys(["acme"], "m", messages, {"temperature": 0})
        return len(cache.get(namespace=partition, key=key).value)  # type: ignore[union-attr]

    try:
        caching = importlib.import_module("litellm.caching.caching")
    except ImportError:
        sys.stderr.write("SKIPPED: litellm cannot be imported; pip install it to compare exact hits\n")
        return []
    local = caching.Cache(type="local")
    asked = {"model": "m", "messages": messages, "temperature": 0}
    local.add_cache("x" * 1500, **asked)
    dummy = np.zeros((QUERIES, 1), np.float32)
    ours_us, theirs_us = in_turns(ours, lambda _: len(local.get_cache(**asked) or ""), dummy)
    return [case("exact hit", ours_us, "litellm local", theirs_us, (1.0, 1.0))]


if __name__ == "__main__":
    main()
