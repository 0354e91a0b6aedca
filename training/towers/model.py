"""The towers of the V1 report (its section on user-item-tag retrieval), in PyTorch.

The report gives the inputs and that each ends in a network (DNN); widths, one hidden layer, ReLU and dropout are ours.
The user tower reads the item tower's own representations: one space for all, and an item's embedding learns from both
sides (whether the report shares them, it does not say).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Widths:
    """Of the towers. item_features: of the embeddings of features.COLUMNS."""

    dimensions: int = 64
    hidden: int = 64
    item_features: tuple[int, ...] = (48, 8, 16, 24, 8, 8, 8)
    shopper: int = 32
    word: int = 48
    dropout: float = 0.1


class ItemTower(nn.Module):  # type: ignore[misc]  # torch is not there where types are checked
    """h_v = DNN([embeddings of all features])."""

    def __init__(self, sizes: list[int], widths: Widths) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList(
            _embedding(n, width) for n, width in zip(sizes, widths.item_features, strict=True)
        )
        self.network = _network(sum(widths.item_features), widths)

    def forward(self, codes: Tensor) -> Tensor:
        """codes (n, columns) -> (n, dimensions)."""
        parts = [embedding(codes[:, column]) for column, embedding in enumerate(self.embeddings)]
        found: Tensor = self.network(torch.cat(parts, dim=1))
        return found


class UserTower(nn.Module):  # type: ignore[misc]  # torch is not there where types are checked
    """h_u = DNN([EMB(id_u); of each kind of behaviour the mean of its items' representations])."""

    def __init__(self, n_shoppers: int, n_kinds: int, widths: Widths) -> None:
        super().__init__()
        self.embedding = _embedding(n_shoppers + 1, widths.shopper)
        self.network = _network(widths.shopper + n_kinds * widths.dimensions, widths)

    def forward(self, shopper: Tensor, means: Tensor) -> Tensor:
        """shopper (n,), 0 for one that is not known by id; means (n, kinds, dimensions) -> (n, dimensions)."""
        found: Tensor = self.network(torch.cat([self.embedding(shopper), means.flatten(1)], dim=1))
        return found


class TagTower(nn.Module):  # type: ignore[misc]  # torch is not there where types are checked
    """h_t = DNN(mean of the embeddings of the tag's word pieces)."""

    def __init__(self, n_pieces: int, widths: Widths) -> None:
        super().__init__()
        self.embedding = _embedding(n_pieces + 1, widths.word)
        self.network = _network(widths.word, widths)

    def forward(self, words: Tensor) -> Tensor:
        """words (n, pieces), 0 where there is none -> (n, dimensions)."""
        there = (words > 0).unsqueeze(2).to(self.embedding.weight.dtype)  # (n, pieces, 1)
        mean = (self.embedding(words) * there).sum(dim=1) / there.sum(dim=1).clamp(min=1.0)
        found: Tensor = self.network(mean)
        return found


class Towers(nn.Module):  # type: ignore[misc]  # torch is not there where types are checked
    """All three."""

    def __init__(self, sizes: list[int], n_shoppers: int, n_kinds: int, n_pieces: int, widths: Widths) -> None:
        super().__init__()
        self.item = ItemTower(sizes, widths)
        self.user = UserTower(n_shoppers, n_kinds, widths)
        self.tag = TagTower(n_pieces, widths)


def _embedding(n: int, width: int) -> nn.Embedding:
    found = nn.Embedding(n, width)
    # The usual deviation of 1 lets untrained ids drown what the other features say.
    nn.init.normal_(found.weight, std=0.05)
    return found


def _network(width: int, widths: Widths) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(width, widths.hidden),
        nn.ReLU(),
        nn.Dropout(widths.dropout),
        nn.Linear(widths.hidden, widths.dimensions),
    )
