"""What a vector index does, whoever stores the vectors."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np


class Hit(NamedTuple):
    """A vector that was found: its key and its cosine to the query, -1 to 1."""

    key: int
    cosine: float


class VectorIndex(Protocol):
    """Unit vectors under integer keys, searched by cosine. Every implementation passes tests/…/test_vectors.py."""

    def upsert(
        self, keys: Sequence[int], vectors: np.ndarray, labels: Mapping[int, Collection[str]] | None = None
    ) -> None:
        """Store a vector for each key, over what was there; (n,) keys, (n, dimensions) vectors.

        labels  what a search may be limited to, by key; a key that is left out has none

        Raises ValueError where the shapes do not fit the index, or a vector is not finite or is all zeros.
        """

    def delete(self, keys: Collection[int]) -> None:
        """Take vectors out; a key that is not there is no error."""

    def search(self, queries: np.ndarray, k: int, *, labels: Collection[str] = ()) -> list[list[Hit]]:
        """Of each query (q, dimensions) at most the `k` nearest, nearest first.

        labels  only vectors that have one of them; none: all. Fewer than k are found only where there are not k, or,
                in an approximate index, where its limit on what a search reads is reached.

        Raises ValueError where the shape does not fit the index or k is below 1.
        """

    def __len__(self) -> int: ...


def checked(vectors: np.ndarray, dimensions: int) -> np.ndarray:
    """Unit vectors as float32, in the shape (n, dimensions). Raises ValueError as the contract says."""
    found = np.asarray(vectors, dtype=np.float32)
    if found.ndim != 2 or found.shape[1] != dimensions:
        raise ValueError(f"vectors have the shape {found.shape}, this index holds (n, {dimensions})")
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not (lengths > 0).all():
        raise ValueError("a vector is all zeros or not finite, so it has no direction to compare")
    unit: np.ndarray = found / lengths
    return unit
