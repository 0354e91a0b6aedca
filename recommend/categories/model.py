"""φ: multinomial logistic regression on sentence embeddings. Pure numpy.

The report says no more of φ than that it maps a tag to one of far fewer categories. On embeddings that know the words
already a linear model is enough: it is fitted without torch, and beats the nearest title (measured: docs/retrieval.md).
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

LEVELS = 2  # of a category path: the narrower ones are about as many as tags
EPOCHS = 12
BATCH_SIZE = 256
LEARNING_RATE = 0.05  # falls to zero in a line


class Category(NamedTuple):
    """A category, broadest name first, and how probable the model thinks it is, 0 to 1."""

    path: tuple[str, ...]
    probability: float


def category_at(path: Sequence[str]) -> tuple[str, ...]:
    """The category of an item with this path, in the terms in which texts are given one; () without a path.

    >>> category_at(["grocery", "canned fruit", "apple sauce"])
    ('grocery', 'canned fruit')
    """
    return tuple(path[:LEVELS])


@dataclass(frozen=True)
class CategoryModel:
    """The categories, and for each a column of `weights` (dimensions + 1, n_categories); the last row is the bias."""

    paths: tuple[tuple[str, ...], ...]
    weights: np.ndarray

    def probabilities(self, vectors: np.ndarray) -> np.ndarray:
        """Of each vector (n, dimensions) the probabilities of all categories: (n, n_categories)."""
        return _softmax(vectors @ self.weights[:-1] + self.weights[-1])

    def predict(self, vectors: np.ndarray) -> list[Category]:
        """Of each vector the most probable category."""
        found = self.probabilities(vectors)
        best = found.argmax(axis=1)
        return [Category(self.paths[one], float(row[one])) for one, row in zip(best, found, strict=True)]

    def to_bytes(self) -> bytes:
        """A compressed archive, as stored in the database."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, weights=self.weights.astype(np.float16), paths=np.array(json.dumps(self.paths)))
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            paths = tuple(tuple(path) for path in json.loads(str(stored["paths"])))
            return cls(paths, stored["weights"].astype(np.float32))


def fit(
    vectors: np.ndarray, labels: np.ndarray, times: np.ndarray, paths: Sequence[tuple[str, ...]], *, seed: int
) -> CategoryModel:
    """Fit by Adam, the same for the same seed.

    vectors  (n, dimensions) of the texts
    labels   (n,) numbers of their categories in `paths`
    times    (n,) how often a text is shown in each pass
    """
    rng = np.random.default_rng(seed)
    rows = np.repeat(np.arange(len(vectors)), times)
    inputs = np.column_stack([vectors, np.ones(len(vectors))]).astype(np.float32)
    weights = np.zeros((inputs.shape[1], len(paths)), dtype=np.float32)
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    n_steps = EPOCHS * -(-len(rows) // BATCH_SIZE)
    for step in range(n_steps):
        at = step % (n_steps // EPOCHS) * BATCH_SIZE
        if at == 0:
            rng.shuffle(rows)
        batch = rows[at : at + BATCH_SIZE]
        error = _softmax(inputs[batch] @ weights)
        error[np.arange(len(batch)), labels[batch]] -= 1.0
        gradient = inputs[batch].T @ error / len(batch)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient**2
        corrected = mean / (1 - 0.9 ** (step + 1)), square / (1 - 0.99 ** (step + 1))
        weights -= LEARNING_RATE * (1 - step / n_steps) * corrected[0] / (np.sqrt(corrected[1]) + 1e-8)
    return CategoryModel(tuple(paths), weights)


def _softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return shares
