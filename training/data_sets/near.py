"""Near duplicates: found by MinHash, each then verified by the exact Jaccard similarity. Pure.

Bands are queried low: two texts of similarity 0.5 meet with a probability of 0.72, of 0.8 with one of 0.99997. So what
is dropped is decided by the similarity itself, and the hashes only say which pairs are worth a look.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from zlib import crc32

import numpy as np

# Scripts without spaces between words are taken sign by sign.
_WORD = re.compile(r"[\u3040-\u9fff]|[^\W_\u3040-\u9fff]+")
SHINGLE = 3
BANDS, BAND_ROWS = 20, 4
# The largest prime below 2³², so that products stay within 64 bits.
PRIME = 4_294_967_291
# Of two equal bands, at most so many earlier texts are compared: one template must not make it quadratic.
MOST_COMPARED = 50


def shingles(text: str) -> np.ndarray:
    """A text's runs of three words as numbers, uint32 (shingles,), each once, rising; of a shorter text its words."""
    found = _WORD.findall(text.lower())
    runs = [" ".join(found[at : at + SHINGLE]) for at in range(max(1, len(found) - SHINGLE + 1))]
    # In an array: as Python's numbers those of a long history take many times the room.
    return np.unique(np.array([crc32(run.encode()) % PRIME for run in runs], np.uint32))


def jaccard(one: np.ndarray, other: np.ndarray) -> float:
    """Shared shingles of all shingles: 0 to 1.

    >>> jaccard(np.array([1, 2, 3]), np.array([2, 3, 4]))
    0.5
    """
    n_shared = len(np.intersect1d(one, other, assume_unique=True))
    return n_shared / (len(one) + len(other) - n_shared)


def near_duplicates(texts: Sequence[str], threshold: float, seed: int = 0) -> dict[int, int]:
    """{place: the earlier place that it repeats}; what is itself a repetition is not compared with.

    threshold  similarity from which a text repeats another, 0.5 to 1
    """
    rng = np.random.default_rng(seed)
    a = rng.integers(1, PRIME, BANDS * BAND_ROWS, dtype=np.uint64)
    b = rng.integers(0, PRIME, BANDS * BAND_ROWS, dtype=np.uint64)
    buckets: defaultdict[int, list[int]] = defaultdict(list)
    kept: dict[int, np.ndarray] = {}
    repeats: dict[int, int] = {}
    for place, text in enumerate(texts):
        own = shingles(text)
        bands = _bands(own, a, b)
        candidates = {other for band in bands for other in buckets[band][-MOST_COMPARED:]}
        same = next((other for other in sorted(candidates) if jaccard(own, kept[other]) >= threshold), None)
        if same is not None:
            repeats[place] = same
            continue
        kept[place] = own
        for band in bands:
            buckets[band].append(place)
    return repeats


def _bands(own: np.ndarray, a: np.ndarray, b: np.ndarray) -> list[int]:
    values = own.astype(np.uint64)  # (shingles,)
    hashes = ((values[:, None] * a + b) % np.uint64(PRIME)).min(axis=0)  # (bands · rows,)
    return [hash((number, row.tobytes())) for number, row in enumerate(hashes.reshape(BANDS, BAND_ROWS))]
