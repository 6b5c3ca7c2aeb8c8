"""The embedder in the package: spelling-aware vectors without a model or a download."""

from __future__ import annotations

from tierkit import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["DIM", "embed", "embed_many"]

DIM = 256
"""Values per vector."""


def embed_many(texts: list[str]) -> NDArray[np.float32]:
    """Embed texts as hashed words and character 3- to 5-grams.

    It knows spelling, not meaning: near-duplicates come close, paraphrases in other words do not. A text without a
    letter or digit, "" included, is the first axis, (1, 0, 0, ...).

    Args:
        texts: Any strings; lone surrogates count as the replacement character.

    Returns:
        Unit-norm vectors. Shapes: (len(texts), 256), float32, C-contiguous, writable.

    Raises:
        ConfigError: An item is no str.

    Units: Dot products of two rows are cosines.
    Cost: O(len(text)), about 0.02 µs per character, detached from the interpreter; memory does not depend on the text.
    Source: Weinberger et al. 2009 (signed feature hashing); Bojanowski et al. 2017 (character n-grams inside words).

    Example:
        >>> from tierkit.cache import embed_many
        >>> vectors = embed_many(["How do I boil an egg?", "how do i boil eggs"])
        >>> vectors.shape, bool(vectors[0] @ vectors[1] > 0.5)
        ((2, 256), True)

    """
    import numpy as np  # noqa: PLC0415 - `import tierkit` must not load numpy

    return np.frombuffer(_core.embed_many(texts), dtype=np.float32).reshape(len(texts), DIM)


def embed(text: str) -> NDArray[np.float32]:
    """Embed one text; see `embed_many`.

    Returns:
        A unit-norm vector. Shapes: (256,), float32.

    Example:
        >>> from tierkit.cache import embed
        >>> embed("").tolist()[:2]
        [1.0, 0.0]

    """
    vector: NDArray[np.float32] = embed_many([text])[0]
    return vector
