"""Trained towers, asked by ONNX Runtime."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self
from uuid import UUID

import numpy as np
import onnxruntime as ort

from recommend.towers import words
from recommend.towers.features import ItemRow, Vocabulary

TOWERS = ("user", "item", "tag")
SEQUENCE = 64  # the latest items of a kind whose mean a shopper is; training knows no more of them
_BATCH = 8192


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the user tower is asked about: known by id or by what they took, of each kind the items, oldest first."""

    shopper: UUID | None
    sequences: Mapping[str, Sequence[UUID]]


@dataclass(frozen=True)
class Towers:
    """Three networks, what their codes mean, and the vectors of the catalogue's items.

    networks                 name -> an ONNX model
    known_items, shoppers    (n,) 16-byte ids that have an embedding of their own
    kinds                    of behaviour, in the order that the user tower has them
    pieces, vocabulary       of titles and tags, of item features
    weight                   of the user tower beside co-occurrence in the collaborative arm, 0 to 1
    record                   how they were trained, and how good they were
    items, vectors           (m,) ids and (m, dimensions) of the catalogue; empty before `for_catalogue`
    """

    networks: Mapping[str, bytes]
    known_items: np.ndarray
    shoppers: np.ndarray
    kinds: tuple[str, ...]
    pieces: np.ndarray
    vocabulary: str
    weight: float
    record: Mapping[str, Any]
    items: np.ndarray
    vectors: np.ndarray

    def for_catalogue(self, catalogue: Sequence[ItemRow]) -> Self:
        """The same towers with the vectors of these items, which need not have been there when they were trained."""
        vocabulary = Vocabulary.from_json((bytes(item) for item in self.known_items.tolist()), self.vocabulary)
        codes = vocabulary.codes(catalogue)
        parts = [self._ask("item", codes=codes[at : at + _BATCH]) for at in range(0, len(codes), _BATCH)]
        ids = np.array([item.id for item in catalogue], dtype="V16")
        return replace(self, items=ids, vectors=np.concatenate([self.vectors[:0], *parts]))

    def user_scores(self, person: Person) -> np.ndarray:
        """h_u · h_v for every item: (m,), of any sign."""
        means = np.zeros((1, len(self.kinds), self.vectors.shape[1]), dtype=np.float32)
        for place, kind in enumerate(self.kinds):
            rows = [self.row_of[item.bytes] for item in person.sequences.get(kind, ()) if item.bytes in self.row_of]
            if rows:
                means[0, place] = self.vectors[rows[-SEQUENCE:]].mean(axis=0)
        code = self._shopper_codes.get(person.shopper.bytes, 0) if person.shopper else 0
        user = self._ask("user", shopper=np.array([code]), means=means)
        scores: np.ndarray = self.vectors @ user[0]
        return scores

    def tag_scores(self, tags: Sequence[str]) -> np.ndarray:
        """h_t · h_v of every tag and item: (tags, m)."""
        if not tags:
            return np.zeros((0, len(self.vectors)), dtype=np.float32)
        scores: np.ndarray = self._ask("tag", words=words.codes(tags, self.pieces)) @ self.vectors.T
        return scores

    @cached_property
    def row_of(self) -> Mapping[bytes, int]:
        """The row in `items` of an id."""
        return {bytes(item): row for row, item in enumerate(self.items.tolist())}

    @cached_property
    def _shopper_codes(self) -> Mapping[bytes, int]:
        return {bytes(shopper): code for code, shopper in enumerate(self.shoppers.tolist(), start=1)}

    @cached_property
    def _sessions(self) -> dict[str, ort.InferenceSession]:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        return {
            name: ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            for name, model in self.networks.items()
        }

    def _ask(self, tower: str, **inputs: np.ndarray) -> np.ndarray:
        found: np.ndarray = self._sessions[tower].run(None, inputs)[0]
        return found

    def to_bytes(self) -> bytes:
        """An archive, as it lies in a file and in the database. Vectors are kept in half precision."""
        arrays: dict[str, Any] = {
            "known_items": self.known_items,
            "shoppers": self.shoppers,
            "kinds": np.array(self.kinds),
            "pieces": self.pieces,
            "vocabulary": np.array(self.vocabulary),
            "weight": np.array(self.weight),
            "record": np.array(json.dumps(self.record)),
            "items": self.items,
            "vectors": self.vectors.astype(np.float16),
        }
        arrays |= {f"{name}_onnx": np.frombuffer(self.networks[name], dtype=np.uint8) for name in TOWERS}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read such an archive. Raises ValueError or KeyError where it is none."""
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return cls(
                {name: stored[f"{name}_onnx"].tobytes() for name in TOWERS},
                stored["known_items"],
                stored["shoppers"],
                tuple(stored["kinds"].tolist()),
                stored["pieces"],
                str(stored["vocabulary"]),
                float(stored["weight"]),
                json.loads(str(stored["record"])),
                stored["items"],
                stored["vectors"].astype(np.float32),
            )
