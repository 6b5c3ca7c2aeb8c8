"""A small attention model over hashed sub-words, to see whether reading in order carries over better than counting.

    pip install jax
    python training/attention.py path/to/train.jsonl.gz scores.npz [--layers 2]

Three heads: difficulty, gap, length of the answers. It lost (CANDIDATES.md), so jax is no dependency of the project;
the scores go to `training/candidates.py --attention`. Some ten minutes on one core.
"""

from __future__ import annotations

import argparse
import zlib
from pathlib import Path
from typing import Any

import evaluate
import jax
import jax.numpy as jnp
import numpy as np
import ridge
import rows as data
from other_targets import other_targets

WIDTH, HEADS, BUCKETS, TOKENS = 64, 4, 8192, 64
EPOCHS, BATCH, RATE, DROPPED = 5, 64, 1e-3, 0.2
HEAD_WEIGHTS = (1.0, 0.5, 0.5)
NAMES = ("difficulty", "gap", "length of the answers")


def read(prompts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Give hashed words, the first and the last ones of a long prompt, and a mask. Shapes: (n, TOKENS)."""
    ids, mask = np.zeros((len(prompts), TOKENS), np.int32), np.zeros((len(prompts), TOKENS), np.float32)
    for row, prompt in enumerate(prompts):
        words = prompt.lower().split()
        kept = words if len(words) <= TOKENS else words[: TOKENS // 2] + words[-TOKENS // 2 :]
        ids[row, : len(kept)] = [zlib.crc32(word.encode()) % BUCKETS for word in kept]
        mask[row, : len(kept)] = 1
    return ids, mask


def made(key: Any, layers: int) -> dict[str, Any]:
    """Draw the weights."""
    keys = iter(jax.random.split(key, 3 + 4 * layers))

    def draw(*shape: int, spread: float = 0.02) -> Any:
        return jax.random.normal(next(keys), shape) * spread

    start = {"table": draw(BUCKETS, WIDTH), "place": draw(TOKENS, WIDTH), "out": draw(WIDTH, 3, spread=0.16)}
    root = WIDTH**-0.5
    blocks = [
        {
            "qkv": draw(WIDTH, 3 * WIDTH, spread=root),
            "join": draw(WIDTH, WIDTH, spread=root),
            "up": draw(WIDTH, 2 * WIDTH, spread=root),
            "down": draw(2 * WIDTH, WIDTH, spread=root),
        }
        for _ in range(layers)
    ]
    return {**start, "blocks": blocks}


def normal(x: Any) -> Any:
    """Centre and scale over the width."""
    return (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-5)


def run(weights: dict[str, Any], ids: Any, mask: Any, key: Any = None) -> Any:
    """Score a batch; with a key some values are dropped. Shape: (n, 3)."""
    keys = iter([None] * 99 if key is None else jax.random.split(key, 1 + 2 * len(weights["blocks"])))

    def dropped(x: Any) -> Any:
        key = next(keys)
        return x if key is None else jnp.where(jax.random.bernoulli(key, 1 - DROPPED, x.shape), x / (1 - DROPPED), 0.0)

    x = dropped(weights["table"][ids] + weights["place"])
    for block in weights["blocks"]:
        parts = jnp.split(normal(x) @ block["qkv"], 3, -1)
        query, place, value = (part.reshape(*x.shape[:2], HEADS, -1).transpose(0, 2, 1, 3) for part in parts)
        heat = query @ place.transpose(0, 1, 3, 2) / np.sqrt(WIDTH // HEADS)
        seen = jax.nn.softmax(jnp.where(mask[:, None, None, :] > 0, heat, -1e9), -1) @ value
        x += dropped(seen.transpose(0, 2, 1, 3).reshape(x.shape) @ block["join"])
        x += dropped(jax.nn.gelu(normal(x) @ block["up"]) @ block["down"])
    return (x * mask[..., None]).sum(1) / jnp.maximum(mask.sum(1, keepdims=True), 1) @ weights["out"]


def loss(weights: dict[str, Any], batch: tuple[Any, ...], key: Any) -> Any:
    """Weighted squared error over the targets that are known."""
    ids, mask, target, weight = batch
    missed = jnp.where(jnp.isnan(target), 0.0, run(weights, ids, mask, key) - jnp.nan_to_num(target))
    return (missed**2 * weight[:, None] * jnp.array(HEAD_WEIGHTS)).sum() / weight.sum()


@jax.jit
def step(
    weights: Any, moments: tuple[Any, Any], at: int, batch: tuple[Any, ...], key: Any
) -> tuple[Any, tuple[Any, Any]]:
    """Take one step of Adam."""
    slope = jax.grad(loss)(weights, batch, key)
    mean = jax.tree.map(lambda old, new: 0.9 * old + 0.1 * new, moments[0], slope)
    square = jax.tree.map(lambda old, new: 0.98 * old + 0.02 * new * new, moments[1], slope)

    def moved(old: Any, one: Any, two: Any) -> Any:
        return old - RATE * ((one / (1 - 0.9**at)) / (jnp.sqrt(two / (1 - 0.98**at)) + 1e-8) + 0.01 * old)

    return jax.tree.map(moved, weights, mean, square), (mean, square)


def trained(parts: tuple[np.ndarray, ...], layers: int) -> Any:
    """Fit to rows. `parts`: ids, mask, targets, weights of the rows."""
    weights = made(jax.random.key(0), layers)
    moments, at = (jax.tree.map(jnp.zeros_like, weights),) * 2, 0
    generator = np.random.default_rng(0)
    for _ in range(EPOCHS):
        order = generator.permutation(len(parts[0]))
        for begin in range(0, len(order) - BATCH + 1, BATCH):
            at += 1
            some = order[begin : begin + BATCH]
            weights, moments = step(weights, moments, at, tuple(part[some] for part in parts), jax.random.key(at))
    return weights


def main() -> None:
    """Leave out each family, train, score it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="train.jsonl.gz")
    parser.add_argument("out", type=Path, help="scores.npz")
    parser.add_argument("--layers", type=int, default=2)
    asked = parser.parse_args()
    rows = data.load(asked.data)
    ids, mask = read(rows.prompts)
    lengths = other_targets(asked.data, rows)["length of the answers"]
    target = np.column_stack([evaluate.targets(rows), lengths])
    scores, fitted = np.empty((len(ids), 3)), {}
    for family in np.unique(rows.family):
        kept, out = np.flatnonzero(rows.clear & (rows.family != family)), np.flatnonzero(rows.family == family)
        if kept.tobytes() not in fitted:
            parts = (ids[kept], mask[kept], target[kept], ridge.row_weights(rows.source[kept]))
            fitted[kept.tobytes()] = trained(parts, asked.layers)
        for some in np.array_split(out, len(out) // 256 + 1):
            scores[some] = run(fitted[kept.tobytes()], ids[some], mask[some])
    np.savez(asked.out, **{f"attention, {asked.layers} layers, {name}": scores[:, at] for at, name in enumerate(NAMES)})


if __name__ == "__main__":
    main()
