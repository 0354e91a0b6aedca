"""What towers are trained on: a catalogue, and who took what, when and how. Pure numpy; one file."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import numpy as np

from recommend.towers import words
from recommend.towers.features import ItemRow, Vocabulary


@dataclass(frozen=True)
class Log:
    """A catalogue, and events by shopper and time; the events point into the other arrays.

    item_ids, shopper_ids  (n_items,), (n_shoppers,) 16-byte ids (dtype "V16")
    kinds                  (k,) names of the kinds of behaviour that there are
    codes, sizes           (n_items, columns) as features.Vocabulary says, and how many codes each column has
    titles, pieces         (n_items, words.MAX_PIECES) codes of the titles' word pieces; pieces is what they point into
    vocabulary             the vocabulary as JSON
    shoppers, items, how   (n,) numbers of the event's shopper, item and kind
    moments                (n,) any integer that rises with time, the same for what happened at once
    """

    item_ids: np.ndarray
    shopper_ids: np.ndarray
    kinds: np.ndarray
    codes: np.ndarray
    sizes: np.ndarray
    titles: np.ndarray
    pieces: np.ndarray
    vocabulary: np.ndarray
    shoppers: np.ndarray
    items: np.ndarray
    how: np.ndarray
    moments: np.ndarray

    @classmethod
    def of(
        cls,
        catalogue: Sequence[ItemRow],
        shopper_ids: np.ndarray,
        kinds: Sequence[str],
        *,
        shoppers: np.ndarray,
        items: np.ndarray,
        how: np.ndarray,
        moments: np.ndarray,
    ) -> Self:
        """The log of these events, by shopper and time, of items that are numbers in `catalogue`."""
        vocabulary = Vocabulary.of(catalogue)
        titles = [item.title for item in catalogue]
        pieces = words.pieces_of(titles)
        return cls(
            np.array([item.id for item in catalogue], dtype="V16"),
            shopper_ids,
            np.array(kinds),
            vocabulary.codes(catalogue),
            np.array(vocabulary.sizes),
            words.codes(titles, pieces),
            pieces,
            np.array(vocabulary.to_json()),
            shoppers,
            items,
            how,
            moments,
        )

    def save(self, path: Path) -> None:
        """Write everything into one file."""
        np.savez_compressed(path, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read such a file."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(**{field.name: stored[field.name] for field in fields(cls)})
