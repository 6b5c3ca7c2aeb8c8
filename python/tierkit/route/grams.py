"""Sparse rows of grams in numpy: products and their kernel, without a package for sparse matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tierkit import _core

if TYPE_CHECKING:
    from typing import Any

__all__ = ["Grams", "weighted"]

BUCKETS = _core.WORD_BUCKETS + _core.CHAR_BUCKETS
# A gram of one prompt says nothing about another.
LEAST_PROMPTS = 2
_BLOCK = 2_048


class Grams(NamedTuple):
    """Rows of unit length over the grams that at least two prompts have.

    Shapes: ids (m,), the buckets, ascending; idf (m,); row, column, value (k,), one entry per gram and text; `rows`
    texts.
    """

    ids: Any
    idf: Any
    row: Any
    column: Any
    value: Any
    rows: int

    def times(self, weights: Any) -> Any:
        """Sum the weights of each row's grams. Shapes: (m,) to (rows,)."""
        import numpy as np  # noqa: PLC0415 - 150 ms, only paid by those who fit

        return np.bincount(self.row, self.value * weights[self.column], minlength=self.rows)

    def back(self, weights: Any) -> Any:
        """Sum the weights of each gram's rows. Shapes: (rows,) to (m,)."""
        import numpy as np  # noqa: PLC0415 - as above

        return np.bincount(self.column, self.value * weights[self.row], minlength=len(self.ids))

    def kernel(self) -> Any:
        """Return the cosine of every two rows, block by block of grams. Shape: (rows, rows)."""
        import numpy as np  # noqa: PLC0415 - as above

        found = np.zeros((self.rows, self.rows), dtype=np.float32)
        order = np.argsort(self.column, kind="stable")
        edges = np.searchsorted(self.column[order], np.arange(0, len(self.ids) + _BLOCK, _BLOCK))
        for begin, low, high in zip(range(0, len(self.ids), _BLOCK), edges[:-1], edges[1:], strict=False):
            some = order[low:high]
            block = np.zeros((self.rows, _BLOCK), dtype=np.float32)
            block[self.row[some], self.column[some] - begin] = self.value[some]
            found += block @ block.T
        return found.astype(float)

    def take(self, count: int) -> Grams:
        """Keep the first rows."""
        kept = self.row < count
        return self._replace(row=self.row[kept], column=self.column[kept], value=self.value[kept], rows=count)


def weighted(ids: bytes, tf: bytes, row: bytes, rows: int) -> Grams:
    """Weigh the buffers of `features` by rarity, and give each row length one.

    Source: Salton and Buckley 1988, "Term-weighting approaches in automatic text retrieval".
    """
    import numpy as np  # noqa: PLC0415 - as above

    bucket, place = np.frombuffer(ids, np.int64), np.frombuffer(row, np.int64)
    prompts = np.bincount(bucket, minlength=BUCKETS)
    known = prompts >= LEAST_PROMPTS
    idf = np.log((1 + rows) / (1 + prompts[known])) + 1
    kept = known[bucket]
    column = (np.cumsum(known) - 1)[bucket[kept]]
    value = np.frombuffer(tf, np.float32)[kept] * idf[column]
    length = np.sqrt(np.bincount(place[kept], value * value, minlength=rows))
    return Grams(
        np.flatnonzero(known), idf, place[kept], column, value / np.where(length > 0, length, 1.0)[place[kept]], rows
    )
