"""The user tower beside co-occurrence: one collaborative score of two. Pure numpy."""

import numpy as np


def blend(votes: np.ndarray, scores: np.ndarray, is_taken: np.ndarray, weight: float) -> np.ndarray:
    """Votes, with those for new items mixed with what the tower says: (..., n), 0 to 1.

    votes     of co-occurrence, at least 0; the best becomes 1
    scores    of the user tower, of any sign; they count as exp(scores), the softmax of the training but for its sum
    is_taken  what the shopper took before. There the votes stay: towers learn what is taken for the first time
    weight    of the tower, 0 to 1

    The tower's best new item is put level with the new one of most votes: it says which new items come first, and the
    votes how much these count beside what comes back.

    >>> blend(np.array([4.0, 2.0, 0.0]), np.array([9.0, 1.0, 1.0]), np.array([True, False, False]), 0.5).tolist()
    [1.0, 0.5, 0.25]
    """
    most = votes.max(axis=-1, keepdims=True)
    voted = votes / np.where(most > 0, most, 1.0)
    level = np.where(is_taken, 0.0, voted).max(axis=-1, keepdims=True)
    best = np.where(is_taken, -np.inf, scores).max(axis=-1, keepdims=True)
    # Of what was taken scores may be above the best new one; they are not used, and must not overflow.
    said = np.exp(np.minimum(scores - np.where(np.isfinite(best), best, 0.0), 0.0)) * np.where(level > 0, level, 1.0)
    found: np.ndarray = np.where(is_taken, voted, (1 - weight) * voted + weight * said)
    return found
