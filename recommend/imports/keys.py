"""Keys of the outside world: texts that become row ids, and hashes that tell behaviours apart."""

import hashlib
from array import array
from collections.abc import Iterable
from typing import Any

import numpy as np
from django.db.backends.utils import CursorWrapper
from numpy.typing import NDArray

from recommend.imports.checks import Array

UUID_BYTES = np.dtype("V16")
MAX_KEY = 200


class KnownRows:
    """Ids of an external key's rows, looked up once for each distinct key and locked until the transaction ends.

    The lock is the one that a foreign key takes: nobody can delete the row, everything else goes on. Memory grows with
    the number of distinct keys, not of rows. Index 0 stands for "no key".
    """

    def __init__(self, cursor: CursorWrapper, table: str, column: str) -> None:
        self._cursor = cursor
        # Names come from this package's constants, never from a file.
        self._sql = f"SELECT {column}, id FROM {table} WHERE {column} = ANY(%s) ORDER BY id FOR KEY SHARE"  # noqa: S608
        self._index: dict[str, int] = {"": 0}
        self._ids = bytearray(16)
        self._hashes = array("Q", [0])

    def indexes(self, keys: Array) -> NDArray[np.int64]:
        """For each key its index into `ids` and `hashes`; -1 for a key that has no row."""
        encoded = keys.dictionary_encode()
        distinct = encoded.dictionary.to_pylist()
        self._look_up([key for key in distinct if key not in self._index])
        codes = np.array([self._index[key] for key in distinct], np.int64)
        return np.asarray(codes[encoded.indices.to_numpy(zero_copy_only=False)])

    def ids(self, indexes: NDArray[np.int64]) -> NDArray[np.void]:
        """The rows' ids, 16 bytes each; zeros for index 0."""
        return np.frombuffer(bytes(self._ids), UUID_BYTES)[indexes]

    def hashes(self, indexes: NDArray[np.int64]) -> NDArray[np.uint64]:
        """A hash of each key, the same in every database; 0 for index 0."""
        return np.array(self._hashes, np.uint64)[indexes]

    def _look_up(self, keys: list[str]) -> None:
        if not keys:
            return
        # PostgreSQL has no text with NUL, so no row has such a key.
        self._cursor.execute(self._sql, [[key for key in keys if "\0" not in key and len(key) <= MAX_KEY]])
        found = dict(self._cursor.fetchall())
        for key in keys:
            if key in found:
                self._index[key] = len(self._hashes)
                self._ids += found[key].bytes
                self._hashes.append(text_hash(key))
            else:
                self._index[key] = -1


def text_hash(text: str) -> int:
    """64 bits that stand for a text."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def text_hashes(texts: Array) -> NDArray[np.uint64]:
    """64 bits for each text, 0 for ""."""
    encoded = texts.dictionary_encode()
    hashes = np.array([text_hash(text) if text else 0 for text in encoded.dictionary.to_pylist()], np.uint64)
    return np.asarray(hashes[encoded.indices.to_numpy(zero_copy_only=False)])


def row_hashes(columns: Iterable[NDArray[np.generic]]) -> NDArray[np.int64]:
    """63 bits for each row of some columns of 64-bit values; order of columns matters.

    Each step is the finalizer of splitmix64 (Steele, Lea and Flood, 2014): every bit of the input moves every bit.
    """
    key: Any = np.uint64(0)
    for column in columns:
        mixed = (key ^ column.astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        key = mixed ^ (mixed >> np.uint64(31))
    return np.asarray(key >> np.uint64(1)).astype(np.int64)
