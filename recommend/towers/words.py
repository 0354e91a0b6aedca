"""Texts as rows of word pieces, by the tokenizer of the embedding model. Unknown ones are left out."""

from collections.abc import Sequence

import numpy as np
from django.conf import settings
from tokenizers import Tokenizer

from recommend.retrieval.embedding import find_files

MAX_PIECES = 24  # of a text; titles and tags are short


def pieces_of(texts: Sequence[str]) -> np.ndarray:
    """The tokenizer's ids of all pieces of these texts, sorted, each once."""
    found = _split(texts)
    return np.unique(np.concatenate([np.empty(0, dtype=np.int64), *found]))


def codes(texts: Sequence[str], pieces: np.ndarray) -> np.ndarray:
    """(n, MAX_PIECES) int64: 1 + the place of each piece in `pieces`; 0 fills up."""
    rows = np.zeros((len(texts), MAX_PIECES), dtype=np.int64)
    for row, found in zip(rows, _split(texts), strict=True):
        known = found[np.isin(found, pieces)]
        row[: len(known)] = 1 + np.searchsorted(pieces, known)
    return rows


def _split(texts: Sequence[str]) -> list[np.ndarray]:
    tokenizer = Tokenizer.from_file(str(find_files(settings.EMBEDDING_MODEL_DIR).tokenizer))
    tokenizer.enable_truncation(MAX_PIECES)
    tokenizer.no_padding()
    found = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    return [np.array(one.ids, dtype=np.int64) for one in found]
